/**
 * How much of the load is too much. As in CoDel (RFC 8289 §3), a delay counts that has stood above its limit for some time:
 * a burst makes everything late for a moment, and is worked off by itself. What is refused then is what is beyond the limit:
 *
 *   share = 1 − limit / delay      of a queue of that delay, what would have to be gone for the limit to hold
 *
 * and nothing as soon as one delay was below the limit. Memory that runs out is beyond waiting: its share counts at once.
 */

/** A delay has stood when it was above the limit for so many times the limit: the rush of 10 000 clients takes less. */
const STANDING_LIMITS = 15

export interface Excess {
  /** Of all requests, from 0 to 1. */
  readonly share: number
  /** Since when the delay has been above its limit; undefined: it is not. */
  readonly aboveSince: number | undefined
  /** When it last stopped being too much: if it returns soon, it has stood. */
  readonly endedAt: number
}

export const noExcess: Excess = { share: 0, aboveSince: undefined, endedAt: Number.NEGATIVE_INFINITY }

/**
 * @param lateMs how late the event loop was, or the request that waited least, since the last look
 * @param limitMs `event_loop_delay`
 */
export function excess(before: Excess, lateMs: number, limitMs: number, nowMs: number): Excess {
  const intervalMs = limitMs * STANDING_LIMITS
  if (lateMs <= limitMs) {
    return { share: 0, aboveSince: undefined, endedAt: before.share > 0 ? nowMs : before.endedAt }
  }
  const aboveSince = before.aboveSince ?? nowMs
  const stands = before.share > 0 || nowMs - aboveSince >= intervalMs
  const returns = before.aboveSince !== undefined && aboveSince - before.endedAt < intervalMs
  return { share: stands || returns ? 1 - limitMs / lateMs : 0, aboveSince, endedAt: before.endedAt }
}

/** @param used share of the heap in use; @param limit `heap` */
export function heapExcess(used: number, limit: number): number {
  return used <= limit ? 0 : Math.min(1, (used - limit) / (1 - limit))
}
