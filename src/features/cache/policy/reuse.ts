/**
 * Whether a stored answer may be given to a request as it is (RFC 9111 §4, §4.2.4, §5.2.1; RFC 5861).
 *
 * What never had any freshness may well be one user's page: many frameworks send an entity tag and nothing else. Only its
 * origin's own word (`stale-while-revalidate`, `stale-if-error`) gives it to anybody unvalidated, not a client's `max-stale`
 * and not the operator's windows.
 */
import type { Directives } from './directives.ts'

/** What decides about a stored answer, without its body. Times in milliseconds. */
export interface Stored {
  readonly directives: Directives
  readonly lifetimeMs: number
  readonly initialAgeMs: number
  /** Wall clock. */
  readonly receivedAtMs: number
  /** Marked stale by a soft purge or an unsafe request. */
  readonly isInvalidated: boolean
}

export interface StaleRules {
  /** For answers whose origin does not say; 0: only where it does. */
  readonly whileRevalidateMs: number
  readonly ifErrorMs: number
}

export type Reuse =
  | { readonly use: 'fresh'; readonly ageMs: number }
  /** Give it; with `refresh`, bring it up to date in the background. */
  | {
      readonly use: 'stale'
      readonly ageMs: number
      readonly because: 'while-revalidate' | 'max-stale'
      readonly refresh: boolean
    }
  | {
      readonly use: 'validate'
      readonly ageMs: number
      readonly because: 'stale' | 'no-cache' | 'request' | 'invalidated'
    }

/** RFC 9111 §4.2.3 current_age. */
export function ageOf(stored: Stored, nowMs: number): number {
  return stored.initialAgeMs + Math.max(0, nowMs - stored.receivedAtMs)
}

export function reuse(stored: Stored, request: Directives, nowMs: number, rules: StaleRules): Reuse {
  const ageMs = ageOf(stored, nowMs)
  if (stored.isInvalidated) return { use: 'validate', ageMs, because: 'invalidated' }
  if (stored.directives.noCache) return { use: 'validate', ageMs, because: 'no-cache' }
  if (request.noCache) return { use: 'validate', ageMs, because: 'request' }
  if (request.maxAge !== undefined && ageMs > request.maxAge * 1000)
    return { use: 'validate', ageMs, because: 'request' }
  const leftMs = stored.lifetimeMs - ageMs
  if (request.minFresh !== undefined && leftMs < request.minFresh * 1000)
    return { use: 'validate', ageMs, because: 'request' }
  if (leftMs > 0) return { use: 'fresh', ageMs }
  if (forbidsStale(stored.directives)) return { use: 'validate', ageMs, because: 'stale' }
  const wasFresh = stored.lifetimeMs > 0
  if (wasFresh && request.maxStale !== undefined && -leftMs <= request.maxStale * 1000) {
    return { use: 'stale', ageMs, because: 'max-stale', refresh: false }
  }
  if (-leftMs < windowOf(stored.directives.staleWhileRevalidate, wasFresh ? rules.whileRevalidateMs : 0)) {
    return { use: 'stale', ageMs, because: 'while-revalidate', refresh: true }
  }
  return { use: 'validate', ageMs, because: 'stale' }
}

/**
 * Whether an answer that has just come, or was just validated, may be given to others than the one it was fetched for.
 * @param request what the other asked of caches
 */
export function isForOthers(answer: Stored, request: Directives, nowMs: number, rules: StaleRules): boolean {
  return reuse(answer, request, nowMs, rules).use !== 'validate'
}

/** Whether a stored answer may stand in for one that could not be had (RFC 5861 §4). */
export function mayServeOnError(stored: Stored, nowMs: number, rules: StaleRules): boolean {
  if (forbidsStale(stored.directives) || stored.directives.noCache) return false
  const staleMs = ageOf(stored, nowMs) - stored.lifetimeMs
  return staleMs < windowOf(stored.directives.staleIfError, stored.lifetimeMs > 0 ? rules.ifErrorMs : 0)
}

/** §4.2.4: what no stale answer may be served against; s-maxage implies proxy-revalidate (§5.2.2.10). */
function forbidsStale(directives: Directives): boolean {
  return directives.mustRevalidate || directives.proxyRevalidate || directives.sMaxAge !== undefined
}

function windowOf(seconds: number | undefined, configuredMs: number): number {
  return seconds === undefined ? configuredMs : seconds * 1000
}
