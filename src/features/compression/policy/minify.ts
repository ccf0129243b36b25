/**
 * JSON without its insignificant whitespace (RFC 8259 §2), piece by piece, whatever the pieces' borders cut through.
 * Strings and numbers are copied byte for byte, so every reader gets exactly the same values. What stands outside of any
 * object or array stays as it is: lines of JSON remain lines. What is not JSON comes through without two words of it
 * growing together.
 */

const QUOTE = 0x22
const BACKSLASH = 0x5c

export class JsonMinifier {
  #depth = 0
  #isInString = false
  #isEscaped = false
  /** Whitespace was left out since the last byte. */
  #hasGap = false
  #isAfterWord = false

  /** What to send for this piece; may be empty. */
  push(piece: Uint8Array): Uint8Array {
    const out = new Uint8Array(piece.byteLength + 1)
    let length = 0
    for (let i = 0; i < piece.byteLength; i++) {
      const byte = piece[i] as number
      if (this.#isInString) {
        out[length++] = byte
        if (this.#isEscaped) this.#isEscaped = false
        else if (byte === BACKSLASH) this.#isEscaped = true
        else if (byte === QUOTE) this.#isInString = false
        continue
      }
      if (isSpace(byte) && this.#depth > 0) {
        this.#hasGap = true
        continue
      }
      const isWord = this.#see(byte)
      if (this.#hasGap && isWord && this.#isAfterWord) out[length++] = 0x20
      this.#hasGap = false
      this.#isAfterWord = isWord
      out[length++] = byte
    }
    return out.subarray(0, length)
  }

  /** Notes structure. Returns whether the byte is part of a number, a literal, or of something that is no JSON. */
  #see(byte: number): boolean {
    switch (byte) {
      case QUOTE:
        this.#isInString = true
        return false
      case 0x7b: // {
      case 0x5b: // [
        this.#depth++
        return false
      case 0x7d: // }
      case 0x5d: // ]
        if (this.#depth > 0) this.#depth--
        return false
      case 0x2c: // ,
      case 0x3a: // :
        return false
      default:
        return !isSpace(byte)
    }
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/** Whether a media type is JSON in UTF-8: the only one that may be read byte by byte. */
export function isJson(contentType: string): boolean {
  const [type = '', ...parameters] = contentType.toLowerCase().split(';')
  if (!/^application\/(?:[a-z0-9!#$&^_.+-]+\+)?json$/.test(type.trim())) return false
  return parameters.every((parameter) => !/^\s*charset\s*=/.test(parameter) || /=\s*"?utf-8"?\s*$/.test(parameter))
}
