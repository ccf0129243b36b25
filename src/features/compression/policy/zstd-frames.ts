/**
 * Where the frames of a zstd body end (RFC 8878 §3): it may be several, one after the other. Node's decoder takes the end
 * of the first for the end of all when the next one begins in the same write (nodejs/node#64741), and drops the rest
 * without a word. So each write ends where a frame does.
 */
const MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC = 0x184d2a50
const CHECKSUM_BYTES = 4

/** What comes next; `anything`: this is no zstd, and the decoder may say so. */
type Field = 'magic' | 'descriptor' | 'block' | 'length' | 'anything'

const fieldBytes: Readonly<Record<Field, number>> = { magic: 4, descriptor: 1, block: 3, length: 4, anything: 0 }

export class ZstdFrames {
  #field: Field = 'magic'
  /** The number in the field so far, from its lowest byte up, and how many bytes of it have come. */
  #value = 0
  #known = 0
  /** Bytes that say nothing about what follows, up to the next field. */
  #skip = 0
  #isLast = false
  #hasChecksum = false

  /** The chunk in pieces, none of which reaches over the end of a frame. */
  cut(chunk: Uint8Array): Uint8Array[] {
    const pieces: Uint8Array[] = []
    let start = 0
    let at = 0
    while (at < chunk.byteLength && this.#field !== 'anything') {
      if (this.#skip > 0) {
        const bytes = Math.min(this.#skip, chunk.byteLength - at)
        this.#skip -= bytes
        at += bytes
      } else this.#take(chunk[at++] as number)
      if (!this.#isLast || this.#skip > 0) continue
      this.#isLast = false
      pieces.push(chunk.subarray(start, at))
      start = at
    }
    if (start < chunk.byteLength) pieces.push(chunk.subarray(start))
    return pieces
  }

  #take(byte: number): void {
    this.#value += byte * 2 ** (8 * this.#known++)
    if (this.#known < fieldBytes[this.#field]) return
    const value = this.#value
    this.#value = this.#known = 0
    this.#field = this.#read(value)
  }

  /** Takes a whole field. Returns the one that follows. */
  #read(value: number): Field {
    switch (this.#field) {
      case 'magic':
        if (value === MAGIC) return 'descriptor'
        return value - (value % 16) === SKIPPABLE_MAGIC ? 'length' : 'anything'
      case 'descriptor': {
        const isSingleSegment = (value & 0x20) !== 0
        const dictionaryBytes = [0, 1, 2, 4][value & 3] as number
        const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][value >> 6] as number
        this.#hasChecksum = (value & 4) !== 0
        this.#skip = (isSingleSegment ? 0 : 1) + dictionaryBytes + sizeBytes
        return 'block'
      }
      case 'block': {
        const isRepeated = ((value >> 1) & 3) === 1
        this.#isLast = (value & 1) === 1
        this.#skip = (isRepeated ? 1 : value >> 3) + (this.#isLast && this.#hasChecksum ? CHECKSUM_BYTES : 0)
        return this.#isLast ? 'magic' : 'block'
      }
      case 'length':
        this.#isLast = true
        this.#skip = value
        return 'magic'
      case 'anything':
        return 'anything'
    }
  }
}
