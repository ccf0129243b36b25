/**
 * When a fallback stands in for an answer that could not be had, and what may stand in. It never hides what the client
 * did wrong, what the client asked for, or a fault of our own; and it never sends a request twice where once was meant
 * (RFC 9110 §9.2.2), nor tells a client that something was done which was not.
 */
import type { GatewayError } from '../../../core/errors.ts'

/** Failures of the gateway itself for which nobody should step in. */
const notHelped: ReadonlySet<string> = new Set(['internal', 'draining', 'not_cached'])

/** Whether no answer can be had although the request was right. */
export function isHelped(why: GatewayError): boolean {
  return why.source !== 'client' && !notHelped.has(why.code) && why.status >= 502 && why.status <= 504
}

/**
 * Whether another upstream may be asked.
 * @param why the failure; undefined when the upstream answered, with a status that counts as one
 */
export function mayAskAnother(method: string, why: GatewayError | undefined): boolean {
  return isIdempotent(method) || (why !== undefined && isUnsent(why))
}

/** What the gateway itself refuses it has not sent; only a timeout of the whole may come later. */
function isUnsent(why: GatewayError): boolean {
  return why.retry === 'if_unsent' || (why.source === 'gateway' && why.code !== 'total_timeout')
}

/** Whether a fixed answer may be given: for what changes something, only one that does not look like success. */
export function mayAnswer(method: string, status: number): boolean {
  return status >= 400 || isSafe(method)
}

/** RFC 9110 §9.2.1, RFC 10008 §2. */
function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || method === 'TRACE' || method === 'QUERY'
}

function isIdempotent(method: string): boolean {
  return isSafe(method) || method === 'PUT' || method === 'DELETE'
}
