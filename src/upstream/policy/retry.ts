/** Whether a failed attempt is followed by another one. */
import type { ErrorCode, GatewayError } from '../../core/errors.ts'

/** The words of `retry.on`. */
export const retryReasons = ['connect', 'unsent', 'reset', 'timeout', '502', '503', '504'] as const
export type RetryReason = (typeof retryReasons)[number]

export interface RetryPolicy {
  /** Attempts in all, the first included. */
  readonly attempts: number
  readonly on: readonly RetryReason[]
}

/** What else the decision depends on. */
export interface RetryFacts {
  /** Number of the attempt that failed, from 1. */
  readonly attempt: number
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
  unsent: 'unsent',
  connection_closed: 'reset',
  response_timeout: 'timeout',
  bad_response: '502',
}

/** @param outcome why there is no answer, or the status of the one there is */
export function decideRetry(policy: RetryPolicy, outcome: GatewayError | number, facts: RetryFacts): RetryDecision {
  const reason = typeof outcome === 'number' ? reasonOfStatus(outcome) : reasons[outcome.code]
  if (reason === undefined) return { retry: false, because: 'not_retryable' }
  if (!policy.on.includes(reason)) return { retry: false, because: 'not_asked_for' }
  if (facts.attempt >= policy.attempts) return { retry: false, because: 'attempts_used' }
  const isFree = typeof outcome !== 'number' && outcome.retry === 'if_unsent'
  if (!isFree && !facts.isIdempotent) return { retry: false, because: 'not_idempotent' }
  if (facts.isBodyGone) return { retry: false, because: 'body_taken' }
  return { retry: true, because: reason, isFree }
}

function reasonOfStatus(status: number): RetryReason | undefined {
  return status === 502 || status === 503 || status === 504 ? `${status}` : undefined
}
