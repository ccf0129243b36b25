/** What makes two requests ask for the same thing (RFC 9111 §2: the target URI), and what an unsafe one makes untrue. */
import { cookieText } from '../../../core/cookies.ts'
import type { Peer } from '../../../core/exchange.ts'
import { type HeaderList, isNamed, joinedValue } from '../../../core/headers.ts'
import { namesPlace } from '../../../core/identity-fields.ts'
import type { RequestHead } from '../../../core/message.ts'

/** `all`: the query byte for byte. */
export type QueryRule =
  | 'all'
  | 'none'
  | {
      readonly only?: readonly string[] | undefined
      readonly except?: readonly string[] | undefined
      readonly sort?: boolean | undefined
    }

export interface KeyRules {
  /** Which query parameters count, and whether their order does not. */
  readonly query: QueryRule
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
      if (peer.trusted) partition += toldPlaces(request.headers)
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
function queryNormaliser(rule: QueryRule): (query: string) => string {
  if (rule === 'none') return () => ''
  if (rule === 'all') return (query) => query
  const { only, except, sort } = rule
  const counts = only !== undefined ? matcher(only) : except !== undefined ? not(matcher(except)) : undefined
  return (query) => {
    if (query === '') return ''
    const parameters = query.slice(1).split('&')
    const kept = counts === undefined ? parameters : parameters.filter((p) => counts(nameOf(p)) || p.includes(';'))
    if (kept.length === 0) return ''
    // By name only and stably: the order of equal names may carry meaning.
    if (sort === true) kept.sort((a, b) => compare(nameOf(a), nameOf(b)))
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

/** Other fields by which a trusted proxy, or somebody through it, tells backends where a request goes. */
function toldPlaces(headers: HeaderList): string {
  let told = ''
  for (let i = 0; i < headers.length; i += 2) {
    if (namesPlace(headers[i] as string)) told += `\n${(headers[i] as string).toLowerCase()}=${headers[i + 1]}`
  }
  return told
}

/** RFC 7239 §5.3, §5.4: what of Forwarded backends build links from. Addresses are left out: they would make a key each. */
const hostOrScheme = /\b(?:host|proto)=(?:"(?:[^"\\]|\\.)*"|[^;,\s]*)/g

/** Every line and every cookie of a name: which of several counts is for the backend to say, and not for the client to choose. */
function extras(headers: HeaderList, rules: KeyRules): string {
  let text = ''
  for (const name of rules.headers) text += `\n${name}:${joinedValue(headers, name) ?? ''}`
  for (const name of rules.cookies) text += `\ncookie ${name}=${cookieText(headers, name) ?? ''}`
  return text
}
