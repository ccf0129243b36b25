/** Whether an answer may be kept (RFC 9111 §3), and if not, for which one reason. */
import { splitList } from '../../../core/fields.ts'
import { type HeaderList, hasHeader, headerValue, joinedValue } from '../../../core/headers.ts'
import type { Directives } from './directives.ts'
import { isHeuristic, type Lifetime } from './freshness.ts'

/** Why not: labels of gateway_cache_bypass_total and words of Cache-Status. */
export const refusals = [
  'method',
  'status',
  'request-no-store',
  'no-store',
  'private',
  'authorization',
  'set-cookie',
  'vary-star',
  'no-freshness',
] as const
export type Refusal = (typeof refusals)[number]

export type Storable = { readonly store: true } | { readonly store: false; readonly because: Refusal }

export interface Answer {
  readonly status: number
  readonly headers: HeaderList
  readonly directives: Directives
  readonly lifetime: Lifetime
}

const keep: Storable = { store: true }
const refuse = (because: Refusal): Storable => ({ store: false, because })

/** Statuses whose caching rules this cache implements: what `must-understand` asks about (RFC 9111 §5.2.2.3). */
const understood = new Set([
  200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 410, 414, 451, 500, 501, 502, 503, 504,
])

/**
 * @param ignoresOrigin `ignore_origin`: no-store and private of the origin don't count; a cookie still does
 */
export function storable(
  method: string,
  requestHeaders: HeaderList,
  request: Directives,
  answer: Answer,
  ignoresOrigin: boolean,
): Storable {
  const { status, headers, directives, lifetime } = answer
  const isReading = method === 'GET' || method === 'QUERY'
  if (!isReading && !(method === 'POST' && isExplicit(directives, lifetime))) return refuse('method')
  // §3: final, and not one of the two that only make sense together with a stored answer.
  if (status < 200 || status === 206 || status === 304) return refuse('status')
  if (request.noStore) return refuse('request-no-store')
  if (!ignoresOrigin) {
    // §5.2.2.3: no-store is void for those who understand the status; others must not store at all.
    if (directives.mustUnderstand ? !understood.has(status) : directives.noStore) return refuse('no-store')
    if (directives.isPrivate) return refuse('private')
  }
  // §3.5: only where the origin says that it may be shared.
  if (hasHeader(requestHeaders, 'authorization') && !allowsSharing(directives)) {
    return refuse('authorization')
  }
  if (givesCookies(headers, directives)) return refuse('set-cookie')
  const vary = joinedValue(headers, 'vary')
  // §4.1: `*` never matches, so there is nothing to keep it for.
  if (vary !== undefined && splitList(vary).includes('*')) return refuse('vary-star')
  return hasUse(answer) ? keep : refuse('no-freshness')
}

/** §3: explicit freshness, `public`, or a status with heuristic freshness; and a lifetime or a validator to use it by. */
function hasUse({ status, headers, directives, lifetime }: Answer): boolean {
  if (lifetime.from === 'none' && !directives.isPublic && !isHeuristic(status)) return false
  if (lifetime.lifetimeMs > 0) return true
  return headerValue(headers, 'etag') !== undefined || headerValue(headers, 'last-modified') !== undefined
}

/**
 * Not in the RFC: a cookie given out to one is not for all. `public` is the origin's word that it may be, and
 * `no-cache="Set-Cookie"` or `private="Set-Cookie"` that the rest may, without it (§5.2.2.4, §5.2.2.7).
 */
function givesCookies(headers: HeaderList, { isPublic, withheld }: Directives): boolean {
  return hasHeader(headers, 'set-cookie') && !isPublic && !withheld.includes('set-cookie')
}

function isExplicit(directives: Directives, lifetime: Lifetime): boolean {
  return lifetime.from === 'expires' || directives.maxAge !== undefined || directives.sMaxAge !== undefined
}

function allowsSharing(directives: Directives): boolean {
  return directives.isPublic || directives.mustRevalidate || directives.sMaxAge !== undefined
}
