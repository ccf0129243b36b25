/**
 * Time that moves only when a test says so. `advance` runs what falls due on the way, each timer at its own moment, in
 * order; `stall` lets time pass without running anything and then runs what is overdue, as a blocked event loop does.
 */
import type { Clock, Timer } from '../../src/core/clock.ts'

interface Pending {
  at: number
  readonly order: number
  readonly everyMs: number | undefined
  readonly task: () => void
}

export class VirtualClock implements Clock {
  #now: number
  readonly #wallOffset: number
  #order = 0
  readonly #pending = new Set<Pending>()

  constructor(startMs = 1000, wallMs = Date.UTC(2026, 0, 1)) {
    this.#now = startMs
    this.#wallOffset = wallMs - startMs
  }

  now(): number {
    return this.#now
  }

  wall(): number {
    return this.#wallOffset + this.#now
  }

  /** How many timers are pending. */
  get timers(): number {
    return this.#pending.size
  }

  after(delayMs: number, task: () => void): Timer {
    return this.#add(delayMs, undefined, task)
  }

  every(intervalMs: number, task: () => void): Timer {
    return this.#add(intervalMs, intervalMs, task)
  }

  /** Lets `ms` pass, running each timer when it is due. */
  advance(ms: number): void {
    const target = this.#now + ms
    for (let next = this.#earliest(target); next !== undefined; next = this.#earliest(target)) {
      this.#now = Math.max(this.#now, next.at)
      this.#run(next)
    }
    this.#now = target
  }

  /** Lets `ms` pass at once, then runs every timer that is overdue, once each. */
  stall(ms: number): void {
    this.#now += ms
    const overdue = [...this.#pending].filter((timer) => timer.at <= this.#now).sort(inOrder)
    for (const timer of overdue) if (this.#pending.has(timer)) this.#run(timer)
  }

  #add(delayMs: number, everyMs: number | undefined, task: () => void): Timer {
    const timer: Pending = { at: this.#now + Math.max(delayMs, 0), order: this.#order++, everyMs, task }
    this.#pending.add(timer)
    return { cancel: () => this.#pending.delete(timer) }
  }

  #earliest(untilMs: number): Pending | undefined {
    let first: Pending | undefined
    for (const timer of this.#pending) {
      if (timer.at <= untilMs && (first === undefined || inOrder(timer, first) < 0)) first = timer
    }
    return first
  }

  #run(timer: Pending): void {
    if (timer.everyMs === undefined) this.#pending.delete(timer)
    else timer.at = this.#now + timer.everyMs
    timer.task()
  }
}

function inOrder(a: Pending, b: Pending): number {
  return a.at - b.at || a.order - b.order
}
