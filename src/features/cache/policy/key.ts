/** What makes two requests ask for the same thing (RFC 9111 §2: the target URI), and what an unsafe one makes untrue. */
import type { Peer } from '../../../core/exchange.ts'
import { type HeaderList, headerValue, isNamed } from '../../../core/headers.ts'
import type { RequestHead } from '../../../core/message.ts'

export interface KeyRules {
  /** Which query parameters count; their order never does. */
  readonly query: 'all' | 'none' | { readonly only: readonly string[] } | { readonly except: readonly string[] }
  /** Request fields and cookies whose values are part of the key. */
  readonly headers: readonly string[]
  readonly cookies: readonly string[]
  readonly host: boolean
}

export interface Keys {
  /** The resource: what an unsafe request or a purge makes untrue as a whole. */
  key(request: RequestHead): string
  /**
   * Which part of it: the route, since another may ask another backend; the scheme, and what a trusted proxy says of the
   * host, since backends write both into their links and redirects; the configured fields and cookies.
   */
  partition(request: RequestHead, peer: Peer): string
}

/** Compiles the rules. The key of the common case is one concatenation. */
export function compileKeys(route: string, rules: KeyRules): Keys {
  const queryOf = queryNormaliser(rules.query)
  const overTls = `${route}\nhttps`
  const isPlain = rules.headers.length === 0 && rules.cookies.length === 0
  return {
    key: (request) => `${rules.host ? request.authority : ''}${request.path}${queryOf(request.query)}`,
    partition: (request, peer) => {
      let partition = request.scheme === 'https' ? overTls : route
      if (peer.trusted && rules.host) partition += toldHosts(peer.forwarded, request.authority)
      return isPlain ? partition : partition + extras(request.headers, rules)
    },
  }
}

/** The key of another URI on the same host: for Location, Content-Location and purges. */
export function keyOfTarget(rules: KeyRules, authority: string, path: string, query: string): string {
  return `${rules.host ? authority : ''}${path}${queryNormaliser(rules.query)(query)}`
}

/** Between a resource and what else a key holds; no URL contains it. */
const MARK = '\nQUERY '

/** The key of a QUERY (RFC 10008): what its content asks of a resource. */
export function queryKey(resource: string, digest: string): string {
  return `${resource}${MARK}${digest}`
}

/** The resource that a key is of: what purges and unsafe requests name. */
export function resourceOf(key: string): string {
  const at = key.indexOf('\n')
  return at < 0 ? key : key.slice(0, at)
}

/** What answers to QUERYs of a resource are labelled with, so that they go with it; undefined for other keys. */
export function queryLabelOf(key: string): string | undefined {
  const resource = resourceOf(key)
  return resource === key ? undefined : queryLabel(resource)
}

/** Unlike a group's label, since no authority is written in capitals. */
export function queryLabel(resource: string): string {
  return `${MARK}\n${resource}`
}

/**
 * A parameter that doesn't count still does when it holds a `;`: some backends read that as `&`, and would find another
 * parameter in it.
 */
function queryNormaliser(rule: KeyRules['query']): (query: string) => string {
  if (rule === 'none') return () => ''
  const counts = rule === 'all' ? undefined : 'only' in rule ? matcher(rule.only) : not(matcher(rule.except))
  return (query) => {
    if (query.length <= 1) return ''
    if (counts === undefined && !query.includes('&')) return query
    const parameters = query.slice(1).split('&')
    const kept = counts === undefined ? parameters : parameters.filter((p) => counts(nameOf(p)) || p.includes(';'))
    if (kept.length === 0) return ''
    // Sorted by name only and stably: the order of equal names may carry meaning.
    kept.sort((a, b) => compare(nameOf(a), nameOf(b)))
    return `?${kept.join('&')}`
  }
}

const nameOf = (parameter: string) => parameter.split('=', 1)[0] as string
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** Names, where a `*` at the end stands for any rest: `utm_*`. */
function matcher(names: readonly string[]): (name: string) => boolean {
  const exact = new Set(names.filter((name) => !name.endsWith('*')))
  const prefixes = names.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1))
  return (name) => exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix))
}

function not(test: (name: string) => boolean): (name: string) => boolean {
  return (name) => !test(name)
}

/** Hosts other than the request's own that the backend is told of: a proxy may pass on what clients wrote. */
function toldHosts(forwarded: HeaderList, authority: string): string {
  let told = ''
  for (let i = 0; i < forwarded.length; i += 2) {
    const name = forwarded[i] as string
    const value = forwarded[i + 1] as string
    if (isNamed(name, 'x-forwarded-host')) {
      if (value !== authority) told += `\nfor ${value}`
    } else if (isNamed(name, 'forwarded')) {
      for (const [parameter] of value.toLowerCase().matchAll(hostOrScheme)) told += `\n${parameter}`
    }
  }
  return told
}

/** RFC 7239 §5.3, §5.4: what of Forwarded backends build links from. Addresses are left out: they would make a key each. */
const hostOrScheme = /\b(?:host|proto)=(?:"(?:[^"\\]|\\.)*"|[^;,\s]*)/g

function extras(headers: HeaderList, rules: KeyRules): string {
  let text = ''
  for (const name of rules.headers) text += `\n${name}:${headerValue(headers, name) ?? ''}`
  for (const name of rules.cookies) text += `\ncookie ${name}=${cookieValue(headers, name) ?? ''}`
  return text
}

/** The value of one cookie in the Cookie field (RFC 6265 §4.2.1), or undefined. */
export function cookieValue(headers: HeaderList, name: string): string | undefined {
  const field = headerValue(headers, 'cookie')
  if (field === undefined || !field.includes(name)) return undefined
  for (const pair of field.split(';')) {
    const equals = pair.indexOf('=')
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim()
  }
  return undefined
}
