/** A request as somebody types it, read as a listener would read it from a client. */
import type { GatewayConfig } from '../configuration.ts'
import type { Peer } from '../core/exchange.ts'
import { type HeaderList, headerValue } from '../core/headers.ts'
import type { RequestHead } from '../core/message.ts'
import { directIdentity } from '../net/policy/forwarded.ts'
import { checkRequest, type Refusal } from '../net/policy/guard.ts'
import { EXIT_USAGE, Failure } from './failure.ts'

/** Who sends it: an address that documentation may use for clients (RFC 5737). */
const CLIENT = '203.0.113.7'

export interface TypedRequest {
  readonly head: RequestHead
  readonly peer: Peer
}

/**
 * @param url absolute, or a path alone; then the host is that of a Host field, or localhost
 * @param fields `Name: value` each
 * @returns what routes match, or why the first listener would refuse it
 * @throws Failure where it is no URL at all
 */
export function readRequest(
  method: string,
  url: string,
  fields: readonly string[],
  config: GatewayConfig,
): TypedRequest | Refusal {
  const { scheme, authority, target } = parts(url)
  const headers = headerList(fields)
  if (authority !== undefined) headers.unshift('Host', authority)
  else if (headerValue(headers, 'host') === undefined) headers.unshift('Host', 'localhost')
  const listener = config.listeners[0]
  const checked = checkRequest({ method, target, version: '1.1' }, headers, {
    headerCount: listener?.limits.header_count ?? Number.POSITIVE_INFINITY,
    encodedSlashes: listener?.encoded_slashes ?? 'refuse',
  })
  if (checked.refused !== undefined) return checked
  const { peer } = directIdentity(CLIENT, scheme, checked.authority)
  const head = {
    method,
    scheme,
    authority: checked.authority,
    host: checked.host,
    path: checked.path,
    query: checked.query,
    headers,
    body: null,
  }
  return { head, peer }
}

function parts(url: string): { scheme: 'http' | 'https'; authority: string | undefined; target: string } {
  const [location = ''] = url.split('#', 1)
  if (location.startsWith('/') || location === '*') return { scheme: 'http', authority: undefined, target: location }
  const match = /^(https?):\/\/([^/?]+)(.*)$/is.exec(location)
  if (match === null) throw new Failure(`"${url}" is no URL: write http://host/path or /path`, EXIT_USAGE)
  const [, scheme = '', authority = '', rest = ''] = match
  const target = rest.startsWith('/') ? rest : `/${rest}`
  return { scheme: scheme.toLowerCase() === 'https' ? 'https' : 'http', authority, target }
}

function headerList(fields: readonly string[]): HeaderList {
  return fields.flatMap((field) => {
    const colon = field.indexOf(':')
    return [field.slice(0, colon), field.slice(colon + 1).trim()]
  })
}
