/** Whether a request is refused so that the process stays well: the less important, the sooner. */
import type { Random } from '../../../core/clock.ts'
import { LOW, NORMAL } from '../../../core/priority.ts'

/** Share of `max_in_flight` that each class may fill, by priority. */
const SHARES = [1, 1, 0.9, 0.8] as const

export type ShedRule = 'max_in_flight' | 'pressure'

/** @param excess share of all requests that are too many */
export function shedRule(
  priority: number,
  inFlight: number,
  maxInFlight: number,
  excess: number,
  random: Random,
): ShedRule | undefined {
  if (inFlight >= maxInFlight * (SHARES[priority] ?? 1)) return 'max_in_flight'
  const share = shedShare(priority, excess)
  return share > 0 && random() < share ? 'pressure' : undefined
}

/**
 * Which share of a class is refused: low priority first, and all of it before half of normal goes. What else is asked for
 * is not known here, so that low priority has to stand for up to a third of it.
 */
export function shedShare(priority: number, excess: number): number {
  if (priority >= LOW) return Math.min(1, 3 * excess)
  return priority >= NORMAL ? Math.max(0, (3 * excess - 1) / 2) : 0
}
