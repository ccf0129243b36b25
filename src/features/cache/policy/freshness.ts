/**
 * How long a stored answer is fresh, and how old it is (RFC 9111 §4.2).
 *
 *   fresh while current age < freshness lifetime
 *   lifetime = override | s-maxage | max-age | Expires − Date | 10 % of (Date − Last-Modified) | configured
 *   current age = max(Date's apparent age, Age + time to fetch) + time in this cache
 */
import { deltaSeconds, parseHttpDate, splitList } from '../../../core/fields.ts'
import { type HeaderList, headerValue, headerValues } from '../../../core/headers.ts'
import type { Directives } from './directives.ts'

export interface LifetimeRules {
  /** Lifetime whatever the origin says, in milliseconds; not for errors. */
  readonly overrideMs: number | undefined
  /** Lifetime where nothing else gives one; not for errors. */
  readonly fallbackMs: number
  /** Lifetime by status for error answers without explicit freshness. */
  readonly negativeMs: ReadonlyMap<number, number>
}

export type LifetimeSource =
  | 'override'
  | 's-maxage'
  | 'max-age'
  | 'expires'
  | 'negative'
  | 'heuristic'
  | 'configured'
  | 'none'

export interface Lifetime {
  readonly lifetimeMs: number
  readonly from: LifetimeSource
}

/** Statuses whose answers may be kept without explicit freshness (RFC 9110 §15.1). 206 needs part storage. */
const heuristicStatuses = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])

/** Longest heuristic lifetime: what RFC 9111 §4.2.2 still calls unsurprising. */
const HEURISTIC_MAX_MS = 86_400_000

/** Whether `status` may be kept without explicit freshness. */
export function isHeuristic(status: number): boolean {
  return heuristicStatuses.has(status)
}

export function lifetimeOf(
  status: number,
  headers: HeaderList,
  directives: Directives,
  isTargeted: boolean,
  receivedAtMs: number,
  rules: LifetimeRules,
): Lifetime {
  // An error is not what the operator meant to keep: `negative` says for how long, or the origin does.
  if (rules.overrideMs !== undefined && status < 400) return { lifetimeMs: rules.overrideMs, from: 'override' }
  if (directives.sMaxAge !== undefined) return { lifetimeMs: directives.sMaxAge * 1000, from: 's-maxage' }
  if (directives.maxAge !== undefined) return { lifetimeMs: directives.maxAge * 1000, from: 'max-age' }
  const date = dateOf(headers, receivedAtMs)
  const expires = isTargeted ? [] : headerValues(headers, 'expires')
  if (expires.length > 0) {
    // RFC 9111 §5.3: an invalid date, the value 0 above all, is a time in the past.
    const at = expires.length === 1 ? parseHttpDate(expires[0] as string, receivedAtMs) : undefined
    return { lifetimeMs: at === undefined ? 0 : Math.max(0, at - date), from: 'expires' }
  }
  const negative = rules.negativeMs.get(status)
  if (negative !== undefined) return { lifetimeMs: negative, from: 'negative' }
  return heuristicOf(status, headers, directives, date, rules)
}

/** A lifetime cut by up to `jitter` of it, so that what was stored together does not become stale together. */
export function shortened(lifetimeMs: number, jitter: number, random: number): number {
  return jitter === 0 ? lifetimeMs : lifetimeMs * (1 - jitter * random)
}

function heuristicOf(
  status: number,
  headers: HeaderList,
  directives: Directives,
  dateMs: number,
  rules: LifetimeRules,
): Lifetime {
  if (!isHeuristic(status) && !directives.isPublic) return { lifetimeMs: 0, from: 'none' }
  const modified = headerValue(headers, 'last-modified')
  const modifiedAt = modified === undefined ? undefined : parseHttpDate(modified, dateMs)
  if (modifiedAt !== undefined && modifiedAt < dateMs) {
    return { lifetimeMs: Math.min((dateMs - modifiedAt) / 10, HEURISTIC_MAX_MS), from: 'heuristic' }
  }
  return rules.fallbackMs > 0 && status < 400
    ? { lifetimeMs: rules.fallbackMs, from: 'configured' }
    : { lifetimeMs: 0, from: 'none' }
}

/** The Date field, or the time of receipt where there is none that can be read. */
export function dateOf(headers: HeaderList, receivedAtMs: number): number {
  const date = headerValue(headers, 'date')
  return (date === undefined ? undefined : parseHttpDate(date, receivedAtMs)) ?? receivedAtMs
}

/**
 * Age at the time of receipt, in milliseconds (RFC 9111 §4.2.3, corrected_initial_age).
 * @param requestedAtMs when the request was sent; all times are wall clock
 */
export function initialAge(headers: HeaderList, requestedAtMs: number, receivedAtMs: number): number {
  const apparent = Math.max(0, receivedAtMs - dateOf(headers, receivedAtMs))
  const corrected = ageOf(headers) * 1000 + Math.max(0, receivedAtMs - requestedAtMs)
  return Math.max(apparent, corrected)
}

/** RFC 9111 §5.1: of several members the first counts, and one that is not a number is ignored. In seconds. */
function ageOf(headers: HeaderList): number {
  const line = headerValue(headers, 'age')
  if (line === undefined) return 0
  return deltaSeconds(splitList(line)[0] ?? '') ?? 0
}
