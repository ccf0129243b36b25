/**
 * Finds where an HTTP/1.1 answer ends, on a connection that asks for one thing at a time: enough for answers to GET, and
 * cheap, so that the load's own work does not show in the latencies it measures.
 */

const framedByClose = -1
const chunked = -2

export class AnswerReader {
  #text = ''
  /** Bytes of the body that are still to come, or how it ends; undefined: the head is not complete. */
  #left: number | undefined
  status = 0
  /** Whether the connection may be used again after this answer. */
  keepsAlive = true

  get hasBegun(): boolean {
    return this.#text !== '' || this.#left !== undefined
  }

  /** Whether the answer is complete with this. */
  read(chunk: Buffer): boolean {
    this.#text += chunk.toString('latin1')
    while (this.#left === undefined) {
      const end = this.#text.indexOf('\r\n\r\n')
      if (end < 0) return false
      this.#head(this.#text.slice(0, end + 2))
      this.#text = this.#text.slice(end + 4)
      // 1xx: the answer is still to come.
      if (this.status < 200) this.#left = undefined
    }
    if (this.#left === chunked) return /(?:^|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n$/.test(this.#text)
    if (this.#left === framedByClose) return false
    this.#left -= this.#text.length
    this.#text = ''
    return this.#left <= 0
  }

  /** The connection was closed: whether that completes the answer. */
  close(): boolean {
    return this.#left === framedByClose
  }

  reset(): void {
    this.#text = ''
    this.#left = undefined
    this.status = 0
    this.keepsAlive = true
  }

  #head(head: string): void {
    this.status = Number(head.slice(9, 12))
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    if (length !== undefined) this.#left = Number(length)
    else if (this.status === 204 || this.status === 304) this.#left = 0
    else this.#left = /\r\ntransfer-encoding: *chunked/i.test(head) ? chunked : framedByClose
    this.keepsAlive =
      head.startsWith('HTTP/1.1') && !/\r\nconnection: *close/i.test(head) && this.#left !== framedByClose
  }
}
