/** Whether a failed attempt is followed by another one. */
import type { ErrorCode, GatewayError } from '../../core/errors.ts'

/** The words of `retry.on`. */
export const retryReasons = ['connect', 'unsent', 'reset', 'timeout', '502', '503', '504'] as const
export type RetryReason = (typeof retryReasons)[number]

/** What is tried again where nothing is said: what surely did not reach a backend, or was not looked at. */
export const defaultReasons: readonly RetryReason[] = ['connect', 'unsent']

export interface RetryPolicy {
  /** Attempts in all, the first included. */
  readonly attempts: number
  readonly on: readonly RetryReason[]
}

/** What else the decision depends on. */
export interface RetryFacts {
  /** Number of the attempt that failed, from 1. */
  readonly attempt: number
  /** How many of the attempts met a kept connection that was just being closed. */
  readonly stale: number
  /** Whether the method may be sent twice (RFC 9110 §9.2.2). */
  readonly isIdempotent: boolean
  /** Bytes of the request body are gone: they can't be sent a second time. */
  readonly isBodyGone: boolean
}

export type RetryDecision =
  | {
      readonly retry: true
      readonly because: RetryReason
      /** It asks nothing more of a backend than the first attempt did: none of it arrived there. */
      readonly isFree: boolean
    }
  | {
      readonly retry: false
      readonly because: 'not_retryable' | 'not_asked_for' | 'attempts_used' | 'body_taken' | 'not_idempotent'
    }

const reasons: Partial<Record<ErrorCode, RetryReason>> = {
  connect_failed: 'connect',
  connect_timeout: 'connect',
  tls_failed: 'connect',
  upstream_busy: 'connect',
  unsent: 'unsent',
  kept_closed: 'unsent',
  connection_closed: 'reset',
  response_timeout: 'timeout',
  bad_response: '502',
}

/** @param outcome why there is no answer, or the status of the one there is */
export function decideRetry(policy: RetryPolicy, outcome: GatewayError | number, facts: RetryFacts): RetryDecision {
  const reason = typeof outcome === 'number' ? reasonOfStatus(outcome) : reasons[outcome.code]
  if (reason === undefined) return { retry: false, because: 'not_retryable' }
  if (!isAskedFor(reason, policy.on)) return { retry: false, because: 'not_asked_for' }
  const { attempt, stale, isIdempotent, isBodyGone } = facts
  // Bad luck with a kept connection uses up no attempt (as in nginx), or a busy backend with a short keep-alive time
  // would be met with it again and again.
  const isStale = reason === 'unsent'
  const isUsedUp = isStale ? policy.attempts < 2 || stale > MOST_STALE : attempt - stale >= policy.attempts
  if (isUsedUp) return { retry: false, because: 'attempts_used' }
  const isUnsent = typeof outcome !== 'number' && outcome.retry === 'if_unsent'
  if (!isUnsent && !isIdempotent) return { retry: false, because: 'not_idempotent' }
  if (isBodyGone) return { retry: false, because: 'body_taken' }
  return { retry: true, because: reason, isFree: isUnsent || isStale }
}

/** Whoever has a request sent again that may have arrived wants it the more when it surely did not, or was not looked at. */
function isAskedFor(reason: RetryReason, on: readonly RetryReason[]): boolean {
  return on.includes(reason) || (reason === 'unsent' && on.includes('reset'))
}

/** Reasons of the default that a list leaves out, so that less is tried again than without it. */
export function lessThanDefault(on: readonly RetryReason[]): RetryReason[] {
  return defaultReasons.filter((reason) => !isAskedFor(reason, on))
}

/** Further attempts that kept connections may cost. */
const MOST_STALE = 4

function reasonOfStatus(status: number): RetryReason | undefined {
  return status === 502 || status === 503 || status === 504 ? `${status}` : undefined
}
