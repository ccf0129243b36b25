/** Keeps count of what becomes of requests at each endpoint, and ejects those that stand out (policy/outlier.ts). */
import type { SharedDeps } from '../core/feature.ts'
import type { Endpoint } from './endpoint.ts'
import * as metrics from './metrics.ts'
import { eject, ejectionReason, Record } from './policy/outlier.ts'
import type { OutlierConfig } from './schema-resilience.ts'

/** How often all endpoints are looked at for what no outcome tells: that one is hung. */
const LOOK_MS = 50

export class Outliers {
  readonly #upstream: string
  readonly #config: OutlierConfig
  readonly #deps: SharedDeps
  readonly #records: WeakMap<Endpoint, Record>
  #endpoints: readonly Endpoint[] = []
  #peers: readonly Record[] = []
  #lookAt = 0

  constructor(upstream: string, config: OutlierConfig, deps: SharedDeps) {
    this.#upstream = upstream
    this.#config = config
    this.#deps = deps
    this.#records = deps.lease.use('outliers', upstream, () => new WeakMap())
  }

  update(endpoints: readonly Endpoint[]): void {
    this.#endpoints = endpoints
    this.#peers = endpoints.map((endpoint) => this.#recordOf(endpoint))
  }

  began(endpoint: Endpoint, nowMs: number): void {
    if (this.#peers.length < 2) return
    this.#recordOf(endpoint).began(nowMs)
    if (nowMs < this.#lookAt) return
    this.#lookAt = nowMs + LOOK_MS
    for (const each of this.#endpoints) this.#judge(each, nowMs)
  }

  ended(endpoint: Endpoint, nowMs: number, latencyMs: number, isGood: boolean): void {
    if (this.#peers.length < 2) return
    this.#recordOf(endpoint).ended(nowMs, latencyMs, isGood, this.#config.window)
    if (!isGood) this.#judge(endpoint, nowMs)
  }

  #judge(endpoint: Endpoint, nowMs: number): void {
    const record = this.#recordOf(endpoint)
    const reason = ejectionReason(record, this.#peers, this.#config, nowMs)
    if (reason === undefined) return
    eject(record, this.#config, nowMs)
    const labels = { upstream: this.#upstream, endpoint: endpoint.label }
    const forMs = Math.round(record.ejectedUntil - nowMs)
    this.#deps.metrics.counter(metrics.ejections, { ...labels, reason }).value++
    this.#deps.log.warn({ ...labels, reason, for_ms: forMs }, 'endpoint ejected')
    const { condition } = endpoint
    condition.ejectedUntil = record.ejectedUntil
    condition.since = record.ejectedUntil
    condition.changed()
  }

  #recordOf(endpoint: Endpoint): Record {
    let record = this.#records.get(endpoint)
    if (record === undefined) {
      record = new Record()
      this.#records.set(endpoint, record)
    }
    return record
  }
}
