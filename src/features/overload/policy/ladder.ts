/**
 * Which rung of the ladder of degradation (core/pressure.ts) the gateway stands on: up at once when it is hard pressed, down
 * one rung at a time once it no longer is.
 */
import { rungs } from '../../../core/pressure.ts'

export interface Limits {
  /** Milliseconds by which the event loop is late. */
  readonly event_loop_delay: number
  /** Share of the heap that may be in use. */
  readonly heap: number
}

export interface Load {
  readonly delayMs: number
  /** Share of the heap in use. */
  readonly heap: number
}

/** Shares of a limit at which each rung is stepped on, the ground first. */
const STEPS = [0, 0.5, 0.7, 0.85, 1, 1.5] as const
/** The heap's limit is final: what lies between it and the last rung is what is left of the heap. */
const HEAP_LAST_RUNG = 0.5
/** A rung is left when the load is so far below its step. */
const SLACK = 0.8
/** And has been for so long. */
export const CALM_MS = 1000

/** How much of what is allowed is in use: 1 is the limit. */
export function strain(load: Load, limits: Limits): number {
  const heapLeft = (1 - limits.heap) * HEAP_LAST_RUNG
  const heap = load.heap <= limits.heap ? load.heap / limits.heap : 1 + ((load.heap - limits.heap) / heapLeft) * 0.5
  // A heap that is half full is nothing to worry about.
  return Math.max(load.delayMs / limits.event_loop_delay, heap < 0.9 ? 0 : heap)
}

export interface Standing {
  readonly level: number
  /** Since when the load has been too low for the rung. */
  readonly calmSince: number
}

export const ground: Standing = { level: 0, calmSince: Number.NEGATIVE_INFINITY }

export function step(standing: Standing, strained: number, nowMs: number): Standing {
  let wanted = 0
  for (let rung = 1; rung < rungs.length; rung++) if (strained >= (STEPS[rung] as number)) wanted = rung
  if (wanted >= standing.level) return { level: wanted, calmSince: nowMs }
  if (strained >= (STEPS[standing.level] as number) * SLACK) return { level: standing.level, calmSince: nowMs }
  if (nowMs - standing.calmSince < CALM_MS) return standing
  return { level: standing.level - 1, calmSince: nowMs }
}
