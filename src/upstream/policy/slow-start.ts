/** Slow start: an endpoint that is new, or back, is given its share bit by bit, so that its caches and pools can warm. */

/** Where the share begins, and below what it never falls. */
const LEAST = 0.1

/**
 * What its weight is multiplied with: from 0.1 to 1, in a straight line.
 * @param sinceMs time since it came, or came back
 */
export function slowStartFactor(sinceMs: number, slowStartMs: number): number {
  return sinceMs >= slowStartMs ? 1 : Math.max(sinceMs / slowStartMs, LEAST)
}
