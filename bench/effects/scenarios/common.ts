/** What scenarios have in common. */
import type { LoadResult } from '../load.ts'
import type { Phase } from '../schedule.ts'
import type { PhaseSummary, Summary } from '../tally.ts'

export function phaseOf({ phases }: LoadResult, name: string): PhaseSummary {
  const phase = phases[name]
  if (phase === undefined) throw new Error(`no phase ${name}`)
  return phase
}

export function classOf(phase: PhaseSummary, name: string): Summary {
  const summary = phase.classes[name]
  if (summary === undefined) throw new Error(`no class ${name}`)
  return summary
}

export function failedOf({ offered, ok }: Summary): number {
  return offered - ok
}

/** A phase of GETs for `/` at one rate. */
export function steady(name: string, seconds: number, rate: number): Phase {
  return { name, seconds, streams: [{ class: 'all', rate, paths: ['/'] }] }
}

/** Not part of the result: code is compiled, connections are made, what is learned from traffic is learned. */
export function warmUp(rate: number): Phase {
  return steady('warm-up', 2, rate)
}

/** A legacy backend that can do 500/s. */
export const capacity = { workers: 10, workMs: 20 }
export const capacityPerSecond = (capacity.workers * 1000) / capacity.workMs
