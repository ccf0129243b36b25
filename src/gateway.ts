/**
 * The composition root of the data plane: makes plans and listeners out of a configuration, and swaps them when the
 * configuration changes. The only place that constructs; holds no singletons, so that a process may run several.
 */

import type { GatewayConfig } from './configuration.ts'
import type { Clock, Random } from './core/clock.ts'
import { systemClock, systemRandom } from './core/clock.ts'
import type { Downstream } from './core/downstream.ts'
import type { Peer } from './core/exchange.ts'
import { Keep } from './core/keep.ts'
import { type Log, silentLog } from './core/log.ts'
import type { RequestHead } from './core/message.ts'
import { PassingBuffers } from './core/passing-buffers.ts'
import { Pressure } from './core/pressure.ts'
import { Wheel } from './core/wheel.ts'
import { accessLogSinks } from './features/access-log/index.ts'
import { type PurgeReport, type PurgeRequest, purgeCaches, urlsToWarm } from './features/cache/index.ts'
import { Generation, type RouteSummary } from './generation.ts'
import { Listener } from './net/listener.ts'
import { Client } from './pipeline.ts'
import type { Platform } from './plan.ts'
import { RedisState } from './redis/redis.ts'
import { RequestIds } from './request-ids.ts'
import { Slices } from './slices.ts'
import { Registry } from './telemetry/registry.ts'
import type { EndpointChange, UpstreamSnapshot } from './upstream/index.ts'
import { WarmUp } from './warm-up.ts'

export interface GatewayOptions {
  readonly config: GatewayConfig
  readonly clock?: Clock
  readonly random?: Random
  readonly log?: Log
  readonly registry?: Registry
  /** Collects V8's young generation; see core/passing-buffers.ts. Default: nothing does before V8 itself. */
  readonly collectYoung?: () => void
}

export class Gateway {
  readonly registry: Registry
  readonly clock: Clock
  readonly log: Log
  readonly #random: Random
  readonly #wheel: Wheel
  readonly #keep = new Keep()
  readonly #pressure = new Pressure()
  readonly #platform: Platform
  readonly #ids: RequestIds
  #listeners = new Map<string, Listener>()
  #generation: Generation | undefined = undefined
  /** One after the other: each builds beside the one before. */
  #applying: Promise<unknown> = Promise.resolve()
  #isDraining = false
  #isClosed = false
  #warmUp: WarmUp | undefined = undefined

  private constructor(options: GatewayOptions) {
    this.clock = options.clock ?? systemClock
    this.log = options.log ?? silentLog
    this.registry = options.registry ?? new Registry()
    this.#random = options.random ?? systemRandom
    this.#wheel = new Wheel(this.clock)
    this.#platform = {
      clock: this.clock,
      wheel: this.#wheel,
      log: this.log,
      buffers: new PassingBuffers(options.collectYoung ?? (() => {})),
    }
    this.#ids = new RequestIds(this.#random)
  }

  /**
   * Opens every listener of a checked configuration.
   * @throws when an address cannot be bound; nothing is left open then
   */
  static async start(options: GatewayOptions): Promise<Gateway> {
    const gateway = new Gateway(options)
    try {
      const first = await gateway.#build(options.config)
      gateway.#generation = first
      await gateway.#ready(first)
      await gateway.#listen(options.config)
      gateway.#warm()
    } catch (error) {
      await gateway.close()
      throw error
    }
    return gateway
  }

  get config(): GatewayConfig {
    return this.#current.config
  }

  /** Actual addresses, with the ports that the system chose for port 0. */
  get addresses(): string[] {
    return [...this.#listeners.values()].map((listener) => listener.address)
  }

  /** Whether new requests are welcome. */
  get isReady(): boolean {
    return !this.#isDraining && this.#listeners.size > 0
  }

  upstreams(): UpstreamSnapshot[] {
    return this.#current.upstreams()
  }

  /** Applies an operator's wish to one endpoint. False: there is no such upstream or endpoint. */
  changeEndpoint(upstream: string, url: string, change: EndpointChange): boolean {
    return this.#current.upstream(upstream)?.change(url, change) ?? false
  }

  /** The routes in the order in which they match. */
  routes(): RouteSummary[] {
    return this.#current.routes()
  }

  /**
   * Swaps the configuration between two requests. Requests in flight end under the old one; whatever kept its
   * identity keeps its state.
   * @throws when a new address cannot be bound, or a plan cannot be built; the old configuration stays in force then
   */
  apply(config: GatewayConfig): Promise<void> {
    const done = this.#applying.then(() => this.#apply(config))
    this.#applying = done.catch(() => {})
    return done
  }

  async #apply(config: GatewayConfig): Promise<void> {
    const previous = this.#current
    const next = await this.#build(config)
    try {
      await this.#ready(next)
      if (this.#isClosed) throw new Error('the gateway has been closed')
      await this.#listen(config, () => {
        this.#generation = next
      })
    } catch (error) {
      next.retire()
      throw error
    }
    this.#warm()
    await previous.retireIn(new Slices(this.clock))
  }

  get #current(): Generation {
    if (this.#generation === undefined) throw new Error('the gateway has not started')
    return this.#generation
  }

  /** Removes stored answers, or marks them stale, here and on other instances; a text says what is wrong with the request. */
  purge(request: PurgeRequest): Promise<PurgeReport | string> {
    return purgeCaches(this.#keep, request)
  }

  /** Opens log files again, after something else has renamed them. */
  reopenLogs(): void {
    for (const sink of accessLogSinks(this.#keep)) sink.reopen()
  }

  /** Writes what the access log still holds: for the moment before an exit. */
  flushLogs(): void {
    for (const sink of accessLogSinks(this.#keep)) sink.flush()
  }

  /** Stops accepting, lets requests in flight finish for `graceMs`, then ends what is left. */
  async drain(graceMs: number): Promise<void> {
    this.#isDraining = true
    this.#warmUp?.stop()
    await Promise.all([...this.#listeners.values()].map((listener) => listener.drain(graceMs)))
    await this.close()
  }

  /** Ends everything at once. */
  async close(): Promise<void> {
    this.#isDraining = true
    this.#isClosed = true
    this.#warmUp?.stop()
    const listeners = [...this.#listeners.values()]
    this.#listeners.clear()
    await Promise.all(listeners.map((listener) => listener.close()))
    this.#generation?.retire()
    this.#wheel.stop()
  }

  /** Waits until endpoints have been looked up, but not for name servers that don't answer. */
  async #ready(generation: Generation): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = this.clock.after(LONGEST_LOOKUP_MS, resolve)
      generation
        .ready()
        .then(resolve, reject)
        .finally(() => timer.cancel())
    })
  }

  #build(config: GatewayConfig): Promise<Generation> {
    const lease = this.#keep.lease()
    const deps = {
      clock: this.clock,
      random: this.#random,
      wheel: this.#wheel,
      log: this.log,
      metrics: this.registry,
      lease,
      pressure: this.#pressure,
    }
    const { redis } = config
    const shared =
      redis === undefined
        ? undefined
        : lease.use(
            'redis',
            JSON.stringify(redis),
            () => new RedisState(redis, deps),
            (state) => state.close(),
          )
    return Generation.build(config, { ...deps, shared }, this.#platform, new Slices(this.clock))
  }

  #warm(): void {
    this.#warmUp?.stop()
    const urls = this.config.routes.flatMap((route) => urlsToWarm(route.features.cache))
    const find = (request: RequestHead) => this.#current.router.find(request)
    this.#warmUp =
      urls.length === 0 ? undefined : new WarmUp([...new Set(urls)], { clock: this.clock, log: this.log, find })
  }

  /** Opens what is new first, so that a failure changes nothing; then `commit`s; then closes what is gone. */
  async #listen(config: GatewayConfig, commit: () => void = () => {}): Promise<void> {
    const kept = new Map<string, Listener>()
    const opened: Listener[] = []
    try {
      for (const wanted of config.listeners) {
        const existing = this.#listeners.get(wanted.address)
        const listener = existing ?? new Listener(wanted, this.#listenerDeps())
        kept.set(wanted.address, listener)
        if (existing !== undefined) continue
        await listener.listen()
        opened.push(listener)
      }
    } catch (error) {
      await Promise.all(opened.map((listener) => listener.close()))
      throw error
    }
    const gone = [...this.#listeners].filter(([address]) => !kept.has(address)).map(([, listener]) => listener)
    for (const wanted of config.listeners) kept.get(wanted.address)?.update(wanted)
    this.#listeners = kept
    commit()
    for (const listener of gone) {
      listener.drain(GONE_LISTENER_GRACE_MS).catch((error: unknown) => {
        this.log.error({ address: listener.address, error: String(error) }, 'a listener did not close')
      })
    }
  }

  #listenerDeps() {
    return {
      clock: this.clock,
      wheel: this.#wheel,
      buffers: this.#platform.buffers,
      log: this.log,
      metrics: this.registry,
      entry: (request: RequestHead, peer: Peer, down: Downstream) => this.#accept(request, peer, down),
    }
  }

  #accept(request: RequestHead, peer: Peer, down: Downstream): void {
    const { router, unmatched } = this.#current
    const found = router.find(request)
    const id = this.#ids.of(request, peer)
    if (found === undefined) new Client(unmatched, request, peer, noCaptures, id, down).start()
    else new Client(found.target, request, peer, found.captures, id, down).start()
  }
}

/** What a start or a reload waits for endpoints to be found; they may still come later. */
const LONGEST_LOOKUP_MS = 5000

/** How long requests may go on that came through a listener which the configuration no longer has. */
const GONE_LISTENER_GRACE_MS = 60_000

const noCaptures: readonly string[] = []
