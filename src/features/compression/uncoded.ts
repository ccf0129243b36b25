/**
 * Stands above the cache: below it, only the origin's own representations exist. Every request asks for them with the
 * same Accept-Encoding, so that one stored object serves clients of all codings; entity tags of ours are taken back to
 * the origin's, so that caches and origins can judge conditions by them.
 */
import type { Exchange } from '../../core/exchange.ts'
import { type HeaderList, hasHeader, headerValue, isNamed, joinedValue, removeHeader } from '../../core/headers.ts'
import type { RequestHead } from '../../core/message.ts'
import type { Cancel, Origin, Reader } from '../../core/origin.ts'
import { OWN, originTags, parseTag } from './policy/etag.ts'
import { accepts, type Negotiated } from './policy/negotiate.ts'

export class Uncoded implements Origin {
  readonly #inner: Origin
  readonly #negotiated: (x: Exchange) => Negotiated

  constructor(inner: Origin, negotiated: (x: Exchange) => Negotiated) {
    this.#inner = inner
    this.#negotiated = negotiated
  }

  fetch(x: Exchange, request: RequestHead, to: Reader): Cancel {
    const negotiated = this.#negotiated(x)
    const headers = isFixed(request.headers) ? fixedHeaders(request) : uncodedHeaders(request, negotiated)
    return this.#inner.fetch(x, headers === undefined ? request : { ...request, headers }, to)
  }
}

/** RFC 9111 §5.2.1.6: then origin and client deal with codings between themselves; undefined: as it came. */
function fixedHeaders(request: RequestHead): HeaderList | undefined {
  if (!request.headers.some((entry, index) => index % 2 === 1 && entry.includes('~'))) return undefined
  // Nothing that was made here is what such a client wants to hear of.
  return withConditions(request, hasOwnCondition(request.headers), (variant) => variant === OWN)
}

function uncodedHeaders(request: RequestHead, negotiated: Negotiated): HeaderList {
  const headers = withConditions(request, dropsRange(request.headers, negotiated), (variant) =>
    isReadable(variant, negotiated),
  )
  let kept = 0
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    // RFC 9842 §2.2: Available-Dictionary is another way to say which codings are accepted.
    if (isNamed(name, 'accept-encoding') || isNamed(name, 'available-dictionary')) continue
    headers[kept++] = name
    headers[kept++] = headers[i + 1] as string
  }
  headers.length = kept
  headers.push('Accept-Encoding', 'identity')
  return headers
}

/** A copy in which every condition speaks of the origin's own tags. */
function withConditions(
  { method, headers: came }: RequestHead,
  dropsRange: boolean,
  isWanted: (variant: string) => boolean,
): HeaderList {
  // Where nothing is sent back, nothing is confirmed to who can't read it, and the condition must not get lost.
  const isRead = method === 'GET' || method === 'HEAD' || method === 'QUERY'
  const headers: HeaderList = []
  let isFalse = false
  for (let i = 0; i < came.length; i += 2) {
    const name = came[i] as string
    const value = came[i + 1] as string
    switch (name.length) {
      case 13: {
        if (!isNamed(name, 'if-none-match')) break
        if (hasHeader(headers, 'if-none-match') || isFalse) continue
        const tags = originTags(allOf(came, name, value), 'weak', isRead ? isWanted : always)
        isFalse = tags === '' && value !== ''
        if (!isFalse) headers.push(name, tags)
        continue
      }
      case 8:
        if (isNamed(name, 'if-range')) {
          if (!dropsRange) headers.push(name, originTags(value, 'strong', always))
          continue
        }
        if (!isNamed(name, 'if-match')) break
        if (!hasHeader(headers, 'if-match')) {
          headers.push(name, originTags(allOf(came, name, value), 'strong', always))
        }
        continue
      case 5:
        if (dropsRange && isNamed(name, 'range')) continue
    }
    headers.push(name, value)
  }
  // RFC 9110 §13.1.3: not looked at beside If-None-Match, and so must not count now that this is gone.
  if (isFalse) removeHeader(headers, 'if-modified-since')
  return headers
}

/** All lines of a field, of which one is known. */
function allOf(headers: HeaderList, name: string, value: string): string {
  return joinedValue(headers, name.toLowerCase()) ?? value
}

function always(): boolean {
  return true
}

/**
 * Ranges are of the origin's bytes. With a tag of ours in If-Range the client has a part of others, and with a date it
 * doesn't say of which: it gets the whole, as if Range were unknown (RFC 9110 §14.2 MAY), rather than bytes of one
 * coding behind those of another.
 */
function dropsRange(headers: HeaderList, negotiated: Negotiated): boolean {
  const condition = headerValue(headers, 'if-range')
  if (condition === undefined) return false
  const isTag = condition.startsWith('"') || condition.startsWith('W/')
  return isTag ? hasOwnCondition(headers) : negotiated.accepted.length > 0
}

/** Whether If-Range has a tag of something that was made here. */
function hasOwnCondition(headers: HeaderList): boolean {
  const parsed = parseTag(headerValue(headers, 'if-range') ?? '')
  return parsed !== undefined && parsed.variant !== OWN
}

export function isFixed(request: HeaderList): boolean {
  return /\bno-transform\b/i.test(joinedValue(request, 'cache-control') ?? '')
}

/** Whether the client takes the coding of this variant now. */
export function isReadable(variant: string, negotiated: Negotiated): boolean {
  if (variant === 'min' || variant === 'identity' || variant === OWN) return true
  const coding = variant.startsWith('min.') ? variant.slice(4) : variant
  return accepts(negotiated, coding.split('.', 1)[0] as string)
}
