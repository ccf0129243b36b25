/**
 * How hard pressed the gateway is: one ladder of measures that give up comfort before they give up requests. Whoever
 * watches the process sets the level; whoever has something to give up reads it.
 */

/** Rungs, mildest first. Each one holds all those before it. */
export const rungs = ['none', 'serve_stale', 'no_extras', 'cheap_compression', 'shed_low', 'shed_normal'] as const
export type Rung = (typeof rungs)[number]
/** Caches serve stale answers for longer than they were asked to. */
export const SERVE_STALE = 1
/** No hedges, no mirrored requests, no early refreshes. */
export const NO_EXTRAS = 2
/** Compression at its cheapest level, or none. */
export const CHEAP_COMPRESSION = 3
export const SHED_LOW = 4
export const SHED_NORMAL = 5

export class Pressure {
  /** An index into `rungs`. */
  level = 0
}
