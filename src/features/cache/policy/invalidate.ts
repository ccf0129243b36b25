/** What an unsafe request that succeeded makes untrue (RFC 9111 §4.4): its target, Location and Content-Location. */

import { type HeaderList, headerValue } from '../../../core/headers.ts'
import type { RequestHead } from '../../../core/message.ts'
import { queryOf } from '../../../core/target.ts'

/** RFC 9110 §9.2.1 and the registry's safe extensions. Any other method, known or not, is unsafe. */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND', 'REPORT', 'SEARCH', 'PRI'])

export function isSafe(method: string): boolean {
  return safeMethods.has(method)
}

export interface Target {
  readonly path: string
  readonly query: string
}

/**
 * Path and query of each resource that the answer says has changed, on the request's own host only: another's word about
 * a host must not empty its cache (§4.4).
 */
export function invalidated(request: RequestHead, status: number, response: HeaderList): Target[] {
  if (status < 200 || status >= 400) return []
  const targets: Target[] = [{ path: request.path, query: request.query }]
  for (const field of ['location', 'content-location'] as const) {
    const reference = headerValue(response, field)
    const target = reference === undefined ? undefined : resolveReference(request, reference)
    if (target !== undefined) targets.push(target)
  }
  return targets
}

/**
 * A URI reference against the request's URI (RFC 3986 §5), or undefined where it names another host or is malformed.
 * Not the whole origin, as §4.4 has it: behind a proxy that ends TLS, backends say https where we were asked by http,
 * and the resource is the same.
 */
export function resolveReference(request: RequestHead, reference: string): Target | undefined {
  const base = `${request.scheme}://${request.authority}${request.path}${request.query}`
  if (!URL.canParse(reference, base)) return undefined
  const url = new URL(reference, base)
  const own = new URL(base)
  return url.host === own.host ? { path: url.pathname, query: queryOf(url) } : undefined
}
