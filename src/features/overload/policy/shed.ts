/** Whether a request is refused so that the process stays well: the less important, the sooner. */

import { SHED_LOW, SHED_NORMAL } from '../../../core/pressure.ts'
import { LOW, NORMAL } from '../../../core/priority.ts'

/** Share of `max_in_flight` that each class may fill, by priority. */
const SHARES = [1, 1, 0.9, 0.8] as const

export type ShedRule = 'max_in_flight' | 'pressure'

export function shedRule(priority: number, inFlight: number, maxInFlight: number, level: number): ShedRule | undefined {
  if (inFlight >= maxInFlight * (SHARES[priority] ?? 1)) return 'max_in_flight'
  if (level >= SHED_NORMAL && priority >= NORMAL) return 'pressure'
  return level >= SHED_LOW && priority >= LOW ? 'pressure' : undefined
}
