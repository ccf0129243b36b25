/**
 * A request body with its codings taken off as it streams by, for backends that can't do that themselves. It breaks off
 * as soon as it has grown beyond its size or its ratio, long before a decompression bomb is in anybody's memory.
 */
import { pipeline, type Readable, Transform, type TransformCallback } from 'node:stream'
import { GatewayError } from '../../core/errors.ts'
import type { HeaderList } from '../../core/headers.ts'
import type { RequestBody } from '../../core/message.ts'
import { decodingStream } from './codec.ts'
import type { Coding } from './policy/negotiate.ts'

export interface DecodingLimits {
  readonly maxBytes: number
  /** Decoded bytes per byte that came. */
  readonly maxRatio: number
}

/** Below this, a high ratio is nothing but a short text that repeats itself. */
const RATIO_COUNTS_FROM_BYTES = 64 * 1024

export class DecodedBody implements RequestBody {
  readonly lengthBytes = undefined
  readonly #coded: RequestBody
  readonly #codings: readonly Coding[]
  readonly #limits: DecodingLimits

  constructor(coded: RequestBody, codings: readonly Coding[], limits: DecodingLimits) {
    this.#coded = coded
    this.#codings = codings
    this.#limits = limits
  }

  get takenBytes(): number {
    return this.#coded.takenBytes
  }

  get trailers(): HeaderList {
    return this.#coded.trailers
  }

  limit(maxBytes: number): void {
    this.#coded.limit(maxBytes)
  }

  open(): Readable {
    const counted = new Counted(this.#coded, this.#limits)
    const streams = this.#codings.map((coding) => decodingStream(coding))
    pipeline([this.#coded.open(), ...streams, counted], ignore)
    return counted
  }
}

class Counted extends Transform {
  readonly #coded: RequestBody
  readonly #limits: DecodingLimits
  #bytes = 0

  constructor(coded: RequestBody, limits: DecodingLimits) {
    super()
    this.#coded = coded
    this.#limits = limits
    // Whoever reads it listens for errors; before that, nobody does, and an unheard error ends the process.
    this.on('error', ignore)
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#bytes += chunk.byteLength
    const { maxBytes, maxRatio } = this.#limits
    const isBomb = this.#bytes > RATIO_COUNTS_FROM_BYTES && this.#bytes > this.#coded.takenBytes * maxRatio
    if (this.#bytes > maxBytes) done(new GatewayError('body_too_large', `more than ${maxBytes} bytes, decompressed`))
    else if (isBomb) done(new GatewayError('body_too_large', `decompresses to more than ${maxRatio} times its size`))
    else done(null, chunk)
  }

  /** What zlib complains about is the client's fault. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const isOurs = error === null || error instanceof GatewayError
    callback(isOurs || !isZlib(error) ? error : new GatewayError('bad_encoding', error.message))
  }
}

function isZlib(error: Error & { code?: unknown }): boolean {
  return (
    typeof error.code === 'string' && /^(?:Z_|ERR_(?:_?BROTLI|BUFFER)|ERR__ERROR|ERR_PADDING|ZSTD_)/.test(error.code)
  )
}

function ignore(): void {}
