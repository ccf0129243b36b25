/**
 * What active checks say of an endpoint: it takes several good ones in a row to become healthy, and several failed ones
 * to become unhealthy. The first outcome of all decides by itself: a new endpoint proves itself at once or not at all.
 */

export interface HealthState {
  readonly isHealthy: boolean
  /** No check has had an outcome yet. */
  readonly isNew: boolean
  /** Outcomes in a row that contradict `isHealthy`. */
  readonly against: number
}

export const newcomer: HealthState = { isHealthy: false, isNew: true, against: 0 }

export interface HealthThresholds {
  readonly healthy: number
  readonly unhealthy: number
}

export function afterCheck(state: HealthState, isGood: boolean, thresholds: HealthThresholds): HealthState {
  if (state.isNew) return { isHealthy: isGood, isNew: false, against: 0 }
  if (isGood === state.isHealthy) return state.against === 0 ? state : { ...state, against: 0 }
  const against = state.against + 1
  const needed = state.isHealthy ? thresholds.unhealthy : thresholds.healthy
  return against >= needed ? { isHealthy: isGood, isNew: false, against: 0 } : { ...state, against }
}

/** While something is to be found out, checks come this much faster. */
const HASTE = 4

/**
 * Time until the next check: between 90 and 110 % of the interval, so that the checks of many gateways spread out; a
 * quarter of it while an endpoint is unhealthy or on its way to a change, so that both are noticed soon.
 * @param random in [0, 1)
 */
export function nextCheckMs(state: HealthState, intervalMs: number, random: number): number {
  const isSettled = state.isHealthy && state.against === 0
  return (isSettled ? intervalMs : intervalMs / HASTE) * (0.9 + 0.2 * random)
}
