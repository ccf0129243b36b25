/**
 * The content of a request as it arrives: counted, bounded in size and in slowness, handed out as a stream of its own.
 * That stream can be destroyed without touching the client's connection, and it is destroyed with an error whenever the
 * content broke off, so that a broken upload never looks complete to whoever reads it.
 */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { HeaderList } from '../core/headers.ts'
import type { RequestBody } from '../core/message.ts'
import type { PassingBuffers } from '../core/passing-buffers.ts'
import { Deadline, type Wheel } from '../core/wheel.ts'

export interface BodyLimits {
  readonly maxBytes: number
  /** Bytes per second below which a client is cut off; 0: none. */
  readonly minRate: number
  /** Trailer fields of one body. */
  readonly trailerCount: number
}

/** The time over which the rate is taken: also the grace that a body has at its start. */
const WINDOW_MS = 5000
/** Chunks of one byte need six on the wire; nobody needs more than this. */
const PADDING_FACTOR = 16
const PADDING_BYTES = 1024 * 1024

export class IncomingBody implements RequestBody {
  readonly lengthBytes: number | undefined
  takenBytes = 0
  trailers: HeaderList = []
  readonly #incoming: IncomingMessage
  readonly #clock: Clock
  readonly #wheel: Wheel
  readonly #buffers: PassingBuffers
  readonly #limits: BodyLimits
  #maxBytes: number
  #arrived = 0
  #stream: BodyStream | undefined = undefined
  #failure: GatewayError | undefined = undefined
  #isComplete = false
  #isListening = false
  /** Bytes that the connection had brought when reading began. */
  #wireStart = 0
  #slow: Deadline | undefined = undefined
  #windowAt = 0
  #windowBytes = 0

  constructor(
    incoming: IncomingMessage,
    lengthBytes: number | undefined,
    limits: BodyLimits,
    clock: Clock,
    wheel: Wheel,
    buffers: PassingBuffers,
  ) {
    this.#incoming = incoming
    this.lengthBytes = lengthBytes
    this.#limits = limits
    this.#maxBytes = limits.maxBytes
    this.#clock = clock
    this.#wheel = wheel
    this.#buffers = buffers
  }

  /** Whether it is whole, or may still become so: all of it has arrived, or somebody is reading it. */
  get isTaken(): boolean {
    if (this.#failure !== undefined) return false
    return this.#isComplete || this.#incoming.complete || (this.#stream !== undefined && !this.#stream.destroyed)
  }

  limit(maxBytes: number): void {
    this.#maxBytes = maxBytes
    if (this.#arrived > maxBytes) this.fail(tooLarge(maxBytes))
  }

  open(): Readable {
    const earlier = this.#stream
    const stream = new BodyStream(this)
    this.#stream = stream
    earlier?.destroy()
    if (this.takenBytes > 0) this.#failure ??= new GatewayError('internal', 'a request body was opened again')
    else if ((this.lengthBytes ?? 0) > this.#maxBytes) this.#failure ??= tooLarge(this.#maxBytes)
    if (this.#failure !== undefined) stream.destroy(this.#failure)
    return stream
  }

  /** Breaks the body off: the connection closed, its framing turned out to be broken, or a limit was passed. */
  fail(why: GatewayError): void {
    if (this.#isComplete || this.#failure !== undefined) return
    this.#failure = why
    this.#unwatch()
    this.#incoming.pause()
    this.#stream?.destroy(why)
  }

  /** Nobody will read on: what still comes is thrown away. */
  discard(): void {
    this.#unwatch()
    this.#incoming.removeAllListeners('data')
    this.#incoming.resume()
  }

  /** The stream wants more. */
  wanted(stream: BodyStream): void {
    if (stream !== this.#stream || this.#isComplete) return
    if (!this.#isListening) {
      this.#isListening = true
      this.#wireStart = this.#incoming.socket.bytesRead
      this.#incoming.on('data', (chunk: Buffer) => this.#arrive(chunk))
      this.#incoming.on('end', () => this.#complete())
    }
    // Also the first time: an earlier stream that was dropped unread has paused it.
    this.#incoming.resume()
    this.#watch()
  }

  /** The stream was given up. */
  dropped(stream: BodyStream): void {
    if (stream !== this.#stream) return
    this.#unwatch()
    if (!this.#isComplete) this.#incoming.pause()
  }

  #arrive(chunk: Buffer): void {
    if (this.#failure !== undefined) return
    this.#arrived += chunk.byteLength
    if (this.#arrived > this.#maxBytes) {
      this.fail(tooLarge(this.#maxBytes))
      return
    }
    if (this.lengthBytes === undefined && this.#isPadded()) {
      this.fail(new GatewayError('bad_framing', 'chunk extensions without end'))
      return
    }
    const stream = this.#stream
    if (stream === undefined || stream.destroyed) {
      this.#incoming.pause()
      this.#incoming.unshift(chunk)
      this.#arrived -= chunk.byteLength
      return
    }
    this.takenBytes = this.#arrived
    this.#buffers.passed(chunk.byteLength)
    if (stream.push(chunk)) return
    this.#unwatch()
    this.#incoming.pause()
  }

  /** The parser bounds the extensions of one chunk, not of all: 16 kB may come with every byte (CVE-2024-22019). */
  #isPadded(): boolean {
    return this.#incoming.socket.bytesRead - this.#wireStart > PADDING_BYTES + PADDING_FACTOR * this.#arrived
  }

  #complete(): void {
    if (this.#failure !== undefined) return
    const { rawTrailers } = this.#incoming
    if (rawTrailers.length > this.#limits.trailerCount * 2) {
      this.fail(new GatewayError('header_too_large', `${rawTrailers.length / 2} trailer fields`))
      return
    }
    this.#isComplete = true
    this.#unwatch()
    this.trailers = allowedTrailers(rawTrailers)
    this.#stream?.push(null)
  }

  /** Time counts only while the stream wants bytes: a slow backend is not the client's fault. */
  #watch(): void {
    if (this.#limits.minRate === 0) return
    this.#slow ??= new Deadline(() => this.#checkRate())
    if (this.#slow.slot >= 0) return
    this.#windowAt = this.#clock.now()
    this.#windowBytes = this.#arrived
    this.#wheel.arm(this.#slow, this.#windowAt + WINDOW_MS)
  }

  #unwatch(): void {
    if (this.#slow !== undefined) this.#wheel.disarm(this.#slow)
  }

  #checkRate(): void {
    const now = this.#clock.now()
    const bytes = this.#arrived - this.#windowBytes
    const rate = (bytes * 1000) / (now - this.#windowAt)
    if (rate < this.#limits.minRate) {
      this.fail(new GatewayError('body_too_slow', `${Math.round(rate)} bytes per second`))
      return
    }
    this.#watch()
  }
}

class BodyStream extends Readable {
  readonly #body: IncomingBody

  constructor(body: IncomingBody) {
    super()
    this.#body = body
    // Whoever reads it listens for errors; before that, nobody does, and an unheard error ends the process.
    this.on('error', ignore)
  }

  override _read(): void {
    this.#body.wanted(this)
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#body.dropped(this)
    callback(error)
  }
}

function ignore(): void {}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError('body_too_large', `more than ${maxBytes} bytes`)
}

/** RFC 9110 §6.5.1: fields for framing, routing, authentication or request modifiers can't be trailers. */
const notInTrailers = new Set([
  'content-length',
  'transfer-encoding',
  'content_length',
  'transfer_encoding',
  'host',
  'connection',
  'keep-alive',
  'upgrade',
  'te',
  'trailer',
  'expect',
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'content-encoding',
  'content-type',
  'content-range',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
])

/** Trailers without those that a recipient could mistake for header fields that matter. */
export function allowedTrailers(trailers: HeaderList): HeaderList {
  const kept: HeaderList = []
  for (let i = 0; i < trailers.length; i += 2) {
    const name = trailers[i] as string
    if (!notInTrailers.has(name.toLowerCase())) kept.push(name, trailers[i + 1] as string)
  }
  return kept
}
