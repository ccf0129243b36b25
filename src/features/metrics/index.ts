/**
 * Measures every request by route, method and class of status. Handles are looked up when a combination first occurs
 * and kept on the stage, so that a request costs array reads and no strings.
 */
import type { Clock } from '../../core/clock.ts'
import type { ErrorCode, GatewayError } from '../../core/errors.ts'
import { type Exchange, OVERHEAD, type RouteInfo, spans } from '../../core/exchange.ts'
import type { Deps, Feature } from '../../core/feature.ts'
import type { Counter, Gauge, Histogram, Metrics } from '../../core/metrics.ts'
import type { Stage } from '../../core/stage.ts'
import { type MetricsRouteConfig, type MetricsTopConfig, metricsRouteSchema, metricsTopSchema } from './schema.ts'
import * as specs from './specs.ts'

export type { MetricsRouteConfig, MetricsTopConfig } from './schema.ts'

export const metrics: Feature<MetricsRouteConfig | undefined, MetricsTopConfig> = {
  key: 'metrics',
  route: metricsRouteSchema,
  top: { key: 'metrics', schema: metricsTopSchema },
  metrics: specs.requestMetrics,
  build(config, top, route, deps) {
    const buckets = config?.buckets ?? top.buckets
    const bounds = buckets === 'auto' ? undefined : buckets.map((ms) => ms / 1000)
    return { stage: new MetricsStage(route, bounds, deps) }
  },
}

/** Methods that label series; anybody can invent others, which count as `other`. RFC 9110 §9.3, RFC 5789, RFC 10008. */
const methods = ['other', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'QUERY'] as const
const methodIndex: ReadonlyMap<string, number> = new Map(methods.map((method, index) => [method, index]))
const classes = ['other', '1xx', '2xx', '3xx', '4xx', '5xx'] as const

/** Our own part is a few µs to a few ms: 10 µs to 1 s. */
const overheadBounds = [
  0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1,
]

class MetricsStage implements Stage {
  readonly name = 'metrics'
  readonly #clock: Clock
  readonly #metrics: Metrics
  readonly #route: string
  readonly #bounds: readonly number[] | undefined
  /** Where an exchange notes that it is counted as in flight. */
  readonly #slot: number
  readonly #durations: (Histogram | undefined)[] = new Array(methods.length * classes.length).fill(undefined)
  readonly #errors = new Map<ErrorCode, Counter>()
  readonly #timeToFirstByte: Histogram
  readonly #overhead: Histogram
  readonly #inFlight: Gauge
  readonly #requestBytes: Counter
  readonly #responseBytes: Counter
  readonly #spans: readonly Counter[]

  constructor(info: RouteInfo, bounds: readonly number[] | undefined, deps: Deps) {
    const route = info.name
    this.#clock = deps.clock
    this.#metrics = deps.metrics
    this.#route = route
    this.#bounds = bounds
    this.#slot = deps.slot()
    this.#timeToFirstByte = deps.metrics.histogram(specs.timeToFirstByte, { route }, bounds)
    this.#overhead = deps.metrics.histogram(specs.overhead, { route }, overheadBounds)
    this.#inFlight = deps.metrics.gauge(specs.inFlight, { route })
    this.#requestBytes = deps.metrics.counter(specs.requestBytes, { route })
    this.#responseBytes = deps.metrics.counter(specs.responseBytes, { route })
    this.#spans = spans.map((span) => deps.metrics.counter(specs.spanSeconds, { route, span }))
  }

  admit(x: Exchange): undefined {
    x.slots[this.#slot] = true
    this.#inFlight.value++
  }

  finish(x: Exchange): void {
    // An earlier stage may have answered: then `admit` never ran.
    if (x.slots[this.#slot] === true) this.#inFlight.value--
    const { request, startedAt, headAt, outcome } = x
    this.#duration(request.method, loggedStatus(x)).record((this.#clock.now() - startedAt) / 1000)
    if (headAt > 0) this.#timeToFirstByte.record((headAt - startedAt) / 1000)
    this.#overhead.record((x.spans[OVERHEAD] as number) / 1000)
    for (let i = 0; i < this.#spans.length; i++) {
      const ms = x.spans[i] as number
      if (ms > 0) (this.#spans[i] as Counter).value += ms / 1000
    }
    if (request.body !== null) this.#requestBytes.value += request.body.takenBytes
    this.#responseBytes.value += x.sentBytes
    if (outcome !== undefined) this.#error(outcome).value++
  }

  #duration(method: string, status: number): Histogram {
    const m = methodIndex.get(method) ?? 0
    const c = status >= 100 && status < 600 ? Math.trunc(status / 100) : 0
    const at = m * classes.length + c
    return this.#durations[at] ?? this.#newDuration(at, methods[m] as string, classes[c] as string)
  }

  #newDuration(at: number, method: string, statusClass: string): Histogram {
    const labels = { route: this.#route, method, status_class: statusClass }
    const duration = this.#metrics.histogram(specs.requestDuration, labels, this.#bounds)
    this.#durations[at] = duration
    return duration
  }

  #error(outcome: GatewayError): Counter {
    const { code, source } = outcome
    let counter = this.#errors.get(code)
    if (counter === undefined) {
      counter = this.#metrics.counter(specs.errors, { route: this.#route, code, source })
      this.#errors.set(code, counter)
    }
    return counter
  }
}

/** What was sent; where nothing was, what the failure stands for: 499 for a client that left. */
function loggedStatus(x: Exchange): number {
  return x.status === 0 ? (x.outcome?.status ?? 0) : x.status
}
