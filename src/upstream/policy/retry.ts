/** Whether a failed attempt is followed by another one. */
import type { ErrorCode, GatewayError } from '../../core/errors.ts'

/** The words of `retry.on`, as far as a failure can have that name. */
export type RetryReason = 'connect' | 'unsent'

export interface RetryPolicy {
  /** Attempts in all, the first included. */
  readonly attempts: number
  readonly on: readonly RetryReason[]
}

export type RetryDecision =
  | { readonly retry: true; readonly because: RetryReason }
  | { readonly retry: false; readonly because: 'not_retryable' | 'not_asked_for' | 'attempts_used' | 'body_taken' }

const reasons: Partial<Record<ErrorCode, RetryReason>> = {
  connect_failed: 'connect',
  connect_timeout: 'connect',
  tls_failed: 'connect',
  unsent: 'unsent',
}

/**
 * @param attempt number of the attempt that failed, from 1
 * @param takenBytes bytes of the request body that are gone: they can't be sent a second time
 */
export function decideRetry(
  policy: RetryPolicy,
  why: GatewayError,
  attempt: number,
  takenBytes: number,
): RetryDecision {
  const reason = reasons[why.code]
  // Only what surely did not reach the backend: no method is sent twice by accident (RFC 9110 §9.2.2).
  if (reason === undefined || why.retry !== 'if_unsent') return { retry: false, because: 'not_retryable' }
  if (!policy.on.includes(reason)) return { retry: false, because: 'not_asked_for' }
  if (attempt >= policy.attempts) return { retry: false, because: 'attempts_used' }
  if (takenBytes > 0) return { retry: false, because: 'body_taken' }
  return { retry: true, because: reason }
}
