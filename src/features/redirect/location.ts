/**
 * Where a redirect leads. What a client sends may choose the page, never the site: the authority of an absolute target
 * is the operator's text and at most {host}, and a relative target never begins with two slashes, which would be a
 * site (RFC 3986 §4.2).
 */
import { GatewayError } from '../../core/errors.ts'
import type { Exchange } from '../../core/exchange.ts'
import { captureNames, placeholder, templateFault, templateParts } from '../../core/template.ts'

const fixed = ['host', 'path', 'query', 'scheme']

/** What is wrong with a target, as the end of a sentence about it. */
export function targetFault(to: string, pattern: string): string | undefined {
  const text = templateParts(to).map((part) => (part.kind === 'text' ? part.text : ''))
  if (/[^\x21-\x7e]|[\\"<>^`|{}]/.test(text.join(''))) return 'holds a character that URLs can’t: percent-encode it'
  return templateFault(to, [...fixed, ...captureNames(pattern)]) ?? siteFault(to)
}

function siteFault(to: string): string | undefined {
  if (to.startsWith('//') || to.startsWith('/{path}')) {
    return 'begins with two slashes, which name another site: write https://… for one, or a single `/`'
  }
  if (to.startsWith('/') || to.startsWith('{path}')) return undefined
  const match = absolute.exec(to)
  if (match === null) return 'is not a URL: begin it with https://, http://, {scheme}://, `/` or `{path}`'
  const [, authority = '', rest = ''] = match
  if (!site.test(authority)) {
    return 'has a host that clients could choose: use text and {host} only, and put `/` before what comes after it'
  }
  return rest === '' || /^(?:[/?#]|\{path\}|\{query\})/.test(rest)
    ? undefined
    : 'continues its host with what clients choose: put `/` before it'
}

/** A name with at most {host} in it, or an IPv6 address; a port. */
const site = /^(?:(?=[A-Za-z0-9{])[A-Za-z0-9.-]*(?:\{host\}[A-Za-z0-9.-]*)?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/

/** Scheme; authority, up to a slash, a mark or a placeholder other than {host}; the rest. */
const absolute = /^(?:https?|\{scheme\}):\/\/((?:[^/?#{]|\{host\})*)(.*)$/

/** The Location of each exchange. Without `?`, `#` or {query} in the target, the client's query is appended. */
export function compileLocation(to: string): (x: Exchange) => string {
  const head = absolute.exec(to)
  const site = head === null ? '' : to.slice(0, to.length - (head[2] as string).length)
  const page = to.slice(site.length)
  const makeSite = compilePart(site, valueInSite)
  const makePage = compilePage(page)
  return (x) => {
    const made = makePage(x)
    return makeSite(x) + made
  }
}

function compilePage(page: string): (x: Exchange) => string {
  const mark = page.search(/[?#]|\{query\}/)
  const path = compilePart(mark < 0 ? page : page.slice(0, mark), valueInPath)
  const rest = mark < 0 ? (x: Exchange) => x.request.query : compilePart(page.slice(mark), valueInQuery)
  return (x) => {
    const made = path(x)
    return (made.includes('//') ? made.replace(/\/{2,}/g, '/') : made) + rest(x)
  }
}

type Value = (name: string) => (x: Exchange) => string

function compilePart(template: string, value: Value): (x: Exchange) => string {
  const parts = templateParts(template).map((part) => (part.kind === 'text' ? () => part.text : value(part.name)))
  return (x) => {
    let text = ''
    for (const part of parts) text += part(x)
    return text
  }
}

/** The guard lets nothing else pass; a site is worth a second look. */
const plainHost = /^(?:[a-z0-9._-]+|[0-9a-f:.]+)$/

function valueInSite(name: string): (x: Exchange) => string {
  if (name !== 'host') return placeholder(name)
  return (x) => {
    const { host } = x.request
    if (!plainHost.test(host)) throw new GatewayError('bad_host', 'the host cannot be redirected to')
    return host.includes(':') ? `[${host}]` : host
  }
}

function valueInPath(name: string): (x: Exchange) => string {
  if (name !== 'path') return placeholder(name)
  // `*`, of `OPTIONS *`, is no path.
  return (x) => (x.request.path === '*' ? '/' : x.request.path)
}

/** Paths may hold what separates parameters: encoded, it stays within its own. {query} is parameters already. */
function valueInQuery(name: string): (x: Exchange) => string {
  const value = placeholder(name)
  if (name === 'query') return value
  return (x) => value(x).replace(/[&+=;]/g, (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`)
}
