/** A client that sends exactly the bytes it is told and keeps what comes back exactly as it came. */
import { connect, type Socket } from 'node:net'
import {
  BodyReader,
  bytesOf,
  destroyed,
  type Fields,
  type Framing,
  fieldLines,
  fieldOf,
  fieldsOf,
  type Head,
  Incoming,
  readHead,
} from './wire.ts'

export class RawAnswer {
  readonly statusLine: string
  readonly status: number
  readonly reason: string
  /** The header section line by line, exactly. */
  readonly lines: readonly string[]
  readonly raw: string
  /** The 1xx answers before it. */
  readonly interims: readonly Head[]
  readonly body: BodyReader

  constructor(head: Head, interims: readonly Head[], method: string, from: Incoming) {
    this.statusLine = head.startLine
    this.status = Number(head.startLine.slice(9, 12))
    this.reason = head.startLine.slice(13)
    this.lines = head.lines
    this.raw = head.raw
    this.interims = interims
    const length = fieldOf(head.lines, 'content-length')
    this.body = new BodyReader(from, this.#framing(method, length), Number(length))
  }

  /** RFC 9112 §6.3. */
  #framing(method: string, length: string | undefined): Framing {
    const { status } = this
    if (method === 'HEAD' || status === 101 || status === 204 || status === 304) return 'none'
    if (fieldOf(this.lines, 'transfer-encoding') !== undefined) return 'chunked'
    return length === undefined ? 'close' : 'length'
  }

  header(name: string): string | undefined {
    return fieldOf(this.lines, name)
  }

  headers(name: string): string[] {
    return fieldsOf(this.lines, name)
  }

  /** What has been read of the body. */
  get text(): string {
    return this.body.text
  }

  get trailerLines(): readonly string[] {
    return this.body.trailerLines
  }

  /** Whether it ended as its framing says. */
  get isComplete(): boolean {
    return this.body.isComplete
  }

  get problem(): { code: string; status: number; title: string; request_id: string } {
    return JSON.parse(this.text)
  }
}

export interface RequestParts {
  readonly method?: string
  readonly target?: string
  readonly headers?: Fields
  readonly body?: string | Uint8Array
  readonly host?: string
}

export class RawClient {
  readonly socket: Socket
  readonly incoming: Incoming

  constructor(socket: Socket) {
    this.socket = socket
    this.incoming = new Incoming(socket)
    socket.on('error', () => {})
    socket.setNoDelay(true)
  }

  /** @param address `127.0.0.1:8080` or `unix:/path` */
  static async connect(address: string): Promise<RawClient> {
    const options = address.startsWith('unix:')
      ? { path: address.slice(5) }
      : { host: '127.0.0.1', port: Number(address.slice(address.lastIndexOf(':') + 1)) }
    const client = new RawClient(connect(options))
    await new Promise<void>((resolve, reject) => client.socket.once('connect', resolve).once('error', reject))
    return client
  }

  send(...parts: (string | Uint8Array)[]): this {
    this.socket.write(Buffer.concat(parts.map(bytesOf)))
    return this
  }

  /** Sends one whole request; Content-Length comes with a body. */
  request({ method = 'GET', target = '/', headers = {}, body, host = 'example.com' }: RequestParts = {}): this {
    const length = body === undefined ? '' : `Content-Length: ${bytesOf(body).byteLength}\r\n`
    return this.send(`${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${fieldLines(headers)}${length}\r\n`, body ?? '')
  }

  chunk(text: string | Uint8Array): this {
    const bytes = bytesOf(text)
    return this.send(`${bytes.byteLength.toString(16)}\r\n`, bytes, '\r\n')
  }

  /** The next header section, interim or final. */
  async head(): Promise<Head> {
    const head = await readHead(this.incoming)
    if (head === undefined) throw new Error('the connection was closed without an answer')
    return head
  }

  /** The next answer once its header section is here; its body is still to be read. */
  async answer(method = 'GET'): Promise<RawAnswer> {
    const interims: Head[] = []
    for (;;) {
      const head = await this.head()
      const isInterim = /^HTTP\/1\.1 1(?!01)/.test(head.startLine)
      if (!isInterim) return new RawAnswer(head, interims, method, this.incoming)
      interims.push(head)
    }
  }

  /** The next answer with all of its body. */
  async whole(method = 'GET'): Promise<RawAnswer> {
    const answer = await this.answer(method)
    await answer.body.rest()
    return answer
  }

  /** Sends a request and reads its whole answer. */
  fetch(parts: RequestParts = {}): Promise<RawAnswer> {
    return this.request(parts).whole(parts.method)
  }

  /** Resolves when the other side has closed the connection. */
  closed(): Promise<void> {
    return this.incoming.over()
  }

  /** Goes away with a reset. */
  reset(): void {
    this.socket.resetAndDestroy()
  }

  close(): Promise<void> {
    // A mere end would say that no more requests come, and leave open whether it still reads.
    const isTcp = this.socket.remoteAddress !== undefined
    if (isTcp && !this.socket.destroyed && !this.socket.readableEnded) this.socket.resetAndDestroy()
    return destroyed(this.socket)
  }
}

/** One request on a connection of its own. */
export async function fetchRaw(address: string, parts: RequestParts = {}): Promise<RawAnswer> {
  const client = await RawClient.connect(address)
  try {
    return await client.fetch(parts)
  } finally {
    await client.close()
  }
}
