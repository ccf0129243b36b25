/** The pause before another try: exponential with full jitter, so that many that failed at once don't come back at once. */

const BASE_MS = 25
const LONGEST_MS = 1000

/**
 * @param tries how many there were, from 1
 * @param random in [0, 1)
 */
export function backoffMs(tries: number, random: number): number {
  return random * Math.min(BASE_MS * 2 ** (tries - 1), LONGEST_MS)
}
