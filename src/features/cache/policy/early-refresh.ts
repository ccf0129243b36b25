/**
 * When to fetch a fresh answer anew before it becomes stale, so that nobody ever waits for it and a crowd of requests does
 * not find it stale at once (Vattani, Chierichetti and Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", 2015):
 *
 *   refresh when  time left < time to fetch × −ln(random)
 *
 * Each request throws its own dice, so what is asked for often is refreshed a few times its fetch time early, and what is
 * asked for seldom is not refreshed at all.
 */

/** Beyond this many times the fetch time the chance is less than one in 10^8: no dice are thrown. */
const NEVER_BEYOND = 20

/**
 * @param leftMs until it becomes stale
 * @param fetchMs what the origin took for it last time
 * @param random in [0, 1)
 */
export function isDueEarly(leftMs: number, fetchMs: number, random: () => number): boolean {
  return leftMs < fetchMs * NEVER_BEYOND && leftMs < fetchMs * -Math.log(random())
}
