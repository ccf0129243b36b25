/** Keeps count of what becomes of requests at each endpoint, and ejects those that stand out (policy/outlier.ts). */
import type { SharedDeps } from '../core/feature.ts'
import type { Condition } from './condition.ts'
import type { Endpoint } from './endpoint.ts'
import * as metrics from './metrics.ts'
import { eject, latenciesOf, mayEject, Record, revive, suspicion } from './policy/outlier.ts'
import type { OutlierConfig } from './schema-resilience.ts'

/** How often all endpoints are looked at for what no outcome tells: that one is hung. */
const LOOK_MS = 50

export class Outliers {
  readonly #upstream: string
  readonly #config: OutlierConfig
  readonly #deps: SharedDeps
  /** By what outlives a change of weights or certificates: how much is ejected must not be forgotten. */
  readonly #records: WeakMap<Condition, Record>
  #endpoints: readonly Endpoint[] = []
  #peers: readonly Record[] = []
  #latencies: readonly number[] = []
  #lookAt = 0

  constructor(upstream: string, config: OutlierConfig, deps: SharedDeps) {
    this.#upstream = upstream
    this.#config = config
    this.#deps = deps
    this.#records = deps.lease.use('outliers', upstream, () => new WeakMap())
  }

  update(endpoints: readonly Endpoint[]): void {
    const wereAlone = this.#peers.length < 2
    this.#endpoints = endpoints
    this.#peers = endpoints.map((endpoint) => this.#recordOf(endpoint))
    if (wereAlone) for (const record of this.#peers) record.forget()
  }

  began(endpoint: Endpoint, nowMs: number): void {
    if (this.#peers.length < 2) return
    this.#recordOf(endpoint).began(nowMs)
    if (nowMs < this.#lookAt) return
    this.#lookAt = nowMs + LOOK_MS
    if (this.#config.slow_factor > 0) this.#latencies = latenciesOf(this.#peers)
    for (const each of this.#endpoints) this.#judge(each, nowMs)
  }

  ended(endpoint: Endpoint, nowMs: number, latencyMs: number, isGood: boolean): void {
    if (this.#peers.length < 2) return
    const record = this.#recordOf(endpoint)
    record.ended(nowMs, latencyMs, isGood, this.#config.window)
    if (!isGood) this.#judge(endpoint, nowMs)
    else if (revive(record, nowMs)) {
      endpoint.condition.ejectedUntil = nowMs
      endpoint.condition.since = nowMs
      endpoint.condition.changed()
    }
  }

  /** Whoever asked has left after `waitedMs`, without an outcome. */
  abandoned(endpoint: Endpoint, waitedMs: number): void {
    if (this.#peers.length >= 2) this.#recordOf(endpoint).abandoned(waitedMs)
  }

  #judge(endpoint: Endpoint, nowMs: number): void {
    const record = this.#recordOf(endpoint)
    const reason = suspicion(record, this.#peers, this.#latencies, this.#config, nowMs)
    if (reason === undefined) return
    const helpers = this.#endpoints.filter((each) => canHelp(each, endpoint)).map((each) => this.#recordOf(each))
    if (!mayEject(record, this.#peers, helpers, this.#config, nowMs)) return
    eject(record, reason, this.#config, nowMs)
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
    let record = this.#records.get(endpoint.condition)
    if (record === undefined) {
      record = new Record()
      this.#records.set(endpoint.condition, record)
    }
    return record
  }
}

/** Whether `other` can be sent what `endpoint` is sent. */
function canHelp(other: Endpoint, endpoint: Endpoint): boolean {
  const { condition, config, weight, breaker } = other
  if (!condition.isHealthy || condition.isDrained || weight <= 0 || breaker?.state === 'open') return false
  return config.role === 'primary' || endpoint.config.role === 'replica'
}
