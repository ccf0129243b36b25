/**
 * Node's zlib as the rest of this folder uses it: a body goes in piece by piece, each worked on by the thread pool, and
 * what it became comes back with the callback of its piece.
 *
 * Small whole bodies are coded at once, on the event loop: making and running a stream costs it 45 to 85 µs by itself
 * (measured, Node 24), which is about what the work on up to `inlineBytes` takes, and twice the processor time in all.
 */

import type { TransformCallback } from 'node:stream'
import {
  type BrotliDecompress,
  type BrotliOptions,
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createBrotliDecompress,
  createGunzip,
  createGzip,
  createZstdCompress,
  createZstdDecompress,
  type Gunzip,
  gzipSync,
  type ZlibOptions,
  type ZstdDecompress,
  type ZstdOptions,
  zstdCompressSync,
} from 'node:zlib'
import { GatewayError } from '../../core/errors.ts'
import type { Coding } from './policy/negotiate.ts'
import { ZstdFrames } from './policy/zstd-frames.ts'

/** 100 to 150 µs of work at most. */
export const inlineBytes: Readonly<Record<Coding, number>> = { zstd: 32 * 1024, br: 16 * 1024, gzip: 16 * 1024 }

export interface CodingOptions {
  readonly coding: Coding
  readonly level: number
  /** The body's length where it is known for sure. */
  readonly lengthBytes: number | undefined
  /** For streams that may stay open for days: a small window. */
  readonly isEndless?: boolean
  /** Bytes that the client has already (RFC 9842). */
  readonly dictionary?: Uint8Array | undefined
}

/** @param output what came of the piece; may be empty, since coders hold back */
export type Done = (failure: Error | undefined, output: readonly Uint8Array[]) => void

/** One body on its way through zlib. One piece at a time. */
export interface Coder {
  /** Works a piece in; with `isLast`, ends the body behind it. */
  push(piece: Uint8Array, isLast: boolean, done: Done): void
  /** Brings out all that was held back, so that the client can read up to here. */
  flush(done: Done): void
  /** Lets go of the memory. Nothing is called back afterwards. */
  destroy(): void
}

/** The zlib streams, as far as all of them are alike. */
interface ZlibStream {
  on(event: 'data', listener: (chunk: Buffer) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  once(event: 'end', listener: () => void): unknown
  write(chunk: Uint8Array, done: () => void): boolean
  end(chunk?: Uint8Array): unknown
  flush(done: () => void): void
  destroy(): unknown
}

class StreamCoder implements Coder {
  readonly #stream: ZlibStream
  #leftBytes: number
  #output: Uint8Array[] = []
  #done: Done | undefined = undefined
  /** The format's end has come, whatever follows in the input. */
  #isOver = false

  /** @param maxBytes of output; more is a failure */
  constructor(stream: ZlibStream, maxBytes = Number.POSITIVE_INFINITY) {
    this.#stream = stream
    this.#leftBytes = maxBytes
    stream.on('data', (chunk) => this.#take(chunk))
    stream.once('end', () => {
      this.#isOver = true
    })
    stream.on('error', (error) => this.#finish(new GatewayError('bad_response', `zlib: ${error.message}`)))
  }

  #take(chunk: Uint8Array): void {
    this.#leftBytes -= chunk.byteLength
    if (this.#leftBytes >= 0) {
      this.#output.push(chunk)
      return
    }
    this.#stream.destroy()
    this.#finish(new GatewayError('bad_response', 'the body decodes to more than max_decoded'))
  }

  push(piece: Uint8Array, isLast: boolean, done: Done): void {
    this.#done = done
    if (this.#isOver) {
      // Nothing would ever be heard of it: it belongs to nothing, as zlib has it where it comes in one write with the end.
      queueMicrotask(() => this.#finish(undefined))
      return
    }
    if (!isLast) {
      this.#stream.write(piece, () => this.#finish(undefined))
      return
    }
    this.#stream.once('end', () => this.#finish(undefined))
    this.#stream.end(piece)
  }

  flush(done: Done): void {
    this.#done = done
    this.#stream.flush(() => this.#finish(undefined))
  }

  destroy(): void {
    this.#done = undefined
    this.#stream.destroy()
  }

  #finish(failure: Error | undefined): void {
    const done = this.#done
    const output = this.#output
    this.#output = []
    this.#done = undefined
    done?.(failure, output)
  }
}

export function encoder(options: CodingOptions): Coder {
  const { coding } = options
  if (coding === 'gzip') return new StreamCoder(createGzip(gzipOptions(options)))
  if (coding === 'br') return new StreamCoder(createBrotliCompress(brotliOptions(options)))
  return new StreamCoder(createZstdCompress(zstdOptions(options)))
}

/** Codes a whole small body on the spot. */
export function encodeNow(body: Uint8Array, options: CodingOptions): Uint8Array {
  const { coding } = options
  if (coding === 'gzip') return gzipSync(body, gzipOptions(options))
  return coding === 'br'
    ? brotliCompressSync(body, brotliOptions(options))
    : zstdCompressSync(body, zstdOptions(options))
}

/** @param maxBytes what the body may decode to; more is a failure, noticed before it is in memory */
export function decoder(coding: Coding, maxBytes: number): Coder {
  return new StreamCoder(decodingStream(coding), maxBytes)
}

export function decodingStream(coding: Coding): DecodingStream {
  const stream = zlibDecoder(coding)
  const flush = stream._flush.bind(stream)
  // What has no content has none in any coding; zlib misses the format's end there as in a body that broke off.
  stream._flush = (done) => (stream.bytesWritten === 0 ? done() : flush(done))
  if (coding === 'zstd') decodeEveryFrame(stream)
  return stream
}

function decodeEveryFrame(stream: DecodingStream): void {
  const frames = new ZstdFrames()
  const transform = stream._transform.bind(stream)
  stream._transform = (chunk: Uint8Array, encoding, done) => {
    const pieces = frames.cut(chunk)
    let next = 1
    const goOn: TransformCallback = (failure) => {
      const piece = pieces[next++]
      if (failure || piece === undefined) done(failure)
      else transform(piece, encoding, goOn)
    }
    transform(pieces[0] ?? chunk, encoding, goOn)
  }
}

type DecodingStream = Gunzip | BrotliDecompress | ZstdDecompress

function zlibDecoder(coding: Coding): DecodingStream {
  if (coding === 'gzip') return createGunzip({ chunkSize: CHUNK_BYTES })
  if (coding === 'br') return createBrotliDecompress({ chunkSize: CHUNK_BYTES })
  // RFC 9659: no more than 8 MB have to be supported.
  return createZstdDecompress({ chunkSize: CHUNK_BYTES, params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG } })
}

const CHUNK_BYTES = 16 * 1024
const LEAST_CHUNK_BYTES = 2048
const MOST_CHUNK_BYTES = 64 * 1024
/** RFC 9659: 8 MB, the largest window that every client takes. */
const MAX_WINDOW_LOG = 23
/** For bodies of unknown length: 1 MiB, since each open encoder holds its window. */
const UNKNOWN_WINDOW_BYTES = 2 ** 20 - 1

/** For event streams: enough for what one event has in common with the next. */
const ENDLESS_WINDOW_LOG = 16
const KIB = 1024

/** The most memory that an encoder takes while it is open. Measured by what 40 of them made resident: 0.2 to 1.3 MiB each. */
export function coderBytes(options: CodingOptions): number {
  if (options.coding === 'gzip') return 268 * KIB
  const windowBytes = 2 ** windowLog(options, 16, options.coding === 'br' ? 22 : MAX_WINDOW_LOG)
  return options.coding === 'br' ? 512 * KIB + 3 * windowBytes : 256 * KIB + 2 * windowBytes
}

/** The smallest window that holds a body of this length: less memory to get, and the same result. */
function windowLog({ lengthBytes, dictionary, isEndless }: CodingOptions, atLeast: number, atMost: number): number {
  if (isEndless === true) return ENDLESS_WINDOW_LOG
  const reachBytes = (lengthBytes ?? UNKNOWN_WINDOW_BYTES) + (dictionary?.byteLength ?? 0)
  return Math.min(atMost, Math.max(atLeast, Math.ceil(Math.log2(reachBytes + 1))))
}

/** Room for the output of one piece: whenever it runs out, zlib's stream goes to the thread pool once more. */
function chunkBytes({ lengthBytes }: CodingOptions): number {
  return Math.max(LEAST_CHUNK_BYTES, Math.min(MOST_CHUNK_BYTES, (lengthBytes ?? CHUNK_BYTES * 2) / 2))
}

function gzipOptions(options: CodingOptions): ZlibOptions {
  return { level: options.level, chunkSize: chunkBytes(options) }
}

function brotliOptions(options: CodingOptions): BrotliOptions {
  const { level, lengthBytes, dictionary } = options
  return {
    chunkSize: chunkBytes(options),
    params: {
      [constants.BROTLI_PARAM_QUALITY]: level,
      [constants.BROTLI_PARAM_LGWIN]: windowLog(options, 16, 22),
      [constants.BROTLI_PARAM_SIZE_HINT]: lengthBytes ?? 0,
    },
    ...(dictionary === undefined ? {} : { dictionary: dictionary as Uint8Array<ArrayBuffer> }),
  }
}

function zstdOptions(options: CodingOptions): ZstdOptions {
  const { level, lengthBytes, dictionary } = options
  return {
    chunkSize: chunkBytes(options),
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_windowLog]: windowLog(options, 10, MAX_WINDOW_LOG),
    },
    ...(lengthBytes === undefined ? {} : { pledgedSrcSize: lengthBytes }),
    ...(dictionary === undefined ? {} : { dictionary: dictionary as Uint8Array<ArrayBuffer> }),
  }
}
