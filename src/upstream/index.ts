/** An upstream: a named group of endpoints, as an origin for the routes that use it and as a tunnel for WebSockets. */
import type { Tunnel } from '../core/downstream.ts'
import type { Exchange } from '../core/exchange.ts'
import type { SharedDeps } from '../core/feature.ts'
import type { RequestHead } from '../core/message.ts'
import type { Origin } from '../core/origin.ts'
import { makeBalancer } from './balancing.ts'
import type { BreakerState } from './breaker.ts'
import type { Discovery } from './discovery/discovery.ts'
import { DnsDiscovery, type LastFound } from './discovery/dns.ts'
import { type Endpoint, readTls } from './endpoint.ts'
import { EndpointSet } from './endpoint-set.ts'
import { Limited } from './limited.ts'
import { Limiter } from './limiter.ts'
import { Budget } from './policy/budget.ts'
import type { UpstreamConfig } from './schema.ts'
import { type RoutePolicies, Tries } from './tries.ts'
import { WebSocketTunnel } from './tunnel.ts'

export { upstreamMetrics } from './metrics.ts'
export { inlineUpstream, type UpstreamConfig } from './schema.ts'
export { affinityStage } from './sticky.ts'

/** An upstream as the admin API shows it. */
export interface UpstreamSnapshot {
  readonly name: string
  readonly balance: string
  /** Too few endpoints are healthy: all are used. */
  readonly panic: boolean
  readonly endpoints: readonly EndpointSnapshot[]
}

export interface EndpointSnapshot {
  readonly url: string
  /** As configured or set by an operator; what slow start makes of it is `effective_weight`. */
  readonly weight: number
  readonly effective_weight: number
  readonly zone?: string
  readonly tier: number
  readonly role: string
  readonly healthy: boolean
  readonly ejected: boolean
  readonly drained: boolean
  readonly breaker?: BreakerState
  /** Requests sent or waiting. */
  readonly outstanding: number
  readonly queued: number
  readonly tunnels: number
  readonly connections: { readonly open: number; readonly connecting: number }
  /** Since the process started, by outcome. */
  readonly requests: Readonly<Record<string, number>>
}

/** What an operator may ask of an endpoint while the gateway runs. */
export interface EndpointChange {
  /** True: no more requests; those under way end. */
  readonly drained?: boolean
  /** In place of the configured weight; null for that one again. */
  readonly weight?: number | null
}

/** Further tries a second in any case. */
const RETRY_FLOOR = 5

export class Upstream {
  readonly name: string
  readonly #config: UpstreamConfig
  readonly #deps: SharedDeps
  readonly #set: EndpointSet
  readonly #budget: Budget
  readonly #limiter: Limiter | undefined
  readonly #discovery: DnsDiscovery | undefined

  /** @throws when a certificate file cannot be read */
  constructor(name: string, config: UpstreamConfig, deps: SharedDeps) {
    this.name = name
    this.#config = config
    this.#deps = deps
    const { lease } = deps
    const tls = readTls(config.tls)
    this.#discovery = this.#discover()
    const discovery: Discovery | undefined = this.#discovery
    this.#set = new EndpointSet({ name, config, tls, discovery, deps, makeBalancer: makeBalancer(name, config, deps) })
    this.#budget = lease.use('budget', name, () => new Budget(RETRY_FLOOR))
    const limiter = this.#limit()
    this.#limiter = limiter
    if (limiter?.isEnforced === true) this.#set.limitBy(() => limiter.limit)
  }

  /** Resolves when it is known which endpoints there are, as far as that can be found out at all. */
  get ready(): Promise<void> {
    return this.#discovery?.ready ?? Promise.resolve()
  }

  /** What obtains answers for a route. */
  origin(policies: RoutePolicies): Origin {
    const tries = new Tries(this.#set, this.#config, policies, this.#budget, this.#deps)
    return this.#limiter === undefined ? tries : new Limited(tries, this.#limiter, policies.route.name)
  }

  /** @param prepare makes the request that goes upstream out of the one that came */
  tunnel(policies: RoutePolicies, prepare: (x: Exchange, req: RequestHead) => RequestHead): Tunnel {
    return new WebSocketTunnel(new Tries(this.#set, this.#config, policies, this.#budget, this.#deps), prepare)
  }

  /** Whether clients keep their endpoints: then routes to it need `affinityStage`. */
  get isSticky(): boolean {
    return this.#config.sticky !== false
  }

  snapshot(): UpstreamSnapshot {
    const now = this.#deps.clock.now()
    return {
      name: this.name,
      balance: this.#config.balance.algorithm,
      panic: this.#set.isPanic,
      endpoints: this.#set.endpoints.map((endpoint) => snapshotOf(endpoint, now)),
    }
  }

  /** Applies an operator's wish until the process ends. False: it has no such endpoint. */
  change(url: string, change: EndpointChange): boolean {
    const endpoint = this.#set.endpoints.find((each) => each.key === url)
    if (endpoint === undefined) return false
    const { condition } = endpoint
    if (change.drained !== undefined) {
      if (condition.isDrained && !change.drained) condition.since = this.#deps.clock.now()
      condition.isDrained = change.drained
    }
    if (change.weight !== undefined) condition.weight = change.weight ?? undefined
    condition.changed()
    return true
  }

  #limit(): Limiter | undefined {
    const { concurrency } = this.#config
    if (concurrency === false) return undefined
    const make = () => new Limiter(this.name, concurrency, this.#deps)
    return this.#deps.lease.use('limiter', JSON.stringify([this.name, concurrency]), make, (limiter) => limiter.stop())
  }

  #discover(): DnsDiscovery | undefined {
    const { discover } = this.#config
    if (discover === undefined) return undefined
    const { dns, srv, scheme } = discover
    const { lease } = this.#deps
    const last = lease.use('discovered', JSON.stringify([this.name, dns, srv, scheme]), nothingFound)
    const make = () => new DnsDiscovery(this.name, discover, last, this.#deps)
    return lease.use('discovery', JSON.stringify([this.name, discover]), make, (found) => found.stop())
  }
}

function nothingFound(): LastFound {
  return { endpoints: undefined, answers: new Map() }
}

function snapshotOf(endpoint: Endpoint, nowMs: number): EndpointSnapshot {
  const { pool, condition, config, breaker } = endpoint
  return {
    url: endpoint.key,
    weight: condition.weight ?? config.weight,
    effective_weight: endpoint.weight,
    ...(config.zone === undefined ? {} : { zone: config.zone }),
    tier: config.tier,
    role: config.role,
    healthy: condition.isHealthy,
    ejected: condition.ejectedUntil > nowMs,
    drained: condition.isDrained,
    ...(breaker === undefined ? {} : { breaker: breaker.state }),
    outstanding: pool.outstanding,
    queued: pool.queued,
    tunnels: pool.tunnels,
    connections: { open: pool.open, connecting: pool.connecting },
    requests: endpoint.counts(),
  }
}
