/** The results of a load: what was offered, what came of it, and when, by phase and by class. */
import type { Arrival, Phase } from './schedule.ts'

/** `status 503`, `timeout`, `refused`, `reset`, … */
export type Failure = string

export interface Summary {
  readonly offered: number
  readonly ok: number
  readonly failed: Readonly<Record<Failure, number>>
  /** Of the ok answers, from the moment at which the request was due. NaN: there were none. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** By the second in which the requests were due, counted from the start of the phase. */
  readonly perSecond: readonly { readonly offered: number; readonly ok: number }[]
  /** When the last request that failed was due, from the start of the phase; undefined: none failed. */
  readonly lastFailureMs?: number
}

export interface PhaseSummary extends Summary {
  readonly seconds: number
  readonly classes: Readonly<Record<string, Summary>>
}

interface Sample {
  readonly arrival: Arrival
  /** Undefined: it failed. */
  readonly latencyMs: number | undefined
  readonly failure: Failure | undefined
}

export class Tally {
  readonly #samples: Sample[] = []

  ok(arrival: Arrival, latencyMs: number): void {
    this.#samples.push({ arrival, latencyMs, failure: undefined })
  }

  failed(arrival: Arrival, failure: Failure): void {
    this.#samples.push({ arrival, latencyMs: undefined, failure })
  }

  get size(): number {
    return this.#samples.length
  }

  /** By name of the phase. */
  summary(phases: readonly Phase[]): Record<string, PhaseSummary> {
    const result: Record<string, PhaseSummary> = {}
    let startMs = 0
    for (const phase of phases) {
      const own = this.#samples.filter(({ arrival }) => arrival.phase === phase)
      const classes: Record<string, Summary> = {}
      for (const name of new Set(phase.streams.map((stream) => stream.class))) {
        const samples = own.filter(({ arrival }) => arrival.stream.class === name)
        classes[name] = summarise(samples, startMs, phase.seconds)
      }
      result[phase.name] = { ...summarise(own, startMs, phase.seconds), seconds: phase.seconds, classes }
      startMs += phase.seconds * 1000
    }
    return result
  }
}

function summarise(samples: readonly Sample[], startMs: number, seconds: number): Summary {
  const perSecond = Array.from({ length: Math.ceil(seconds) }, () => ({ offered: 0, ok: 0 }))
  const failed: Record<Failure, number> = {}
  const latencies: number[] = []
  let lastFailureMs = -1
  for (const { arrival, latencyMs, failure } of samples) {
    const second = perSecond[Math.floor((arrival.dueMs - startMs) / 1000)]
    if (second !== undefined) second.offered++
    if (latencyMs !== undefined) {
      latencies.push(latencyMs)
      if (second !== undefined) second.ok++
    }
    if (failure !== undefined) {
      failed[failure] = (failed[failure] ?? 0) + 1
      lastFailureMs = Math.max(lastFailureMs, arrival.dueMs - startMs)
    }
  }
  const sorted = Float64Array.from(latencies).sort()
  return {
    offered: samples.length,
    ok: latencies.length,
    failed,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    maxMs: percentile(sorted, 1),
    perSecond,
    ...(lastFailureMs >= 0 && { lastFailureMs }),
  }
}

/** Nearest rank: the smallest value that is not below `share` of all. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return Number.NaN
  const rank = Math.max(1, Math.ceil(share * sorted.length))
  return sorted[rank - 1] ?? Number.NaN
}
