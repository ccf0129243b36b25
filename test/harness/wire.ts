/**
 * HTTP/1.1 as bytes, read without any library of the product's: what arrives is kept exactly, only split into lines,
 * chunks and trailers. Every wait is bounded; what had arrived by then is in the error.
 */
import { once } from 'node:events'
import type { Socket } from 'node:net'

/** No wait in a test takes this long, on however busy a machine. */
export const WAIT_MS = 15_000

/** The bytes that a socket brings, to be taken in order. */
export class Incoming {
  readonly #socket: Socket
  #buffer: Buffer = Buffer.alloc(0)
  /** No more will come; `isBroken` when it did not come to a regular end. */
  isOver = false
  isBroken = false
  readonly #waiting = new Set<() => void>()

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk])
      this.#wake()
    })
    socket.on('end', () => this.#end(false))
    socket.on('error', () => this.#end(true))
    socket.on('close', () => this.#end(this.isBroken || !this.isOver))
  }

  /** Up to and with `delimiter`; undefined when the connection is over before that. */
  async until(delimiter: string): Promise<Buffer | undefined> {
    let at = this.#buffer.indexOf(delimiter)
    while (at < 0 && !this.isOver) {
      await this.#more(`${JSON.stringify(delimiter)}`)
      at = this.#buffer.indexOf(delimiter)
    }
    return at < 0 ? undefined : this.#take(at + delimiter.length)
  }

  /** Exactly so many bytes; fewer when the connection is over before that. */
  async exactly(count: number): Promise<Buffer> {
    while (this.#buffer.length < count && !this.isOver) await this.#more(`${count} bytes`)
    return this.#take(Math.min(count, this.#buffer.length))
  }

  /** What there is, up to `limit` bytes, at least one; empty when the connection is over. */
  async some(limit = Number.POSITIVE_INFINITY): Promise<Buffer> {
    while (this.#buffer.length === 0 && !this.isOver) await this.#more('anything')
    return this.#take(Math.min(limit, this.#buffer.length))
  }

  /** Waits until the other side has ended or broken the connection. */
  async over(): Promise<void> {
    while (!this.isOver) await this.#more('the end of the connection')
  }

  #take(count: number): Buffer {
    const taken = this.#buffer.subarray(0, count)
    this.#buffer = this.#buffer.subarray(count)
    return taken
  }

  #end(isBroken: boolean): void {
    this.isBroken = isBroken
    this.isOver = true
    this.#wake()
  }

  async #more(wanted: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      reject(new Error(`waited for ${wanted}, but got only ${JSON.stringify(this.#buffer.toString('latin1'))}`))
    }, WAIT_MS)
    this.#waiting.add(resolve)
    await promise.finally(() => clearTimeout(timer))
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }

  /** Stops reading, so that the sender meets a full connection. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }
}

export interface Head {
  readonly startLine: string
  /** Exactly as they came, without their line ends. */
  readonly lines: readonly string[]
  /** All of it, with the empty line. */
  readonly raw: string
}

/** A header section; undefined when the connection is over instead. */
export async function readHead(from: Incoming): Promise<Head | undefined> {
  const bytes = await from.until('\r\n\r\n')
  if (bytes === undefined) return undefined
  const raw = bytes.toString('latin1')
  const [startLine = '', ...lines] = raw.slice(0, -4).split('\r\n')
  return { startLine, lines, raw }
}

/** The value of the first such line, or undefined. */
export function fieldOf(lines: readonly string[], name: string): string | undefined {
  return fieldsOf(lines, name)[0]
}

export function fieldsOf(lines: readonly string[], name: string): string[] {
  return lines
    .filter((line) => line.slice(0, line.indexOf(':')).toLowerCase() === name.toLowerCase())
    .map((line) => line.slice(line.indexOf(':') + 1).trim())
}

export type Framing = 'none' | 'length' | 'chunked' | 'close'

/** A body piece by piece: each chunk of a chunked one, and what arrives together of others. */
export class BodyReader {
  readonly framing: Framing
  readonly chunks: Buffer[] = []
  trailerLines: string[] = []
  /** Ended as its framing says; false also while it goes on. */
  isComplete = false
  readonly #from: Incoming
  #left: number
  #isBehindChunk = false

  constructor(from: Incoming, framing: Framing, length = 0) {
    this.#from = from
    this.framing = framing
    this.#left = length
    if (framing === 'none' || (framing === 'length' && length === 0)) this.isComplete = true
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks)
  }

  get text(): string {
    return this.bytes.toString('latin1')
  }

  /** The next piece, or undefined at the end or where it broke off. */
  async next(): Promise<Buffer | undefined> {
    if (this.isComplete) return undefined
    const piece = this.framing === 'chunked' ? await this.#chunk() : await this.#piece()
    if (piece !== undefined) this.chunks.push(piece)
    return piece
  }

  async rest(): Promise<this> {
    while ((await this.next()) !== undefined);
    return this
  }

  async #piece(): Promise<Buffer | undefined> {
    const piece = await this.#from.some(this.framing === 'length' ? this.#left : undefined)
    if (piece.length === 0) {
      // RFC 9112 §8: only a regular close can be the end of a body without a length.
      if (this.framing === 'close') this.isComplete = !this.#from.isBroken
      return undefined
    }
    this.#left -= piece.length
    if (this.framing === 'length' && this.#left === 0) this.isComplete = true
    return piece
  }

  async #chunk(): Promise<Buffer | undefined> {
    // The end of a chunk's line may come only with the next one; the chunk is there before that.
    if (this.#isBehindChunk && (await this.#from.until('\r\n')) === undefined) return undefined
    const line = await this.#from.until('\r\n')
    if (line === undefined) return undefined
    const size = Number.parseInt(line.toString('latin1'), 16)
    if (!Number.isInteger(size)) throw new Error(`not a chunk size: ${JSON.stringify(line.toString('latin1'))}`)
    if (size > 0) {
      this.#isBehindChunk = true
      const chunk = await this.#from.exactly(size)
      return chunk.length === 0 ? undefined : chunk
    }
    for (;;) {
      const trailer = await this.#from.until('\r\n')
      if (trailer === undefined) return undefined
      if (trailer.length === 2) break
      this.trailerLines.push(trailer.toString('latin1').slice(0, -2))
    }
    this.isComplete = true
    return undefined
  }
}

/** Lines as bytes, from `['Name: value', …]`, a flat list of names and values, or an object. */
export type Fields = readonly string[] | Readonly<Record<string, string>>

export function fieldLines(fields: Fields): string {
  if (!isList(fields)) return fieldLines(Object.entries(fields).flat())
  let lines = ''
  for (let i = 0; i < fields.length; i += 2) lines += `${fields[i]}: ${fields[i + 1]}\r\n`
  return lines
}

function isList(fields: Fields): fields is readonly string[] {
  return Array.isArray(fields)
}

export function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? Buffer.from(text, 'latin1') : text
}

/** Ends a socket at once and waits for that. */
export async function destroyed(socket: Socket): Promise<void> {
  if (socket.closed) return
  const closed = once(socket, 'close')
  socket.destroy()
  await closed
}

/** Resolves when it is so; rejects by its own words when it never is. */
export async function eventually(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + WAIT_MS
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
