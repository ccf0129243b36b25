/**
 * The generic cell rate algorithm (ITU-T I.371): a sustained rate and a burst, exact at every moment, with one number per
 * key. In any window of t milliseconds no more than `burst + t / intervalMs` requests pass; there are no edges of windows
 * at which twice as many do.
 *
 * The number is the theoretical arrival time: when the key would have used up what it had, were it served at the
 * sustained rate. A key that asks for nothing needs no number: one that lies in the past says as much.
 */

export interface GcraLimit {
  /** Milliseconds in which one request becomes due. */
  readonly intervalMs: number
  /** Requests that may come at once. */
  readonly burst: number
}

/**
 * The theoretical arrival time after a request of that cost; NaN when it does not conform.
 * @param arrivalMs the one before it; anything in the past for a new key
 */
export function arrivalAfter(arrivalMs: number, nowMs: number, cost: number, { intervalMs, burst }: GcraLimit): number {
  const next = Math.max(arrivalMs, nowMs) + cost * intervalMs
  // Half a microsecond: what doubles lose when many of them are added.
  return next - nowMs <= burst * intervalMs + 0.0005 ? next : Number.NaN
}

/** Requests that may still come at once. */
export function remaining(arrivalMs: number, nowMs: number, { intervalMs, burst }: GcraLimit): number {
  return Math.max(0, Math.floor(burst - Math.max(arrivalMs - nowMs, 0) / intervalMs + 1e-6))
}

/** Milliseconds until a request of that cost would pass; Infinity when the burst never holds it. */
export function waitMs(arrivalMs: number, nowMs: number, cost: number, { intervalMs, burst }: GcraLimit): number {
  if (cost > burst) return Number.POSITIVE_INFINITY
  return Math.max(0, Math.max(arrivalMs, nowMs) + cost * intervalMs - burst * intervalMs - nowMs)
}
