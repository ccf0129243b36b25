/**
 * Who the client is, and what is told upstream about it. Only a trusted proxy is believed, and of its list only what
 * trusted proxies themselves wrote: from the right, the first address that is not trusted is the client's. What came
 * in X-Forwarded-* from anyone else is replaced. `Forwarded` (RFC 7239) is extended where a trusted proxy uses it.
 * Where X-Forwarded-For and Forwarded name different clients, one of them was passed on unchecked: neither is believed.
 */
import type { Peer } from '../../core/exchange.ts'
import { type HeaderList, headerValue, joinedValue } from '../../core/headers.ts'
import { isIPv4, isIPv6, parseAuthority } from './authority.ts'

export type IsTrusted = (address: string) => boolean

export interface Identity {
  readonly peer: Peer
  /** The scheme that the client used, as far as that can be believed. */
  readonly scheme: 'http' | 'https'
}

/** More entries than any chain of proxies has: the rest, on the left, is not looked at. */
const MAX_HOPS = 64

/** For a peer that is not trusted: whatever it claims is replaced by what we see. */
export function directIdentity(address: string, scheme: 'http' | 'https', authority: string): Identity {
  const forwarded = ['X-Forwarded-For', address, 'X-Forwarded-Proto', scheme]
  if (authority !== '') forwarded.push('X-Forwarded-Host', authority)
  return { peer: { address, client: address, trusted: false, forwarded }, scheme }
}

/** For a trusted proxy. */
export function proxiedIdentity(
  address: string,
  ownScheme: 'http' | 'https',
  authority: string,
  headers: HeaderList,
  isTrusted: IsTrusted,
): Identity {
  const listed = joinedValue(headers, 'x-forwarded-for')
  const standard = joinedValue(headers, 'forwarded')
  const hops = listed === undefined ? undefined : listedHops(listed)
  const elements = standard === undefined ? undefined : parseForwarded(standard)
  const client = believed(address, hops, elements, isTrusted)
  const scheme = reportedScheme(headers, hops === undefined ? elements : undefined) ?? ownScheme
  const host = reportedHost(headers) ?? authority

  const known = hops?.filter((hop) => hop !== '') ?? []
  const forwarded = ['X-Forwarded-For', [...known, address].join(', '), 'X-Forwarded-Proto', scheme]
  if (host !== '') forwarded.push('X-Forwarded-Host', host)
  if (standard !== undefined) {
    const own = forwardedElement(address, ownScheme, authority)
    // A list that can't be read is not passed on: the next reader might find something else in it.
    forwarded.push('Forwarded', elements === undefined ? own : `${standard}, ${own}`)
  }
  return { peer: { address, client, trusted: true, forwarded }, scheme }
}

function believed(
  address: string,
  hops: readonly string[] | undefined,
  elements: readonly ForwardedElement[] | undefined,
  isTrusted: IsTrusted,
): string {
  const byList = hops === undefined ? undefined : rightmostUntrusted(address, hops, isTrusted)
  const byStandard =
    elements === undefined
      ? undefined
      : rightmostUntrusted(
          address,
          elements.map((element) => plainNode(element.for ?? '')),
          isTrusted,
        )
  if (byList !== undefined && byStandard !== undefined && byList !== byStandard) return address
  return byList ?? byStandard ?? address
}

/** An entry that is no address ends the walk: nothing to the left of it has a witness. */
function rightmostUntrusted(address: string, hops: readonly string[], isTrusted: IsTrusted): string {
  let client = address
  for (let i = hops.length - 1; i >= 0; i--) {
    const hop = hops[i] as string
    if (hop === '') return client
    client = hop
    if (!isTrusted(hop)) return client
  }
  return client
}

/** The addresses of an X-Forwarded-For list, `` for entries that are none. */
function listedHops(list: string): string[] {
  return list.split(',').slice(-MAX_HOPS).map(plainNode)
}

/** `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]:80` or `2001:db8::1` without its port; `` for anything else. */
function plainNode(text: string): string {
  const node = text.trim().toLowerCase()
  if (node.startsWith('[')) {
    const end = node.indexOf(']')
    const inner = node.slice(1, end)
    return end > 0 && /^(?::\d{1,5})?$/.test(node.slice(end + 1)) && isIPv6(inner) ? unmapped(inner) : ''
  }
  const withoutPort = /^[^:]*:\d{1,5}$/.test(node) ? node.slice(0, node.indexOf(':')) : node
  if (isIPv4(withoutPort)) return withoutPort
  return isIPv6(node) ? unmapped(node) : ''
}

/** RFC 4291 §2.5.5.2: an IPv4 address in IPv6 clothes is the same client. */
function unmapped(address: string): string {
  const rest = address.startsWith('::ffff:') ? address.slice(7) : ''
  return isIPv4(rest) ? rest : address
}

function reportedScheme(
  headers: HeaderList,
  elements: readonly ForwardedElement[] | undefined,
): 'http' | 'https' | undefined {
  const listed = joinedValue(headers, 'x-forwarded-proto')
  const text = listed === undefined ? elements?.at(-1)?.proto : listed.slice(listed.lastIndexOf(',') + 1)
  const scheme = text?.trim().toLowerCase()
  return scheme === 'http' || scheme === 'https' ? scheme : undefined
}

function reportedHost(headers: HeaderList): string | undefined {
  const host = headerValue(headers, 'x-forwarded-host')
  return host === undefined ? undefined : parseAuthority(host.trim())?.authority
}

/** The parameters of one element that anybody reads. */
export interface ForwardedElement {
  readonly for: string | undefined
  readonly proto: string | undefined
}

const pair =
  /[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z:[\]-]+)|"((?:[^"\\]|\\.)*)")[ \t]*([;,]|$)/y

/** RFC 7239 §4. Undefined when it is not exactly that grammar; colons and brackets outside quotes are let pass. */
export function parseForwarded(text: string): ForwardedElement[] | undefined {
  const elements: ForwardedElement[] = []
  let node: string | undefined
  let proto: string | undefined
  let at = 0
  while (at <= text.length) {
    pair.lastIndex = at
    const match = pair.exec(text)
    if (match === null) return undefined
    const value = match[2] ?? (match[3] as string).replace(/\\(.)/g, '$1')
    const key = (match[1] as string).toLowerCase()
    if (key === 'for') {
      if (node !== undefined) return undefined
      node = value
    } else if (key === 'proto') {
      if (proto !== undefined) return undefined
      proto = value
    }
    at = pair.lastIndex
    if (match[4] === ';') continue
    elements.push({ for: node, proto })
    node = proto = undefined
    if (match[4] === '') return elements.slice(-MAX_HOPS)
  }
  return undefined
}

function forwardedElement(address: string, scheme: string, authority: string): string {
  const node = address === 'unix' ? 'unknown' : address.includes(':') ? `"[${address}]"` : address
  const host = authority === '' ? '' : /^[a-z0-9._-]+$/.test(authority) ? `;host=${authority}` : `;host="${authority}"`
  return `for=${node}${host};proto=${scheme}`
}
