/**
 * `overload`: keeps the process itself well. Refuses requests, the least important first, before everybody waits, and tells
 * other features how hard pressed the gateway is (core/pressure.ts). Its admin listener is not part of that: it answers.
 */
import { GatewayError } from '../../core/errors.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { Deps, Feature } from '../../core/feature.ts'
import type { MetricSpec } from '../../core/metrics.ts'
import { priorities } from '../../core/priority.ts'
import { retryAfter, shedTotal } from '../../core/shed.ts'
import type { Stage } from '../../core/stage.ts'
import { shedRule } from './policy/shed.ts'
import { type OverloadConfig, overloadSchema } from './schema.ts'
import { pressureLevel, Watch } from './watch.ts'

export const wouldShed: MetricSpec = {
  name: 'gateway_would_shed_total',
  help: 'Requests that `overload` with dry_run would have refused.',
  type: 'counter',
  labels: ['route', 'rule', 'priority'],
}

class OverloadStage implements Stage {
  readonly name = 'overload'
  readonly #watch: Watch
  readonly #slot: number
  readonly #route: string
  readonly #deps: Deps

  constructor(watch: Watch, route: string, deps: Deps) {
    this.#watch = watch
    this.#slot = deps.slot()
    this.#route = route
    this.#deps = deps
  }

  admit(x: Exchange): undefined {
    const watch = this.#watch
    const { config } = watch
    watch.began(x.startedAt)
    const rule = shedRule(x.priority, watch.inFlight, config.max_in_flight, watch.excess, this.#deps.random)
    if (rule !== undefined) {
      const labels = { route: this.#route, rule, priority: priorities[x.priority] ?? 'normal' }
      this.#deps.metrics.counter(config.dry_run ? wouldShed : shedTotal, labels).value++
      x.refusedBy = rule
      if (!config.dry_run) {
        throw new GatewayError('shed', rule, retryAfter(config.retry_after / 1000, this.#deps.random))
      }
    }
    watch.inFlight++
    x.slots[this.#slot] = true
  }

  finish(x: Exchange): void {
    if (x.slots[this.#slot] === true) this.#watch.inFlight--
  }
}

export const overload: Feature<undefined, OverloadConfig> = {
  key: 'overload',
  top: { key: 'overload', schema: overloadSchema },
  metrics: [pressureLevel, shedTotal, wouldShed],
  build(_config, top, route, deps) {
    const watch = deps.lease.use(
      'overload',
      '',
      () => new Watch(top, deps),
      (value) => value.stop(),
    )
    // The same watch under every configuration: what is under way counts whichever it began under.
    watch.config = top
    return { stage: new OverloadStage(watch, route.name, deps) }
  },
}
