/**
 * Time and randomness as things that are handed in. The system's own are read here and nowhere else,
 * so that every behaviour that depends on them can be tested on a virtual clock (test/harness/clock.ts).
 */

export interface Timer {
  /** Ends the timer. Harmless when it has already run. */
  cancel(): void
}

export interface Clock {
  /** Monotonic time in milliseconds with a sub-millisecond fraction; differences only. */
  now(): number
  /** Wall time in milliseconds since the Unix epoch. */
  wall(): number
  /** Runs `task` once, after `delayMs`. A pending timer never keeps the process alive. */
  after(delayMs: number, task: () => void): Timer
  /** Runs `task` every `intervalMs`, first after one interval. Never keeps the process alive. */
  every(intervalMs: number, task: () => void): Timer
}

/** A number in [0, 1). */
export type Random = () => number

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (delayMs, task) => {
    const handle = setTimeout(task, delayMs)
    handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
  every: (intervalMs, task) => {
    const handle = setInterval(task, intervalMs)
    handle.unref()
    return { cancel: () => clearInterval(handle) }
  },
}

export const systemRandom: Random = () => Math.random()
