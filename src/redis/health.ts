/** Whether Redis is there, over all connections to it: one log line when an episode begins, one when it has ended. */
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Gauge, Metrics } from '../core/metrics.ts'
import { redisUp } from './metrics.ts'

export class Health {
  readonly #clock: Clock
  readonly #log: Log
  readonly #up: Gauge
  readonly #awaited: Set<string>
  #downSince: number | undefined = undefined

  /** @param connections every connection that will report here */
  constructor(deps: { clock: Clock; log: Log; metrics: Metrics }, connections: readonly string[]) {
    this.#clock = deps.clock
    this.#log = deps.log
    this.#up = deps.metrics.gauge(redisUp, {})
    this.#up.value = 0
    this.#awaited = new Set(connections)
  }

  down(connection: string, why: string): void {
    this.#awaited.add(connection)
    this.#up.value = 0
    if (this.#downSince !== undefined) return
    this.#downSince = this.#clock.now()
    this.#log.warn({ connection, error: why }, 'Redis is down; going on without it')
  }

  up(connection: string): void {
    this.#awaited.delete(connection)
    if (this.#awaited.size > 0) return
    this.#up.value = 1
    if (this.#downSince === undefined) {
      this.#log.debug({}, 'connected to Redis')
      return
    }
    const down_ms = Math.round(this.#clock.now() - this.#downSince)
    this.#downSince = undefined
    this.#log.info({ down_ms }, 'Redis is up again')
  }
}
