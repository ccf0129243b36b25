/** An upstream: a named group of endpoints, as an origin for the routes that use it and as a tunnel for WebSockets. */
import type { Tunnel } from '../core/downstream.ts'
import type { Exchange } from '../core/exchange.ts'
import type { SharedDeps } from '../core/feature.ts'
import type { RequestHead } from '../core/message.ts'
import type { Origin } from '../core/origin.ts'
import { Endpoint, readTls } from './endpoint.ts'
import { retriesTotal } from './metrics.ts'
import type { Balancer } from './policy/balance/balancer.ts'
import { RoundRobin } from './policy/balance/round-robin.ts'
import type { RetryPolicy, RetryReason } from './policy/retry.ts'
import type { RetryConfig, TimeoutsConfig, UpstreamConfig } from './schema.ts'
import { Tries, type TriesParts } from './tries.ts'
import { WebSocketTunnel } from './tunnel.ts'

export { upstreamMetrics } from './metrics.ts'
export { inlineUpstream } from './schema.ts'

/** What a route asks of its upstream. */
export interface Policies {
  readonly timeouts: TimeoutsConfig
  readonly retry: RetryConfig | false
}

/** An upstream as the admin API shows it. */
export interface UpstreamSnapshot {
  readonly name: string
  readonly balance: string
  readonly endpoints: readonly EndpointSnapshot[]
}

export interface EndpointSnapshot {
  readonly url: string
  readonly weight: number
  readonly zone?: string
  /** Requests sent or waiting. */
  readonly outstanding: number
  readonly queued: number
  readonly tunnels: number
  readonly connections: { readonly open: number; readonly connecting: number }
  /** Since the process started, by outcome. */
  readonly requests: Readonly<Record<string, number>>
}

export class Upstream {
  readonly name: string
  readonly #config: UpstreamConfig
  readonly #deps: SharedDeps
  readonly #endpoints: readonly Endpoint[]
  readonly #balancer: Balancer<Endpoint>

  /** @throws when a certificate file cannot be read */
  constructor(name: string, config: UpstreamConfig, deps: SharedDeps) {
    this.name = name
    this.#config = config
    this.#deps = deps
    const tls = readTls(config.tls)
    this.#endpoints = config.endpoints.map((endpoint) => new Endpoint(name, endpoint, tls, config.pool, deps))
    const identity = JSON.stringify([name, config.endpoints.map(({ url, weight }) => [url, weight])])
    const credits = deps.lease.use('round-robin', identity, () => config.endpoints.map(() => 0))
    this.#balancer = new RoundRobin(this.#endpoints, credits)
  }

  /** What obtains answers for a route. */
  origin(policies: Policies): Origin {
    return new Tries(this.#balancer, this.#parts(policies))
  }

  /** @param prepare makes the request that goes upstream out of the one that came */
  tunnel(policies: Policies, prepare: (x: Exchange, req: RequestHead) => RequestHead): Tunnel {
    return new WebSocketTunnel(this.#balancer, prepare, this.#parts(policies))
  }

  snapshot(): UpstreamSnapshot {
    const { endpoints, balance } = this.#config
    return {
      name: this.name,
      balance,
      endpoints: this.#endpoints.map((endpoint, i) => snapshotOf(endpoint, endpoints[i]?.url ?? '')),
    }
  }

  #parts({ timeouts, retry }: Policies): TriesParts {
    const { clock, wheel, metrics } = this.#deps
    const retries = {
      connect: metrics.counter(retriesTotal, { upstream: this.name, reason: 'connect' }),
      unsent: metrics.counter(retriesTotal, { upstream: this.name, reason: 'unsent' }),
    }
    const policy: RetryPolicy = retry === false ? once : retry
    return { clock, wheel, timeouts, retry: policy, retries: (reason: RetryReason) => retries[reason] }
  }
}

const once: RetryPolicy = { attempts: 1, on: [] }

function snapshotOf(endpoint: Endpoint, url: string): EndpointSnapshot {
  const { pool, weight, zone } = endpoint
  return {
    url,
    weight,
    ...(zone === undefined ? {} : { zone }),
    outstanding: pool.outstanding,
    queued: pool.queued,
    tunnels: pool.tunnels,
    connections: { open: pool.open, connecting: pool.connecting },
    requests: endpoint.counts(),
  }
}
