/**
 * Cache-Control of requests and responses (RFC 9111 §5.2), and the targeted forms that replace it for gateways such as
 * this one: CDN-Cache-Control (RFC 9213), then Surrogate-Control, its predecessor.
 *
 * Where a directive comes twice, the first counts (§4.2.1). Freshness that does not parse counts as 0: such answers are
 * best taken for stale (§4.2.1).
 */
import { type BareItem, deltaSeconds, parseDictionary, splitList, unquote } from '../../../core/fields.ts'
import { type HeaderList, headerValues, joinedValue } from '../../../core/headers.ts'
import { surrogateDirectives } from './surrogate-control.ts'

export interface Directives {
  readonly noStore: boolean
  readonly noCache: boolean
  /** Fields that `no-cache="…"` or `private="…"` names: not kept, in lower case. */
  readonly withheld: readonly string[]
  readonly isPrivate: boolean
  readonly isPublic: boolean
  readonly mustRevalidate: boolean
  readonly proxyRevalidate: boolean
  readonly mustUnderstand: boolean
  readonly onlyIfCached: boolean
  /** Seconds, each. */
  readonly maxAge: number | undefined
  readonly sMaxAge: number | undefined
  readonly minFresh: number | undefined
  /** Infinity for `max-stale` without a value. */
  readonly maxStale: number | undefined
  readonly staleWhileRevalidate: number | undefined
  readonly staleIfError: number | undefined
}

type Value = BareItem | undefined

/** What the response says to this cache, and whether a targeted field said it, in which case Expires is void too. */
export function responseDirectives(headers: HeaderList): { directives: Directives; isTargeted: boolean } {
  const targeted = joinedValue(headers, 'cdn-cache-control')
  if (targeted !== undefined) {
    const members = parseDictionary(targeted)
    // RFC 9213 §2.1: a field that is empty, doesn't parse, or has times that aren't integers is ignored as a whole.
    if (members !== undefined && members.size > 0 && hasIntegerTimes(members))
      return { directives: interpret(members), isTargeted: true }
  }
  const surrogate = joinedValue(headers, 'surrogate-control')
  const forUs = surrogate === undefined ? undefined : surrogateDirectives(surrogate)
  if (forUs !== undefined) return { directives: interpret(forUs), isTargeted: true }
  return { directives: interpret(parseCacheControl(headerValues(headers, 'cache-control'))), isTargeted: false }
}

/** What the client asks of caches; `Pragma: no-cache` only where there is no Cache-Control (RFC 9111 §5.4). */
export function requestDirectives(headers: HeaderList): Directives {
  const lines = headerValues(headers, 'cache-control')
  if (lines.length > 0) return interpret(parseCacheControl(lines))
  const pragma = joinedValue(headers, 'pragma')
  if (pragma === undefined) return none
  const isNoCache = splitList(pragma.toLowerCase()).includes('no-cache')
  return isNoCache ? interpret(new Map([['no-cache', true]])) : none
}

function parseCacheControl(lines: readonly string[]): Map<string, Value> {
  const found = new Map<string, Value>()
  for (const line of lines) {
    for (const member of splitList(line)) {
      const equals = member.indexOf('=')
      const name = (equals < 0 ? member : member.slice(0, equals)).toLowerCase()
      const value = equals < 0 ? undefined : unquote(member.slice(equals + 1))
      // no-cache and private are stricter without fields than with: the strict form wins wherever it stands.
      const isStricter = value === undefined && (name === 'no-cache' || name === 'private')
      if (isStricter || !found.has(name)) found.set(name, value)
    }
  }
  return found
}

function interpret(found: ReadonlyMap<string, Value>): Directives {
  const flag = (name: string) => found.has(name) && found.get(name) !== false
  const bare = (name: string) => flag(name) && typeof found.get(name) !== 'string'
  return {
    noStore: flag('no-store'),
    noCache: bare('no-cache'),
    withheld: [...fieldNames(found.get('no-cache')), ...fieldNames(found.get('private'))],
    isPrivate: bare('private'),
    isPublic: flag('public'),
    mustRevalidate: flag('must-revalidate'),
    proxyRevalidate: flag('proxy-revalidate'),
    mustUnderstand: flag('must-understand'),
    onlyIfCached: flag('only-if-cached'),
    maxAge: seconds(found, 'max-age'),
    sMaxAge: seconds(found, 's-maxage'),
    minFresh: seconds(found, 'min-fresh'),
    maxStale:
      found.has('max-stale') && typeof found.get('max-stale') !== 'string' && typeof found.get('max-stale') !== 'number'
        ? Number.POSITIVE_INFINITY
        : seconds(found, 'max-stale'),
    staleWhileRevalidate: seconds(found, 'stale-while-revalidate'),
    staleIfError: seconds(found, 'stale-if-error'),
  }
}

const times = ['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error']

function hasIntegerTimes(members: ReadonlyMap<string, BareItem>): boolean {
  return times.every((name) => !members.has(name) || Number.isInteger(members.get(name)))
}

function seconds(found: ReadonlyMap<string, Value>, name: string): number | undefined {
  if (!found.has(name)) return undefined
  const value = found.get(name)
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? value : 0
  return typeof value === 'string' ? (deltaSeconds(value) ?? 0) : 0
}

function fieldNames(value: Value): string[] {
  return typeof value === 'string' ? splitList(value.toLowerCase()) : []
}

const none: Directives = interpret(new Map())
