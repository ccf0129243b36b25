/** Watches how the process is, ten times a second, and sets how hard pressed it is. */
import { getHeapStatistics } from 'node:v8'
import type { Clock, Timer } from '../../core/clock.ts'
import type { SharedDeps } from '../../core/feature.ts'
import type { Log } from '../../core/log.ts'
import type { Gauge, MetricSpec } from '../../core/metrics.ts'
import { type Pressure, rungs, SHED_LOW } from '../../core/pressure.ts'
import { type Excess, excess, heapExcess, noExcess } from './policy/excess.ts'
import { ground, levelOf, type Standing, step, strain } from './policy/ladder.ts'
import type { OverloadConfig } from './schema.ts'

export const pressureLevel: MetricSpec = {
  name: 'gateway_pressure_level',
  help: 'How hard pressed the gateway is: 0 not at all, 1 serves stale answers for longer, 2 no hedges and mirrors, 3 compresses cheaply, 4 refuses low priority, 5 refuses normal priority.',
  type: 'gauge',
  labels: [],
}

const TICK_MS = 100
/** Weight of a new delay in the running mean: a single pause is none of our business. */
const SMOOTHING = 0.3

export class Watch {
  /** Requests under way. */
  inFlight = 0
  /** Share of all requests that are too many now. */
  excess = 0
  config: OverloadConfig
  readonly #clock: Clock
  readonly #log: Log
  readonly #pressure: Pressure
  readonly #gauge: Gauge
  readonly #timer: Timer
  readonly #heapShare: () => number
  #tickAt: number
  /** The shortest that a request has waited for its turn since the last tick; Infinity where none has come. */
  #waitedMs = Number.POSITIVE_INFINITY
  #delayMs = 0
  #standing: Standing = ground
  #late: Excess = noExcess
  #level = 0

  /** @param heapShare of the heap that is in use */
  constructor(config: OverloadConfig, deps: SharedDeps, heapShare: () => number = usedHeap) {
    this.config = config
    this.#clock = deps.clock
    this.#log = deps.log
    this.#pressure = deps.pressure
    this.#gauge = deps.metrics.gauge(pressureLevel, {})
    this.#heapShare = heapShare
    this.#tickAt = deps.clock.now()
    this.#timer = deps.clock.every(TICK_MS, () => this.#tick())
  }

  /**
   * A request begins. Many that arrive at once wait for each other (net/turns.ts) while the event loop is on time. The one
   * that waited least counts, as in CoDel (RFC 8289 §3): a rush passes, a queue that stands does not.
   * @param arrivedAt clock time at which it had arrived
   */
  began(arrivedAt: number): void {
    const waitedMs = this.#clock.now() - arrivedAt
    if (waitedMs < this.#waitedMs) this.#waitedMs = waitedMs
  }

  stop(): void {
    this.#timer.cancel()
    this.#pressure.level = 0
  }

  #tick(): void {
    const now = this.#clock.now()
    const waitedMs = this.#waitedMs === Number.POSITIVE_INFINITY ? 0 : this.#waitedMs
    const late = Math.max(now - this.#tickAt - TICK_MS, waitedMs)
    this.#tickAt = now
    this.#waitedMs = Number.POSITIVE_INFINITY
    this.#delayMs += (late - this.#delayMs) * SMOOTHING
    const load = { delayMs: this.#delayMs, heap: this.#heapShare() }
    const before = this.#level
    this.#standing = step(this.#standing, strain(load, this.config), now)
    this.#late = excess(this.#late, late, this.config.event_loop_delay, now)
    this.excess = Math.max(this.#late.share, heapExcess(load.heap, this.config.heap))
    const level = levelOf(this.#standing.level, this.excess)
    this.#level = level
    this.#pressure.level = level
    this.#gauge.value = level
    if (level >= SHED_LOW !== before >= SHED_LOW) this.#say(level, load.heap)
  }

  #say(level: number, heap: number): void {
    const fields = {
      pressure: rungs[level],
      event_loop_delay_ms: Math.round(this.#delayMs),
      heap: Math.round(heap * 100) / 100,
    }
    if (level >= SHED_LOW) this.#log.warn(fields, 'the gateway is hard pressed and refuses requests')
    else this.#log.info(fields, 'the gateway takes all requests again')
  }
}

function usedHeap(): number {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
  return used / limit
}
