/** One address of an upstream: its name in logs and metrics, its connections, and the counts kept of it. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP, type Socket } from 'node:net'
import { buildConnector } from 'undici'
import type { ErrorCode } from '../core/errors.ts'
import type { SharedDeps } from '../core/feature.ts'
import type { Lease } from '../core/keep.ts'
import type { Counter, Gauge, Histogram } from '../core/metrics.ts'
import { Breaker, breakerStates } from './breaker.ts'
import { Condition } from './condition.ts'
import * as metrics from './metrics.ts'
import type { Target } from './policy/balance/balancer.ts'
import { EndpointPool } from './pool.ts'
import type { EndpointConfig, PoolConfig, TlsConfig } from './schema.ts'
import type { BreakerConfig } from './schema-resilience.ts'

/** Where an endpoint is, in the forms that its users want. */
export interface Address {
  /** Without the port where it is the scheme's own: what goes into Host. */
  readonly authority: string
  /** host:port, or the path of a unix socket: its name in logs and metrics. */
  readonly label: string
  readonly isTls: boolean
  /** Without brackets. */
  readonly hostname: string
  readonly port: number
  readonly socketPath: string | undefined
}

/** The certificates of `tls`, read. */
export interface TlsMaterial {
  readonly rejectUnauthorized: boolean
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
  readonly servername?: string
}

/** What an endpoint is made of; together with its address, its identity. */
export interface EndpointParts {
  readonly upstream: string
  readonly config: EndpointConfig
  readonly tls: TlsMaterial
  readonly pool: PoolConfig
  readonly breaker: BreakerConfig | false
}

export class Endpoint implements Target {
  readonly config: EndpointConfig
  readonly key: string
  /** The configured weight, as changed by the admin API, as far as slow start lets it. */
  weight: number
  readonly condition: Condition
  readonly breaker: Breaker | undefined
  readonly address: Address
  readonly tls: TlsMaterial
  /** Tells two of these apart. */
  readonly tlsId: string
  readonly pool: EndpointPool
  readonly requestSeconds: Histogram
  /** 1 while it is left alone for its failures. */
  readonly ejected: Gauge
  /** 1 while an operator wants no requests there. */
  readonly drained: Gauge
  /** Answers by the first digit of their status. */
  readonly #answers: readonly Counter[]
  readonly #failures = new Map<ErrorCode, Counter>()
  readonly #counter: (outcome: string) => Counter
  readonly #lease: Lease

  private constructor(parts: EndpointParts, tls: string, deps: SharedDeps) {
    const { upstream, config, pool } = parts
    this.config = config
    this.key = config.url
    this.weight = config.weight
    this.address = parseAddress(config.url)
    this.tls = parts.tls
    this.tlsId = tls
    const labels = { upstream, endpoint: this.label }
    this.#lease = deps.lease.branch()
    // Before the first of them is made: what nobody holds is not measured.
    this.#lease.use(
      'series',
      JSON.stringify(labels),
      () => deps.metrics.hold(labels),
      (letGo) => letGo(),
    )
    this.requestSeconds = deps.metrics.histogram(metrics.requestSeconds, labels)
    this.ejected = deps.metrics.gauge(metrics.ejected, labels)
    this.drained = deps.metrics.gauge(metrics.drained, labels)
    this.#counter = (outcome) => deps.metrics.counter(metrics.requestsTotal, { ...labels, outcome })
    this.#answers = outcomes.map(this.#counter)
    this.condition = this.#lease.use(
      'condition',
      JSON.stringify([upstream, config.url]),
      () => new Condition(deps.clock.now()),
    )
    this.breaker = this.#breakerOf(parts, labels, deps)
    const identity = JSON.stringify([upstream, config.url, tls, pool])
    this.pool = this.#lease.use('pool', identity, () => this.#connect(labels, pool, deps), retire).value
  }

  /** The endpoint of that identity, with its connections and all that was learned of it. */
  static of(parts: EndpointParts, lease: Lease, deps: SharedDeps): Endpoint {
    const tls = digest(parts.tls)
    const identity = JSON.stringify([parts.upstream, parts.config, parts.pool, parts.breaker, tls])
    const make = () => new Endpoint(parts, tls, { ...deps, lease })
    return lease.use('endpoint', identity, make, (endpoint) => endpoint.#lease.release())
  }

  get label(): string {
    return this.address.label
  }

  /** Sent and waiting, tunnels included. */
  get outstanding(): number {
    return this.pool.outstanding
  }

  countAnswer(status: number): void {
    const index = status >= 200 && status < 600 ? Math.floor(status / 100) - 2 : 4
    ;(this.#answers[index] as Counter).value++
  }

  countFailure(code: ErrorCode): void {
    let counter = this.#failures.get(code)
    if (counter === undefined) {
      counter = this.#counter(code)
      this.#failures.set(code, counter)
    }
    counter.value++
  }

  /** Requests so far, by outcome. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {}
    for (const [i, outcome] of outcomes.entries()) {
      const { value } = this.#answers[i] as Counter
      if (value > 0) counts[outcome] = value
    }
    for (const [code, { value }] of this.#failures) counts[code] = value
    return counts
  }

  #breakerOf({ upstream, config, breaker }: EndpointParts, labels: Labels, deps: SharedDeps): Breaker | undefined {
    if (breaker === false) return undefined
    const identity = JSON.stringify([upstream, config.url, breaker])
    const make = () => monitoredBreaker(breaker, labels, this.condition, deps)
    return this.#lease.use('breaker', identity, make, (value) => value.stop())
  }

  #connect(labels: Labels, config: PoolConfig, deps: SharedDeps): Kept {
    const { isTls, hostname, port, socketPath } = this.address
    const host = socketPath === undefined ? bracketed(hostname) : 'localhost'
    const settings = {
      origin: `${isTls ? 'https' : 'http'}://${host}:${port}`,
      connections: config.connections,
      queue: config.queue,
      idleMs: config.idle_timeout,
      headerBytes: config.response_header_size,
      connector: this.#connector(),
      turn: deps.lease.use('parser-turn', '', () => ({ depth: 0 })),
    }
    const pool = new EndpointPool(
      settings,
      deps.clock,
      deps.metrics.histogram(metrics.connectSeconds, labels),
      deps.log,
    )
    return { value: pool, stop: deps.metrics.onCollect(gauges(pool, labels, deps)) }
  }

  #connector(): buildConnector.connector {
    const { hostname, socketPath } = this.address
    const connect = buildConnector({
      ...this.tls,
      allowH2: false,
      // The attempts' own deadlines end connections that take too long.
      timeout: 0,
      ...(socketPath === undefined ? {} : { socketPath }),
    } as buildConnector.BuildOptions) as (options: object, callback: buildConnector.Callback) => Socket
    // undici takes the name for SNI from each request's Host: a client's word, which would also change it in between.
    const servername = this.tls.servername ?? (isIP(hostname) === 0 ? hostname : undefined)
    return ((options: { protocol: string }, callback: buildConnector.Callback) =>
      connect(
        { ...options, servername: options.protocol === 'https:' ? servername : undefined },
        callback,
      )) as unknown as buildConnector.connector
  }
}

const outcomes = ['2xx', '3xx', '4xx', '5xx', 'other'] as const

type Labels = { readonly upstream: string; readonly endpoint: string }

interface Kept {
  readonly value: EndpointPool
  readonly stop: () => void
}

function retire(kept: Kept): void {
  kept.stop()
  kept.value.retire()
}

/** A breaker whose changes of state are told to the log, to metrics and to whoever chooses endpoints. */
function monitoredBreaker(config: BreakerConfig, labels: Labels, condition: Condition, deps: SharedDeps): Breaker {
  const gauge = deps.metrics.gauge(metrics.breakerState, labels)
  return new Breaker(config, deps.clock, (state) => {
    gauge.value = breakerStates.indexOf(state)
    deps.metrics.counter(metrics.breakerTransitions, { ...labels, to: state }).value++
    deps.log.warn({ ...labels, state }, 'circuit breaker')
    condition.changed()
  })
}

/** Brings the gauges of a pool up to date. */
function gauges(pool: EndpointPool, labels: Labels, deps: SharedDeps): () => void {
  const of = (state: string) => deps.metrics.gauge(metrics.poolConnections, { ...labels, state })
  const connecting = of('connecting')
  const active = of('active')
  const idle = of('idle')
  const queued = deps.metrics.gauge(metrics.poolQueued, labels)
  const outstanding = deps.metrics.gauge(metrics.outstanding, labels)
  const tunnels = deps.metrics.gauge(metrics.tunnelsOpen, labels)
  return () => {
    connecting.value = pool.connecting
    active.value = Math.min(pool.open, pool.running)
    idle.value = pool.open - active.value
    queued.value = pool.queued
    outstanding.value = pool.outstanding
    tunnels.value = pool.tunnels
  }
}

function parseAddress(url: string): Address {
  if (url.startsWith('unix:')) {
    const socketPath = url.slice(5)
    return { authority: 'localhost', label: socketPath, isTls: false, hostname: 'localhost', port: 80, socketPath }
  }
  const { protocol, host, hostname, port } = new URL(url)
  const isTls = protocol === 'https:'
  const number = port === '' ? (isTls ? 443 : 80) : Number(port)
  return {
    authority: host,
    label: `${hostname}:${number}`,
    isTls,
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port: number,
    socketPath: undefined,
  }
}

function bracketed(hostname: string): string {
  return isIP(hostname) === 6 ? `[${hostname}]` : hostname
}

/** @throws when a file cannot be read */
export function readTls(config: TlsConfig): TlsMaterial {
  const { verify, ca, cert, key, server_name: servername } = config
  return {
    rejectUnauthorized: verify,
    ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
    ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
    ...(key === undefined ? {} : { key: readFileSync(key) }),
    ...(servername === undefined ? {} : { servername }),
  }
}

/** What tells two of them apart: a renewed certificate under the same name asks for new connections. */
function digest(tls: TlsMaterial): string {
  const hash = createHash('sha256')
  for (const [name, value] of Object.entries(tls))
    hash
      .update(`${name}\n`)
      .update(Buffer.from(String(value)))
      .update('\n')
  return hash.digest('base64')
}
