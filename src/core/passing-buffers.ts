/**
 * Keeps the memory of streamed bodies small. Every read from a socket brings a buffer of up to 64 KiB that is garbage a
 * moment later, but so little of it lies in V8's heap that nothing collects it before some 100 MB have piled up
 * (measured: one fast 1 GiB body, 198 MB resident). So after every 16 MiB of large chunks the young generation is
 * collected: 1 to 2 ms. On a busy machine, the same body then took up to 174 MB; with every 32 MiB, up to 206 MB. Small
 * bodies don't count; they are collected along with the rest.
 */

const LARGE_CHUNK_BYTES = 16 * 1024
const COLLECT_EVERY_BYTES = 16 * 1024 * 1024

export class PassingBuffers {
  readonly #collect: () => void
  #bytes = 0

  /** @param collect collects the young generation; does nothing where the process does not allow it */
  constructor(collect: () => void) {
    this.#collect = collect
  }

  /** Notes a chunk that has been passed on. */
  passed(chunkBytes: number): void {
    if (chunkBytes < LARGE_CHUNK_BYTES) return
    this.#bytes += chunkBytes
    if (this.#bytes < COLLECT_EVERY_BYTES) return
    this.#bytes = 0
    this.#collect()
  }
}
