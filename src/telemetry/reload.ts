/** How the last reading of the configuration went: what an alert on a rejected file looks at. */
import type { Clock } from '../core/clock.ts'
import type { Counter, Gauge, MetricSpec, Metrics } from '../core/metrics.ts'

const successful: MetricSpec = {
  name: 'gateway_config_last_reload_successful',
  help: '1 when the configuration file, as read last, is in force; 0 when it was rejected and an earlier one is.',
  type: 'gauge',
  labels: [],
}

const timestamp: MetricSpec = {
  name: 'gateway_config_last_reload_timestamp_seconds',
  help: 'When the configuration in force was taken up, since the Unix epoch.',
  type: 'gauge',
  labels: [],
}

const reloads: MetricSpec = {
  name: 'gateway_config_reloads_total',
  help: 'Readings of the configuration, the first included, by result: applied or rejected.',
  type: 'counter',
  labels: ['result'],
}

export const reloadMetrics: readonly MetricSpec[] = [successful, timestamp, reloads]

export class ReloadMetrics {
  readonly #clock: Clock
  readonly #successful: Gauge
  readonly #timestamp: Gauge
  readonly #applied: Counter
  readonly #rejected: Counter

  constructor(metrics: Metrics, clock: Clock) {
    this.#clock = clock
    this.#successful = metrics.gauge(successful, {})
    this.#timestamp = metrics.gauge(timestamp, {})
    this.#applied = metrics.counter(reloads, { result: 'applied' })
    this.#rejected = metrics.counter(reloads, { result: 'rejected' })
  }

  /** A configuration came into force: also the first. */
  applied(): void {
    this.#successful.value = 1
    this.#timestamp.value = this.#clock.wall() / 1000
    this.#applied.value++
  }

  /** A configuration was refused; the one before stays in force. */
  rejected(): void {
    this.#successful.value = 0
    this.#rejected.value++
  }
}
