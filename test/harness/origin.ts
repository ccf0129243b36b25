/**
 * A backend that does exactly what a test says, byte for byte: answers, stalls, truncates, resets, sends interim
 * answers and trailers. It keeps each request as it came and counts connections.
 */
import { createServer, type Server, type Socket } from 'node:net'
import {
  BodyReader,
  bytesOf,
  destroyed,
  eventually,
  type Fields,
  fieldLines,
  fieldOf,
  fieldsOf,
  type Head,
  Incoming,
  readHead,
} from './wire.ts'

export class OriginRequest {
  readonly method: string
  readonly target: string
  /** The header section, exactly. */
  readonly raw: string
  readonly lines: readonly string[]
  readonly body: BodyReader
  /** Which connection it came on, from 1. */
  readonly connection: number
  /** The connection ended before the body did. */
  isBroken = false

  constructor(head: Head, from: Incoming, connection: number) {
    const [method = '', target = ''] = head.startLine.split(' ')
    this.method = method
    this.target = target
    this.raw = head.raw
    this.lines = head.lines
    this.connection = connection
    const length = fieldOf(head.lines, 'content-length')
    const isChunked = fieldOf(head.lines, 'transfer-encoding') !== undefined
    this.body = new BodyReader(from, isChunked ? 'chunked' : length === undefined ? 'none' : 'length', Number(length))
  }

  header(name: string): string | undefined {
    return fieldOf(this.lines, name)
  }

  headers(name: string): string[] {
    return fieldsOf(this.lines, name)
  }
}

/** The answering side of a connection. */
export class Answering {
  readonly socket: Socket
  readonly incoming: Incoming

  constructor(socket: Socket, incoming: Incoming) {
    this.socket = socket
    this.incoming = incoming
  }

  send(...parts: (string | Uint8Array)[]): this {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(parts.map(bytesOf)))
    return this
  }

  chunk(text: string | Uint8Array): this {
    const bytes = bytesOf(text)
    return this.send(`${bytes.byteLength.toString(16)}\r\n`, bytes, '\r\n')
  }

  lastChunk(trailers: Fields = {}): this {
    return this.send(`0\r\n${fieldLines(trailers)}\r\n`)
  }

  /** Ends our side regularly. */
  end(): void {
    this.socket.end()
  }

  /** Breaks the connection with a reset. */
  reset(): void {
    this.socket.resetAndDestroy()
  }

  /** Resolves when the gateway has closed the connection. */
  closed(): Promise<void> {
    return this.incoming.over()
  }
}

export type Behaviour = (request: OriginRequest, answer: Answering) => unknown

export interface ReplyOptions {
  readonly reason?: string
  readonly trailers?: Fields
  /** Send the body as these chunks. */
  readonly chunks?: readonly string[]
}

/** Reads the whole request, then answers it; without content for HEAD. */
export function reply(
  status = 200,
  fields: Fields = {},
  body: string | Uint8Array = '',
  options: ReplyOptions = {},
): Behaviour {
  const { reason = 'OK', chunks, trailers } = options
  return async (request, answer) => {
    await request.body.rest()
    const isChunked = chunks !== undefined || trailers !== undefined
    const mayHaveBody = request.method !== 'HEAD' && status >= 200 && status !== 204 && status !== 304
    const framing = isChunked
      ? 'Transfer-Encoding: chunked\r\n'
      : status === 204
        ? ''
        : `Content-Length: ${bytesOf(body).byteLength}\r\n`
    answer.send(`HTTP/1.1 ${status} ${reason}\r\n${fieldLines(fields)}${framing}\r\n`)
    if (!mayHaveBody) return
    if (!isChunked) {
      answer.send(body)
      return
    }
    for (const chunk of chunks ?? [body]) answer.chunk(chunk)
    answer.lastChunk(trailers)
  }
}

/** Reads the whole request, then sends these bytes. */
export function exactly(...bytes: (string | Uint8Array)[]): Behaviour {
  return async (request, answer) => {
    await request.body.rest()
    answer.send(...bytes)
  }
}

/** Takes the request and stays silent. */
export const silence: Behaviour = () => {}

export class ScriptedOrigin {
  readonly requests: OriginRequest[] = []
  /** How many connections there have been. */
  connections = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #behaviours: readonly Behaviour[]

  /** @param behaviours for the first request, the second, …; the last one for all that follow */
  constructor(behaviours: readonly Behaviour[]) {
    this.#behaviours = behaviours
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
  }

  static async start(...behaviours: Behaviour[]): Promise<ScriptedOrigin> {
    const origin = new ScriptedOrigin(behaviours.length === 0 ? [reply(200, {}, 'ok')] : behaviours)
    await new Promise<void>((resolve) => origin.#server.listen(0, '127.0.0.1', resolve))
    return origin
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** How many connections are open. */
  get open(): number {
    return this.#sockets.size
  }

  get last(): OriginRequest {
    const request = this.requests.at(-1)
    if (request === undefined) throw new Error('no request has arrived')
    return request
  }

  /** Resolves with the request when so many have arrived. */
  async saw(count: number): Promise<OriginRequest> {
    await eventually(`${count} requests at the origin`, () => this.requests.length >= count)
    return this.requests[count - 1] as OriginRequest
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    await Promise.all([...this.#sockets].map(destroyed))
    await closed
  }

  #accept(socket: Socket): void {
    const number = ++this.connections
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    const incoming = new Incoming(socket)
    this.#serve(socket, incoming, number).catch(() => socket.destroy())
  }

  async #serve(socket: Socket, incoming: Incoming, number: number): Promise<void> {
    for (;;) {
      const head = await readHead(incoming)
      if (head === undefined) {
        socket.end()
        return
      }
      const request = new OriginRequest(head, incoming, number)
      const behaviour = this.#behaviours[Math.min(this.requests.length, this.#behaviours.length - 1)] as Behaviour
      this.requests.push(request)
      await behaviour(request, new Answering(socket, incoming))
      await request.body.rest()
    }
  }
}

/** A port on which nobody listens. */
export async function deadUrl(): Promise<string> {
  const origin = await ScriptedOrigin.start()
  const { url } = origin
  await origin.close()
  return url
}
