/** What is done to a body, put together from its parts: decoding, minifying, coding. */

import type { Change } from './change.ts'
import { type Coder, coderBytes, type Done, decoder, encodeNow, encoder, inlineBytes } from './codec.ts'
import { dictionaryHeader } from './dictionaries.ts'
import type { Recipe } from './encoding.ts'
import { PIECE_BYTES } from './gate.ts'
import { JsonMinifier } from './policy/minify.ts'
import type { Coding } from './policy/negotiate.ts'
import { PaddingCoder, PrefixedCoder } from './prefix.ts'

export interface Making {
  readonly change: Change
  readonly level: number
  /** Length of the body as it comes, where it is known for sure. */
  readonly lengthBytes: number | undefined
  readonly flushes: boolean
  /** Whether the body may go on for days, as event streams do. */
  readonly isEndless: boolean
  /** The most that a body may grow to when it is decoded. */
  readonly maxDecodedBytes: number
  /** Bytes to add that decoders skip; 0 for none. */
  readonly paddingBytes: number
}

/** Input of a decoder per piece of work: what one piece may grow to, a thousandfold at worst, is in memory at once. */
const DECODED_PIECE_BYTES = 16 * 1024

export function recipe(making: Making): Recipe {
  const { change, level, lengthBytes, flushes } = making
  const { coding, decode, minify } = change
  const parts = {
    coder: () => coderFor(making),
    lengthBytes,
    flushes,
    pieceBytes: decode === undefined ? PIECE_BYTES : DECODED_PIECE_BYTES,
    coderBytes: memoryOf(making),
  }
  const isPlain = decode === undefined && change.dictionary === undefined && making.paddingBytes === 0
  if (!isPlain) return { ...parts, now: undefined, nowBytes: 0 }
  const now = (body: Uint8Array) => {
    const bytes = minify ? new JsonMinifier().push(body) : body
    return coding === undefined ? bytes : encodeNow(bytes, { coding, level, lengthBytes: bytes.byteLength })
  }
  return { ...parts, now, nowBytes: inlineBytes[coding ?? 'zstd'] }
}

/** Memory that the coder takes while it is open. */
export function memoryOf({ change, level, lengthBytes, isEndless }: Making): number {
  const { coding, decode } = change
  const decoding = decode === undefined ? 0 : DECODER_BYTES
  return decoding + (coding === undefined ? 0 : coderBytes({ coding, level, lengthBytes, isEndless }))
}

/** A decoder's usual window; some need up to 8 MB. */
const DECODER_BYTES = 1024 * 1024

function coderFor(making: Making): Coder {
  const { decode, minify } = making.change
  let coder = codingCoder(making)
  if (minify) coder = new MinifyingCoder(coder)
  if (decode !== undefined) coder = new DecodingCoder(decoder(decode, making.maxDecodedBytes), coder)
  if (coder === undefined) throw new Error(`the change ${making.change.name} changes nothing`)
  return coder
}

function codingCoder({ change, level, lengthBytes, paddingBytes, isEndless }: Making): Coder | undefined {
  const { coding, decode, minify, dictionary } = change
  if (coding === undefined) return undefined
  const isExact = decode === undefined && !minify
  const known = isExact ? lengthBytes : undefined
  if (dictionary !== undefined && coding !== 'gzip') {
    const coder = encoder({
      coding,
      level: relativeLevel(coding, level),
      lengthBytes: known,
      dictionary: dictionary.bytes,
    })
    return new PrefixedCoder(coder, dictionaryHeader(coding, dictionary))
  }
  const coder = encoder({ coding, level, lengthBytes: known, isEndless })
  return paddingBytes === 0 ? coder : new PaddingCoder(coder, coding, paddingBytes)
}

/** Brotli looks into a dictionary from this level on. */
const LEAST_RELATIVE_BROTLI = 5

function relativeLevel(coding: Coding, level: number): number {
  return coding === 'br' ? Math.max(level, LEAST_RELATIVE_BROTLI) : level
}

class MinifyingCoder implements Coder {
  readonly #minifier = new JsonMinifier()
  readonly #next: Coder | undefined

  constructor(next: Coder | undefined) {
    this.#next = next
  }

  push(piece: Uint8Array, isLast: boolean, done: Done): void {
    const output = this.#minifier.push(piece)
    if (this.#next === undefined || (output.byteLength === 0 && !isLast)) soon(done, [output])
    else this.#next.push(output, isLast, done)
  }

  flush(done: Done): void {
    if (this.#next === undefined) soon(done, [])
    else this.#next.flush(done)
  }

  destroy(): void {
    this.#next?.destroy()
  }
}

class DecodingCoder implements Coder {
  readonly #decoder: Coder
  readonly #next: Coder | undefined

  constructor(decoder: Coder, next: Coder | undefined) {
    this.#decoder = decoder
    this.#next = next
  }

  push(piece: Uint8Array, isLast: boolean, done: Done): void {
    this.#decoder.push(piece, isLast, (failure, decoded) => {
      const next = this.#next
      if (failure !== undefined || next === undefined) done(failure, decoded)
      else this.#pass(decoded, isLast, next, done)
    })
  }

  /** Hands on what was decoded, one piece after the other. */
  #pass(decoded: readonly Uint8Array[], isLast: boolean, next: Coder, done: Done): void {
    const output: Uint8Array[] = []
    const step = (index: number) => {
      const isEnd = index >= decoded.length - 1
      const piece = decoded[index]
      if (piece === undefined && !isLast) {
        done(undefined, output)
        return
      }
      next.push(piece ?? nothing, isEnd && isLast, (failure, coded) => {
        output.push(...coded)
        if (failure !== undefined || isEnd) done(failure, output)
        else step(index + 1)
      })
    }
    step(0)
  }

  flush(done: Done): void {
    if (this.#next === undefined) soon(done, [])
    else this.#next.flush(done)
  }

  destroy(): void {
    this.#decoder.destroy()
    this.#next?.destroy()
  }
}

/** As a callback does: after its caller has returned. */
function soon(done: Done, output: readonly Uint8Array[]): void {
  queueMicrotask(() => done(undefined, output))
}

const nothing = new Uint8Array(0)
