/**
 * The client's side of one HTTP/1.1 exchange: writes the answer that the pipeline drives, with a framing of its own
 * (RFC 9112 §6), and tells the pipeline when the client reads slowly or goes away. An answer that breaks off is never
 * finished: no last chunk, fewer bytes than announced, or a reset where only the end of the connection marks its end.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Downstream, DownstreamOwner } from '../core/downstream.ts'
import { GatewayError } from '../core/errors.ts'
import type { HeaderList } from '../core/headers.ts'
import type { Connection, Occupant } from './connection.ts'
import type { Accepted } from './policy/guard.ts'
import { allowedTrailers, type IncomingBody } from './request-body.ts'
import { outgoingHeaders } from './response-headers.ts'
import { asText } from './texts.ts'

/** Starts exchanges when their turn on the connection has come. */
export interface Starter {
  begin(down: Http1Downstream): void
}

/** Content up to this size is copied to leave in one write with its header section, which costs less than two. */
const ONE_WRITE_BYTES = 4096

export class Http1Downstream implements Downstream, Occupant {
  readonly handshake = undefined
  readonly incoming: IncomingMessage
  readonly body: IncomingBody | null
  readonly connection: Connection
  /** What the guard made of the request; undefined for the answer to an upgrade. */
  readonly accepted: Accepted | undefined
  startedAt = 0
  readonly #response: ServerResponse
  readonly #starter: Starter | undefined
  #owner: DownstreamOwner | undefined = undefined
  #expectsContinue: boolean
  #isHeadSent = false
  #isOver = false
  #isDrainHeard = false
  #hasContent = true
  #isClosing = false
  /** It was given at once and as a whole. */
  #isWhole = false
  /** Content-Length of the answer; -1 where there is none. */
  #announced = -1
  #written = 0
  /** The whole content in one chunk, kept back for `end` to send with it. */
  #held: Uint8Array | undefined = undefined

  constructor(
    connection: Connection,
    incoming: IncomingMessage,
    response: ServerResponse,
    body: IncomingBody | null,
    accepted?: Accepted,
    starter?: Starter,
  ) {
    this.connection = connection
    this.incoming = incoming
    this.#response = response
    this.body = body
    this.accepted = accepted
    this.#expectsContinue = accepted?.expectsContinue === true
    this.#starter = starter
  }

  get isHeadSent(): boolean {
    return this.#isHeadSent
  }

  /** The answer is complete or broken off, or nobody is there to read it. */
  get isOver(): boolean {
    return this.#isOver
  }

  start(): void {
    this.startedAt = this.connection.owner.clock.now()
    this.#starter?.begin(this)
  }

  attach(owner: DownstreamOwner): void {
    this.#owner = owner
  }

  continue(): void {
    if (!this.#expectsContinue || this.#isHeadSent || this.#isOver) return
    this.#expectsContinue = false
    this.#response.writeContinue()
  }

  interim(status: number, headers: HeaderList): void {
    // RFC 9110 §15.2: never to a 1.0 client. 100 is ours to say, 101 belongs to tunnels.
    if (this.#isHeadSent || this.#isOver || this.incoming.httpVersionMinor < 1 || status < 102 || status > 199) return
    try {
      this.#response.writeInformation?.(status, headers)
    } catch {
      // A field that can't be written: interim answers are optional (RFC 9110 §15.2), so this one is left out.
    }
  }

  head(status: number, reason: string, headers: HeaderList, isWhole = false): void {
    if (this.#isHeadSent || this.#isOver) return
    this.#isHeadSent = true
    const response = this.#response
    const isOld = this.incoming.httpVersionMinor < 1
    this.#hasContent = this.incoming.method !== 'HEAD' && status !== 204 && status !== 304 && status >= 200
    const out = outgoingHeaders(headers, this.#hasContent && !isOld)
    this.#announced = this.#hasContent ? out.length : -1
    this.#isClosing = this.#mustClose(isOld)
    let { list } = out
    if (this.#isClosing) {
      list = [...list, 'Connection', 'close']
      this.connection.lingerWhenDone()
    } else if (!isOld) {
      // Keeping the connection is what HTTP/1.1 does anyway: node's own Connection and Keep-Alive lines are left out.
      response.removeHeader('Connection')
    }
    // RFC 9112 §6.1: no chunks for a 1.0 client, whatever its TE says.
    if (isOld) response.useChunkedEncodingByDefault = false
    try {
      response.writeHead(status, reason, list)
    } catch (thrown) {
      this.#replace(thrown)
      return
    }
    this.#isWhole = isWhole
    if (!isWhole && unflushed.push(this) === 1) process.nextTick(flushAll)
  }

  /** Only what a cache gives comes again. */
  #textOf(content: Uint8Array): string {
    return this.#isWhole ? this.connection.owner.texts.of(content) : asText(content)
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver || !this.#hasContent) return true
    this.#written += chunk.byteLength
    if (this.#announced >= 0) {
      if (this.#written > this.#announced) {
        this.#breach()
        return true
      }
      if (chunk.byteLength === this.#announced) {
        this.#held = chunk
        return true
      }
    }
    return this.#send(chunk)
  }

  end(trailers?: HeaderList): void {
    if (this.#isOver) return
    if (this.#announced >= 0 && this.#written !== this.#announced) {
      this.#breach()
      return
    }
    this.#isOver = true
    const response = this.#response
    if (trailers !== undefined && trailers.length > 0 && this.#mayHaveTrailers()) this.#trail(trailers)
    const isUnread = this.body !== null && !this.incoming.complete
    const isLast = isUnread || (this.connection.hasEnded && !this.connection.hasWaiting)
    if (isLast && !this.#isClosing) this.#closeAfter()
    if (this.#held === undefined) response.end()
    else if (this.#held.byteLength <= ONE_WRITE_BYTES) response.end(this.#textOf(this.#held), 'latin1')
    else response.end(this.#held)
    this.#held = undefined
    if (isUnread) this.body?.discard()
    const { socket } = this.connection
    if (socket.writableLength > 0) this.connection.watchWrites()
    this.connection.leave()
  }

  abort(): void {
    if (this.#isOver) return
    this.#isOver = true
    const connection = this.connection
    connection.isClosing = true
    const response = this.#response
    const { socket } = connection
    if (response.socket === null && !socket.destroyed) {
      // The answers before this one have not left yet. They are whole, so they may.
      response.once('socket', () => socket.destroy())
    } else if (!this.#isHeadSent || (this.#hasContent && this.#announced < 0 && this.incoming.httpVersionMinor < 1)) {
      connection.reset()
    } else {
      this.#flushHeld()
      response.flushHeaders()
      connection.closeSoon()
    }
    connection.leave()
  }

  /** The connection has closed under it. */
  closed(): void {
    this.body?.fail(new GatewayError('client_gone', 'the connection closed'))
    if (this.#isOver) return
    this.#isOver = true
    this.#owner?.gone()
  }

  /** What was held back goes out: nothing has followed within the tick. */
  flush(): void {
    if (this.#isOver) return
    if (this.#held !== undefined) this.#flushHeld()
    else if (this.#written === 0) this.#response.flushHeaders()
  }

  #flushHeld(): void {
    const held = this.#held
    this.#held = undefined
    if (held !== undefined) this.#send(held)
  }

  #send(chunk: Uint8Array): boolean {
    if (this.#response.write(chunk)) return true
    if (!this.#isDrainHeard) {
      this.#isDrainHeard = true
      this.#response.on('drain', () => {
        if (!this.#isOver) this.#owner?.drained()
      })
    }
    this.connection.watchWrites()
    return false
  }

  #mustClose(isOld: boolean): boolean {
    if (this.connection.isLastAnswer || !this.#response.shouldKeepAlive) return true
    // A client that was not asked for its content may send it or not (RFC 9110 §10.1.1): nobody knows what comes next.
    if (this.#expectsContinue) return true
    if (this.body !== null && !this.body.isTaken) return true
    return isOld && this.#hasContent && this.#announced < 0
  }

  /** The answer is over before the request is: the rest is not worth reading for the sake of the connection. */
  #closeAfter(): void {
    const connection = this.connection
    connection.isClosing = true
    this.#response.once('finish', () => connection.linger())
  }

  #mayHaveTrailers(): boolean {
    return this.#hasContent && this.#announced < 0 && this.incoming.httpVersionMinor >= 1
  }

  #trail(trailers: HeaderList): void {
    const pairs: [string, string][] = []
    const allowed = allowedTrailers(trailers)
    for (let i = 0; i < allowed.length; i += 2) pairs.push([allowed[i] as string, allowed[i + 1] as string])
    try {
      this.#response.addTrailers(pairs)
    } catch {
      // A field that can't be written. Trailers may be dropped (RFC 9110 §6.5.1), a broken section may not be sent.
      this.#response.addTrailers([])
    }
  }

  /** More or less content than was announced: whatever the reason, the client must see that it is not whole. */
  #breach(): void {
    this.abort()
    this.#owner?.gone()
  }

  /** Node refuses the header section, so it can't be one: 502, and the exchange is told to stop. */
  #replace(thrown: unknown): void {
    this.#isOver = true
    const response = this.#response
    this.connection.lingerWhenDone()
    const detail = thrown instanceof Error ? thrown.message : ''
    response.writeHead(502, 'Bad Gateway', ['Content-Length', '0', 'Connection', 'close'])
    response.end()
    this.body?.fail(new GatewayError('bad_response', detail))
    this.connection.leave()
    this.#owner?.gone()
  }
}

/** Answers whose header section was given in this tick; many at once where many waited for the same thing. */
let unflushed: Http1Downstream[] = []

function flushAll(): void {
  const downs = unflushed
  unflushed = []
  for (const down of downs) down.flush()
}
