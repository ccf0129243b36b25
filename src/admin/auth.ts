/**
 * Who may use the admin API: a bearer token (RFC 6750 §2.1), and, since a browser on the same machine can be made to
 * send requests, the Host it names (DNS rebinding) and the page they come from (cross-site requests).
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { isLoopbackName } from './policy/address.ts'

export type Refusal = 'token_missing' | 'token_wrong' | 'host_unknown' | 'cross_origin'

export interface Credentials {
  readonly authorization: string | undefined
  readonly host: string | undefined
  readonly origin: string | undefined
  /** `Sec-Fetch-Site`, which pages cannot set themselves. */
  readonly site: string | undefined
}

/** Undefined: the token is right, or none is asked for. */
export function vetToken(given: Credentials, token: string): Refusal | undefined {
  if (token === '') return undefined
  const match = /^bearer +([^\s]+) *$/i.exec(given.authorization ?? '')
  if (match === null) return 'token_missing'
  return isSame(match[1] as string, token) ? undefined : 'token_wrong'
}

/** A listener on loopback answers only to names of loopback: a page whose name was rebound to 127.0.0.1 has another. */
export function vetHost(given: Credentials): Refusal | undefined {
  const host = hostName(given.host ?? '')
  return host !== undefined && isLoopbackName(host) ? undefined : 'host_unknown'
}

/** Requests that change something must not come from a page of somebody else. Tools send neither field. */
export function vetOrigin(given: Credentials): Refusal | undefined {
  if (given.site !== undefined && given.site !== 'same-origin' && given.site !== 'none') return 'cross_origin'
  if (given.origin === undefined) return undefined
  const authority = /^https?:\/\/([^/]+)$/i.exec(given.origin)?.[1]
  return authority?.toLowerCase() === given.host?.toLowerCase() ? undefined : 'cross_origin'
}

function hostName(field: string): string | undefined {
  return /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?$/.exec(field)?.[1]
}

/** Digests have one length, so that the time taken tells nothing, the token's length included. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(wanted))
}
