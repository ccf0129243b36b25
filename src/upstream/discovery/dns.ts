/**
 * Endpoints by DNS: looked up again and again, as often as the records or the operator say. What was found last stays
 * while name servers fail, and while they answer with nothing at all: an empty zone is more often a mistake than a wish.
 */
import { Resolver } from 'node:dns/promises'
import type { Timer } from '../../core/clock.ts'
import type { SharedDeps } from '../../core/feature.ts'
import * as metrics from '../metrics.ts'
import type { EndpointConfig } from '../schema.ts'
import type { DiscoveryConfig } from '../schema-resilience.ts'
import type { Discovery } from './discovery.ts'
import { type Answers, type Found, lookUp } from './records.ts'

/** Bounds of records' times to live, and what stands in where none is known. */
const SHORTEST_MS = 1000
const LONGEST_MS = 60_000
const UNKNOWN_MS = 5000
/** Per question to a name server, and how often it is asked. */
const QUERY_TIMEOUT_MS = 2000
const QUERY_TRIES = 2

/** What was found last under a name: it outlives other rules for looking it up. */
export interface LastFound {
  endpoints: readonly EndpointConfig[] | undefined
  answers: Answers
}

type Listener = (found: readonly EndpointConfig[]) => void

export class DnsDiscovery implements Discovery {
  current: readonly EndpointConfig[] | undefined
  readonly ready: Promise<void>
  readonly #upstream: string
  readonly #config: DiscoveryConfig
  readonly #deps: SharedDeps
  readonly #resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES })
  readonly #listeners = new Set<Listener>()
  #timer: Timer | undefined = undefined
  #isStopped = false
  readonly #last: LastFound
  /** Said once per failure, not per look-up. */
  #isFailing = false

  constructor(upstream: string, config: DiscoveryConfig, last: LastFound, deps: SharedDeps) {
    this.#upstream = upstream
    this.#config = config
    this.#deps = deps
    this.#last = last
    this.current = last.endpoints
    if (config.resolvers !== undefined) this.#resolver.setServers([...config.resolvers])
    this.ready = this.#round()
  }

  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#resolver.cancel()
  }

  async #round(): Promise<void> {
    let found: Found | undefined
    try {
      found = await lookUp(this.#config, this.#resolver, this.#last.answers)
      if (this.#isStopped) return
      this.#last.answers = found.answers
      if (found.endpoints.length === 0) this.#failed(found.stale ?? 'no records')
      else this.#found(found)
    } catch (error) {
      if (this.#isStopped) return
      this.#failed(error instanceof Error ? error.message : String(error))
    }
    const ttlMs = found?.ttlMs ?? UNKNOWN_MS
    const waitMs = this.#config.refresh ?? Math.min(Math.max(ttlMs, SHORTEST_MS), LONGEST_MS)
    this.#timer = this.#deps.clock.after(waitMs, () => {
      this.#round().catch((error: unknown) => this.#failed(String(error)))
    })
  }

  #found({ endpoints, stale }: Found): void {
    const { log } = this.#deps
    const name = this.#name
    if (stale !== undefined) this.#warn(stale)
    else if (this.#isFailing) {
      this.#isFailing = false
      log.info({ upstream: this.#upstream, name }, 'endpoints are found again')
    }
    const isSame = JSON.stringify(endpoints) === JSON.stringify(this.current)
    this.#count(stale === undefined ? (isSame ? 'same' : 'changed') : 'partial')
    if (isSame) return
    this.current = this.#last.endpoints = endpoints
    log.info({ upstream: this.#upstream, name, endpoints: endpoints.map(({ url }) => url) }, 'endpoints changed')
    for (const listener of this.#listeners) listener(endpoints)
  }

  #failed(reason: string): void {
    this.#count('failed')
    this.#warn(reason)
  }

  #warn(reason: string): void {
    if (this.#isFailing) return
    this.#isFailing = true
    const kept = this.current?.length ?? 0
    this.#deps.log.warn({ upstream: this.#upstream, name: this.#name, reason, kept }, 'endpoints cannot be looked up')
  }

  #count(outcome: string): void {
    this.#deps.metrics.counter(metrics.lookups, { upstream: this.#upstream, outcome }).value++
  }

  get #name(): string {
    return this.#config.srv ?? this.#config.dns ?? ''
  }
}
