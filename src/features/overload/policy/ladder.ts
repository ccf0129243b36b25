/**
 * Which comforts the gateway gives up (the first rungs of core/pressure.ts): up at once when it is hard pressed, down one
 * rung at a time once it no longer is. Requests are refused by another rule (excess.ts), which the last two rungs tell.
 */
import { CHEAP_COMPRESSION, SHED_LOW, SHED_NORMAL } from '../../../core/pressure.ts'
import { LOW, NORMAL } from '../../../core/priority.ts'
import { shedShare } from './shed.ts'

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
const STEPS = [0, 0.5, 0.7, 0.85] as const
/** A rung is left when the load is so far below its step. */
const SLACK = 0.8
/** And has been for so long. */
export const CALM_MS = 1000

/** How much of what is allowed is in use: 1 is the limit. */
export function strain(load: Load, limits: Limits): number {
  const heap = load.heap / limits.heap
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
  for (let rung = 1; rung <= CHEAP_COMPRESSION; rung++) if (strained >= (STEPS[rung] as number)) wanted = rung
  if (wanted >= standing.level) return { level: wanted, calmSince: nowMs }
  if (strained >= (STEPS[standing.level] as number) * SLACK) return { level: standing.level, calmSince: nowMs }
  if (nowMs - standing.calmSince < CALM_MS) return standing
  return { level: standing.level - 1, calmSince: nowMs }
}

/** The rung to show, with what is refused: below, comforts alone are given up. */
export function levelOf(comfort: number, excess: number): number {
  if (shedShare(NORMAL, excess) > 0) return SHED_NORMAL
  return shedShare(LOW, excess) > 0 ? SHED_LOW : comfort
}
