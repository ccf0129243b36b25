/** What an overloaded backend asks for: `Retry-After` of a 429 or 503 (RFC 9110 §10.2.3, RFC 6585 §4). */
import { parseHttpDate } from '../../core/fields.ts'

/** Longer is not believed: an endpoint that asks for more is tried again all the same. */
const MOST_MS = 60_000

/** @returns milliseconds to stay away; 0 when nothing was asked for */
export function retryAfterMs(status: number, value: string | undefined, wallMs: number): number {
  if (value === undefined || (status !== 429 && status !== 503)) return 0
  if (/^\d{1,9}$/.test(value)) return Math.min(Number(value) * 1000, MOST_MS)
  const at = parseHttpDate(value, wallMs)
  return at === undefined ? 0 : Math.min(Math.max(at - wallMs, 0), MOST_MS)
}
