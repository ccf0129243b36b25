/**
 * Path and host patterns, compiled to the cheapest test that decides them. Paths come in their one normal form
 * (net/policy/path.ts) and patterns are brought to it, so both are compared as they stand; case counts.
 *
 *   /a/b       exactly that           /a/*       one segment, not empty     /a/{id}   the same, captured as `id`
 *   /a/**      /a, /a/ and all below  ~^/v[12]/  a regular expression       /**       everything
 *
 * `/a/**` covers `/a` itself, so that a rule for a folder cannot be passed by on the folder's own name.
 */
import { reservedNames } from '../core/template.ts'
import { parseAuthority } from '../net/policy/authority.ts'
import { normalPath } from '../net/policy/path.ts'
import { compileRegex, type Regex } from './policy/regex.ts'

export type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'one'; readonly name: string | undefined }

export type Shape =
  | { readonly kind: 'any' }
  | { readonly kind: 'segments'; readonly segments: readonly Segment[]; readonly hasRest: boolean }
  | { readonly kind: 'regex'; readonly regex: Regex }

export interface PathPattern {
  /** As written. */
  readonly text: string
  readonly shape: Shape
  /** Every path that matches begins with this. */
  readonly prefix: string
  /** Names of captures, in order. */
  readonly names: readonly string[]
  matches(path: string): boolean
  /** Name, value, name, value, …; only for a path that matches. */
  captures(path: string): readonly string[]
}

/** The pattern or, as a string, what is wrong with it. */
export function parsePath(text: string): PathPattern | string {
  if (text.startsWith('~')) return regexPattern(text)
  if (!text.startsWith('/')) return 'is not a path pattern: begin it with `/`, or with `~` for a regular expression'
  if (text === '/**') return anyPath
  const written = text.slice(1).split('/')
  const hasRest = written.at(-1) === '**'
  if (hasRest) written.pop()
  const segments: Segment[] = []
  for (const [i, part] of written.entries()) {
    const segment = parseSegment(part, !hasRest && i === written.length - 1)
    if (typeof segment === 'string') return segment
    segments.push(segment)
  }
  const names = segments.flatMap((segment) => (segment.kind === 'one' ? (segment.name ?? []) : []))
  return faultyNames(names) ?? segmentPattern(text, segments, hasRest, names)
}

/** The pattern of a route without a path. */
export const anyPath: PathPattern = {
  text: '/**',
  shape: { kind: 'any' },
  prefix: '',
  names: [],
  matches: () => true,
  captures: () => nothing,
}

const nothing: readonly string[] = []

function parseSegment(part: string, isLast: boolean): Segment | string {
  if (part === '*') return { kind: 'one', name: undefined }
  if (part === '**') return 'has `**` before its end: it stands for the rest of the path'
  const named = /^\{([^{}]*)\}$/.exec(part)
  if (named !== null) return { kind: 'one', name: named[1] as string }
  if (/[*{}]/.test(part)) {
    return `has \`${part}\`: \`*\` and \`{name}\` stand for whole segments; use a regular expression, \`~^/…\`, for parts of one`
  }
  if (part === '') return isLast ? { kind: 'literal', text: '' } : 'has an empty segment, and `//` never arrives'
  const literal = normalLiteral(part)
  return typeof literal === 'string' ? { kind: 'literal', text: literal } : literal.fault
}

/** A literal segment as it arrives: percent-encoded where it must be and nowhere else. */
function normalLiteral(part: string): string | { fault: string } {
  if (/[?#]/.test(part)) return { fault: `has \`${part}\`: a path ends before \`?\`; match parameters with \`query\`` }
  const ascii = part.replace(/[^\x21-\x7e]+/g, (found) => encodeURIComponent(found.toWellFormed()))
  const path = normalPath(`/${ascii}`, 'keep')
  if (typeof path === 'string' && path !== '/') return path.slice(1)
  return { fault: `has the segment \`${part}\`, which never arrives: such paths are refused or normalised` }
}

function faultyNames(names: readonly string[]): string | undefined {
  for (const [i, name] of names.entries()) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return `has \`{${name}}\`: a name is letters, digits and \`_\``
    if (reservedNames.includes(name))
      return `captures \`${name}\`, which already means something in templates: rename it`
    if (names.indexOf(name) !== i) return `captures \`${name}\` twice`
  }
  return undefined
}

function regexPattern(text: string): PathPattern | string {
  const regex = compileRegex(text.slice(1))
  if (typeof regex === 'string') return `is not a regular expression that can be used: it ${regex}`
  const fault = faultyNames(regex.names)
  if (fault !== undefined) return fault
  return {
    text,
    shape: { kind: 'regex', regex },
    prefix: regex.prefix,
    names: regex.names,
    matches: (path) => regex.test(path),
    captures: (path) => regex.captures(path) ?? nothing,
  }
}

function segmentPattern(
  text: string,
  segments: readonly Segment[],
  hasRest: boolean,
  names: readonly string[],
): PathPattern {
  const prefix = prefixOf(segments)
  const isLiteral = segments.every((segment) => segment.kind === 'literal')
  return {
    text,
    shape: { kind: 'segments', segments, hasRest },
    prefix,
    names,
    matches: !isLiteral
      ? (path) => isWalked(path, segments, hasRest)
      : hasRest
        ? (path) => isAtOrBelow(path, prefix)
        : (path) => path === prefix,
    captures: names.length === 0 ? () => nothing : (path) => walkedCaptures(path, segments),
  }
}

function prefixOf(segments: readonly Segment[]): string {
  let prefix = ''
  for (const segment of segments) {
    if (segment.kind === 'one') return `${prefix}/`
    prefix += `/${segment.text}`
  }
  return prefix
}

/** Whether `path` is `folder` or lies in it. */
export function isAtOrBelow(path: string, folder: string): boolean {
  return path.startsWith(folder) && (path.length === folder.length || path.charCodeAt(folder.length) === SLASH)
}

const SLASH = 0x2f

function isWalked(path: string, segments: readonly Segment[], hasRest: boolean): boolean {
  let at = 0
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i] as Segment
    if (path.charCodeAt(at) !== SLASH) return false
    const end = endOfSegment(path, ++at)
    if (segment.kind === 'one') {
      if (end === at) return false
    } else if (end - at !== segment.text.length || !path.startsWith(segment.text, at)) return false
    at = end
  }
  return hasRest || at === path.length
}

function walkedCaptures(path: string, segments: readonly Segment[]): string[] {
  const found: string[] = []
  let at = 0
  for (const segment of segments) {
    const end = endOfSegment(path, ++at)
    if (segment.kind === 'one' && segment.name !== undefined) found.push(segment.name, path.slice(at, end))
    at = end
  }
  return found
}

function endOfSegment(path: string, from: number): number {
  const end = path.indexOf('/', from)
  return end < 0 ? path.length : end
}

/** `example.com`, or every host below one: `*.example.com` is any number of labels before it, but at least one. */
export interface HostPattern {
  /** In lower case, punycode. */
  readonly text: string
  /** `.example.com` for `*.example.com`; undefined for an exact name. */
  readonly suffix: string | undefined
}

/** The pattern or, as a string, what is wrong with it. */
export function parseHost(text: string): HostPattern | string {
  if (/[^\x21-\x7e]/.test(text)) return 'is not ASCII: write the name in punycode, as `xn--…`'
  const isWildcard = text.startsWith('*.')
  const name = isWildcard ? text.slice(2) : text
  if (text === '*') return 'matches every host: leave `host` out'
  if (name.includes('*')) return 'has a `*` that is not a whole first label: write for example *.example.com'
  const authority = parseAuthority(name.includes('::') && !name.startsWith('[') ? `[${name}]` : name)
  if (authority === undefined) return 'is not a host name: write for example shop.example.com or *.example.com'
  if (/:\d+$/.test(name) && authority.host !== name.toLowerCase()) return 'has a port: routes match the name alone'
  return isWildcard
    ? { text: `*.${authority.host}`, suffix: `.${authority.host}` }
    : { text: authority.host, suffix: undefined }
}

export function matchesHost(pattern: HostPattern, host: string): boolean {
  const { suffix } = pattern
  return suffix === undefined ? host === pattern.text : host.length > suffix.length && host.endsWith(suffix)
}
