/**
 * Contents as text, byte for byte: node writes text in one piece with the header section, which costs less than two writes.
 * Making it costs a copy, so for contents that are sent again and again, as a cache does, it is remembered.
 */

/** As many contents of the size that is sent as text are 4 MiB at most, and their texts as much again. */
const MOST_TEXTS = 1024

export class Texts {
  readonly #known = new Map<Uint8Array, string>()

  /** @param content never changed once it was handed in */
  of(content: Uint8Array): string {
    const known = this.#known.get(content)
    if (known !== undefined) return known
    // Those in use are back at once.
    if (this.#known.size >= MOST_TEXTS) this.#known.clear()
    const text = asText(content)
    this.#known.set(content, text)
    return text
  }
}

export function asText(content: Uint8Array): string {
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1')
}
