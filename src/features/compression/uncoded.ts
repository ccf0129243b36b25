/**
 * Stands above the cache: below it, only the origin's own representations exist. Every request asks for them with the
 * same Accept-Encoding, so that one stored object serves clients of all codings; entity tags of ours are taken back to
 * the origin's, so that caches and origins can judge conditions by them.
 */
import type { Exchange } from '../../core/exchange.ts'
import { type HeaderList, headerValue, isNamed, joinedValue } from '../../core/headers.ts'
import type { RequestHead } from '../../core/message.ts'
import type { Cancel, Origin, Reader } from '../../core/origin.ts'
import { originTags } from './policy/etag.ts'
import { accepts, type Negotiated } from './policy/negotiate.ts'

export class Uncoded implements Origin {
  readonly #inner: Origin
  readonly #negotiated: (x: Exchange) => Negotiated

  constructor(inner: Origin, negotiated: (x: Exchange) => Negotiated) {
    this.#inner = inner
    this.#negotiated = negotiated
  }

  fetch(x: Exchange, request: RequestHead, to: Reader): Cancel {
    const headers = this.#headers(x, request.headers)
    return this.#inner.fetch(x, headers === undefined ? request : { ...request, headers }, to)
  }

  /** Undefined where the request goes on as it is. */
  #headers(x: Exchange, came: HeaderList): HeaderList | undefined {
    // RFC 9111 §5.2.1.6: then origin and client deal with codings between themselves.
    if (isFixed(came)) return undefined
    const headers: HeaderList = []
    const dropsRange = this.#dropsRange(x, came)
    for (let i = 0; i < came.length; i += 2) {
      const name = came[i] as string
      const value = came[i + 1] as string
      switch (name.length) {
        case 15:
          if (isNamed(name, 'accept-encoding')) continue
          break
        case 13:
          if (!isNamed(name, 'if-none-match')) break
          headers.push(
            name,
            originTags(value, (variant) => isReadable(variant, this.#negotiated(x))),
          )
          continue
        case 20:
          // RFC 9842 §2.2: another way to say which codings are accepted.
          if (isNamed(name, 'available-dictionary')) continue
          break
        case 8:
          if (dropsRange && isNamed(name, 'if-range')) continue
          if (!isNamed(name, 'if-match')) break
          headers.push(
            name,
            originTags(value, () => true),
          )
          continue
        case 5:
          if (dropsRange && isNamed(name, 'range')) continue
      }
      headers.push(name, value)
    }
    headers.push('Accept-Encoding', 'identity')
    return headers
  }

  /**
   * A date in If-Range doesn't say which coding the client has a part of: it gets the whole, as if Range were unknown
   * (RFC 9110 §14.2 MAY), rather than bytes of one coding behind those of another.
   */
  #dropsRange(x: Exchange, headers: HeaderList): boolean {
    const condition = headerValue(headers, 'if-range')
    if (condition === undefined || condition.startsWith('"') || condition.startsWith('W/')) return false
    return this.#negotiated(x).accepted.length > 0
  }
}

export function isFixed(request: HeaderList): boolean {
  const directives = joinedValue(request, 'cache-control')
  return directives?.includes('no-transform') === true
}

/** Whether the client takes the coding of this variant now. */
export function isReadable(variant: string, negotiated: Negotiated): boolean {
  if (variant === 'min' || variant === 'identity') return true
  const coding = variant.startsWith('min.') ? variant.slice(4) : variant
  return accepts(negotiated, coding.split('.', 1)[0] as string)
}
