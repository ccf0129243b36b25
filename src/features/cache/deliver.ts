/**
 * Answers from stored ones (RFC 9111 §4): with Age and Cache-Status, as 304, as ranges, or whole; in pieces and at the
 * client's pace.
 */
import { type BodySource, wholeBody } from '../../core/body.ts'
import type { GatewayError } from '../../core/errors.ts'
import type { Exchange } from '../../core/exchange.ts'
import { type HeaderList, headerValue, isNamed, joinedValue } from '../../core/headers.ts'
import type { RequestHead } from '../../core/message.ts'
import type { Cancel, Reader } from '../../core/origin.ts'
import { bytesOf } from '../../core/pieces.ts'
import { type ByteRange, parseRange } from './policy/range.ts'
import { SURROGATE_NAME } from './policy/surrogate-control.ts'
import { isNotModified, passesIfRange } from './policy/validate.ts'
import type { StoredAnswer } from './store/memory.ts'

/** Adds our member to Cache-Status, after those of caches nearer to the origin (RFC 9211 §2). */
export function addCacheStatus(headers: HeaderList, parameters: string): void {
  headers.push('Cache-Status', cacheStatus(parameters))
}

const cacheStatus = (parameters: string) => `${SURROGATE_NAME}; ${parameters}`

export interface Delivery {
  readonly x: Exchange
  readonly answer: StoredAnswer
  readonly request: RequestHead
  readonly ageMs: number
  /** Parameters of our Cache-Status member; undefined leaves the field out. */
  readonly status: string | undefined
  readonly nowMs: number
}

/** Gives a stored answer to a reader. */
export function deliver(delivery: Delivery, to: Reader): Cancel {
  const { answer, request, nowMs } = delivery
  const headers = headersFor(delivery)
  if (isNotModified(request.headers, answer.headers, answer.status, nowMs)) {
    return headOnly(to, 304, headers.filter(describesNoBody(headers)))
  }
  const isHead = request.method === 'HEAD'
  const range = isHead || answer.status !== 200 ? undefined : joinedValue(request.headers, 'range')
  if (range !== undefined && passesIfRange(request.headers, answer.headers, answer.receivedAtMs)) {
    const ranges = parseRange(range, answer.bodyBytes)
    if (ranges.kind === 'unsatisfiable') return unsatisfiable(to, headers, answer.bodyBytes)
    if (ranges.kind === 'parts') return deliverParts(to, headers, answer, ranges.parts)
  }
  frame(headers, answer.bodyBytes, answer.status)
  if (answer.status === 200) return sendStored(delivery, to, headers, isHead)
  if (isHead) return headOnly(to, answer.status, headers, answer.reason)
  return send(to, answer.status, answer.reason, headers, answer.shared.body, answer.trailers)
}

/** The whole answer, of which a step above may have kept a variant: it says so while the head goes out. */
function sendStored({ x, answer }: Delivery, to: Reader, headers: HeaderList, isHead: boolean): Cancel {
  answer.shared.hits++
  x.stored = answer.shared
  if (isHead) return headOnly(to, 200, headers, answer.reason)
  return send(to, 200, answer.reason, headers, answer.shared.body, answer.trailers, x)
}

function headersFor({ answer, ageMs, status }: Delivery): HeaderList {
  const { headers: kept } = answer
  const { length } = kept
  // At once as long as it gets: a copy that grows would be made twice, for every hit.
  const headers: HeaderList = new Array(status === undefined ? length + 2 : length + 4)
  for (let i = 0; i < length; i++) headers[i] = kept[i] as string
  headers[length] = 'Age'
  headers[length + 1] = String(Math.floor(ageMs / 1000))
  if (status === undefined) return headers
  headers[length + 2] = 'Cache-Status'
  headers[length + 3] = cacheStatus(status)
  return headers
}

/** A predicate over a flat list that drops the fields which a 304 must not carry (RFC 9110 §15.4.5), pair by pair. */
function describesNoBody(headers: HeaderList): (entry: string, index: number) => boolean {
  return (_entry, index) => {
    const name = (headers[index & ~1] as string).toLowerCase()
    return name !== 'content-length' && name !== 'content-encoding' && name !== 'content-range'
  }
}

function headOnly(to: Reader, status: number, headers: HeaderList, reason = ''): Cancel {
  to.head({ status, reason, headers }, wholeBody)
  to.end()
  return nothingToCancel
}

/** The length is known now, whether or not the origin said it. */
function frame(headers: HeaderList, bytes: number, status: number): void {
  for (let i = 0; i < headers.length; i += 2) {
    if (isNamed(headers[i] as string, 'content-length')) return
  }
  if (status !== 204) headers.push('Content-Length', String(bytes))
}

function unsatisfiable(to: Reader, headers: HeaderList, bytes: number): Cancel {
  const kept = headers.filter(describesNoBody(headers))
  kept.push('Content-Range', `bytes */${bytes}`, 'Content-Length', '0')
  return headOnly(to, 416, kept)
}

function deliverParts(to: Reader, stored: HeaderList, answer: StoredAnswer, parts: readonly ByteRange[]): Cancel {
  const headers = stored.filter(pairsExcept(stored, 'content-length'))
  const only = parts[0]
  if (parts.length === 1 && only !== undefined) {
    headers.push(
      'Content-Range',
      `bytes ${only.first}-${only.last}/${answer.bodyBytes}`,
      'Content-Length',
      String(only.last - only.first + 1),
    )
    return send(to, 206, '', headers, slice(answer.shared.body, only))
  }
  const type = headerValue(answer.headers, 'content-type')
  const pieces = multipart(answer, parts, type)
  const kept = headers.filter(pairsExcept(headers, 'content-type'))
  kept.push('Content-Type', `multipart/byteranges; boundary=${BOUNDARY}`, 'Content-Length', String(bytesOf(pieces)))
  return send(to, 206, '', kept, pieces)
}

function pairsExcept(headers: HeaderList, lower: string): (entry: string, index: number) => boolean {
  return (_entry, index) => !isNamed(headers[index & ~1] as string, lower)
}

/** Fixed: parts are framed by their Content-Range as well, and a body that holds this text is not worth a random one. */
const BOUNDARY = 'latency-gateway-byteranges-7f3a61c4'

/** RFC 9110 §14.6. */
function multipart(answer: StoredAnswer, parts: readonly ByteRange[], type: string | undefined): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (const part of parts) {
    const typeLine = type === undefined ? '' : `Content-Type: ${type}\r\n`
    const range = `Content-Range: bytes ${part.first}-${part.last}/${answer.bodyBytes}`
    pieces.push(
      Buffer.from(`\r\n--${BOUNDARY}\r\n${typeLine}${range}\r\n\r\n`, 'latin1'),
      ...slice(answer.shared.body, part),
    )
  }
  pieces.push(Buffer.from(`\r\n--${BOUNDARY}--\r\n`, 'latin1'))
  return pieces
}

function slice(body: readonly Uint8Array[], range: ByteRange): Uint8Array[] {
  const pieces: Uint8Array[] = []
  let at = 0
  for (const piece of body) {
    const from = Math.max(0, range.first - at)
    const to = Math.min(piece.byteLength, range.last + 1 - at)
    if (from < to) pieces.push(piece.subarray(from, to))
    at += piece.byteLength
  }
  return pieces
}

function send(
  to: Reader,
  status: number,
  reason: string,
  headers: HeaderList,
  body: readonly Uint8Array[],
  trailers?: HeaderList,
  x?: Exchange,
): Cancel {
  if (body.length > 1) return new Pump(to, body, trailers, x).start(status, reason, headers)
  to.head({ status, reason, headers }, wholeBody)
  const instead = x?.instead
  const only = instead ?? body[0]
  if (only !== undefined) to.write(only)
  to.end(instead === undefined ? trailers : undefined)
  return nothingToCancel
}

/** A stored body on its way to one client, a piece at a time. */
class Pump implements BodySource {
  readonly #to: Reader
  readonly #x: Exchange | undefined
  #body: readonly Uint8Array[]
  #trailers: HeaderList | undefined
  #next = 0
  #isPaused = false
  #isOver = false
  #isPumping = false

  constructor(to: Reader, body: readonly Uint8Array[], trailers: HeaderList | undefined, x: Exchange | undefined) {
    this.#to = to
    this.#x = x
    this.#body = body
    this.#trailers = trailers
  }

  start(status: number, reason: string, headers: HeaderList): Cancel {
    this.#to.head({ status, reason, headers }, this)
    const instead = this.#x?.instead
    if (instead !== undefined) {
      this.#body = [instead]
      this.#trailers = undefined
    }
    this.#pump()
    return () => {
      this.#isOver = true
    }
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#pump()
  }

  abort(_why: GatewayError): void {
    this.#isOver = true
  }

  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    while (!this.#isPaused && !this.#isOver) {
      const piece = this.#body[this.#next]
      if (piece === undefined) {
        this.#isOver = true
        this.#to.end(this.#trailers)
        break
      }
      this.#next++
      if (!this.#to.write(piece)) this.#isPaused = true
    }
    this.#isPumping = false
  }
}

function nothingToCancel(): void {}
