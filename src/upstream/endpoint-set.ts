/**
 * The endpoints of one upstream in one configuration: which there are (from the file, from discovery), which of them may
 * be used now, and which one the next request goes to. Swapped whole: there is no moment without endpoints.
 */
import type { Timer } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { SharedDeps } from '../core/feature.ts'
import type { Lease } from '../core/keep.ts'
import type { Discovery } from './discovery/discovery.ts'
import { Endpoint, type EndpointParts, type TlsMaterial } from './endpoint.ts'
import { HealthChecks } from './health.ts'
import * as metrics from './metrics.ts'
import { Outliers } from './outliers.ts'
import type { Balancer } from './policy/balance/balancer.ts'
import { type Candidates, eligible, type Facts } from './policy/eligible.ts'
import { mostFor } from './policy/limit/endpoint-share.ts'
import { slowStartFactor } from './policy/slow-start.ts'
import type { EndpointConfig, UpstreamConfig } from './schema.ts'
import { Sticky } from './sticky.ts'

/** How often weights are brought up to date while an endpoint starts slowly. */
const SLOW_START_STEP_MS = 100

export interface SetParts {
  readonly name: string
  readonly config: UpstreamConfig
  readonly tls: TlsMaterial
  readonly discovery: Discovery | undefined
  readonly deps: SharedDeps
  /** One for requests that change something, one for the others: their candidates may differ; what they learn is shared. */
  readonly makeBalancer: () => Balancer<Endpoint>
}

export class EndpointSet {
  readonly name: string
  readonly #parts: SetParts
  readonly #primary: Balancer<Endpoint>
  readonly #safe: Balancer<Endpoint>
  readonly #outliers: Outliers | undefined
  readonly #checks: HealthChecks | undefined
  readonly sticky: Sticky<Endpoint> | undefined
  #endpoints: readonly Endpoint[] = []
  #candidates: Candidates<Endpoint> = { primary: [], safe: [], isPanic: false }
  /** Sums of the weights of the candidates. */
  #weights = { primary: 0, safe: 0 }
  #limit: (() => number) | undefined = undefined
  /** The balancers have endpoints whose breakers may let nothing through: each choice has to look. */
  #hasTrials = false
  #lease: Lease
  #unwatch: (() => void)[] = []
  #timer: Timer | undefined = undefined
  #isStopped = false

  constructor(parts: SetParts) {
    const { name, config, deps } = parts
    this.name = name
    this.#parts = parts
    this.#lease = deps.lease.branch()
    this.#primary = parts.makeBalancer()
    this.#safe = parts.makeBalancer()
    this.#outliers = config.outlier_ejection === false ? undefined : new Outliers(name, config.outlier_ejection, deps)
    this.#checks = config.health_check === undefined ? undefined : new HealthChecks(name, config.health_check, deps)
    this.sticky = config.sticky === false ? undefined : new Sticky(name, config.sticky, deps.metrics)
    this.#replace(parts.discovery?.current ?? [])
    const unsubscribe = parts.discovery?.subscribe((found) => this.#replace(found))
    deps.lease.atRelease(() => {
      unsubscribe?.()
      this.#stop()
    })
  }

  /** All of them, usable or not. */
  get endpoints(): readonly Endpoint[] {
    return this.#endpoints
  }

  /** Too few are healthy: health is not believed, and all are used. */
  get isPanic(): boolean {
    return this.#candidates.isPanic
  }

  /** The endpoint for a request; undefined when there is none. */
  choose(
    isSafe: boolean,
    hash: number,
    nowMs: number,
    isTried?: (endpoint: Endpoint) => boolean,
  ): Endpoint | undefined {
    const balancer = isSafe ? this.#safe : this.#primary
    const isOut = this.#hasTrials ? either(isShut, isTried) : isTried
    const limit = this.#limit?.()
    if (limit === undefined) return balancer.pick(nowMs, hash, isOut)
    const weights = isSafe ? this.#weights.safe : this.#weights.primary
    const isFull = ({ outstanding, weight }: Endpoint) => outstanding >= mostFor(limit, weight, weights)
    // The limit as a whole is kept before: where all have their share, whichever is next in turn gets one more.
    return balancer.pick(nowMs, hash, either(isFull, isOut)) ?? balancer.pick(nowMs, hash, isOut)
  }

  /** Holds the endpoints to their shares of what the upstream may have at once. */
  limitBy(limit: () => number): void {
    this.#limit = limit
  }

  /** Whether another endpoint than these could be chosen. */
  hasOther(isSafe: boolean, isTried: (endpoint: Endpoint) => boolean): boolean {
    const candidates = isSafe ? this.#candidates.safe : this.#candidates.primary
    return candidates.some((each) => !isTried(each) && !isShut(each))
  }

  /** Whether this one may be sent a request now. */
  isUsable(isSafe: boolean, endpoint: Endpoint): boolean {
    return (isSafe ? this.#candidates.safe : this.#candidates.primary).includes(endpoint) && !isShut(endpoint)
  }

  /** Whether any endpoint may be sent a request now. */
  hasAny(isSafe: boolean): boolean {
    return (isSafe ? this.#candidates.safe : this.#candidates.primary).some((each) => !isShut(each))
  }

  /** Why `choose` found none. */
  refusal(isSafe: boolean): GatewayError {
    const candidates = isSafe ? this.#candidates.safe : this.#candidates.primary
    const isOpen = candidates.length > 0 && candidates.every(isShut)
    return isOpen
      ? new GatewayError('circuit_open', `every endpoint of ${this.name} fails`)
      : new GatewayError('no_endpoint', `of upstream ${this.name}`)
  }

  /** A request is sent. Returns a ticket to hand back with its outcome. */
  begin(endpoint: Endpoint, nowMs: number): number {
    this.#outliers?.began(endpoint, nowMs)
    return endpoint.breaker?.begin() ?? 0
  }

  /** Its answer's header section is here. */
  answered(
    endpoint: Endpoint,
    ticket: number,
    nowMs: number,
    latencyMs: number,
    status: number,
    askedMs: number,
  ): void {
    const isGood = status < 500
    endpoint.breaker?.ended(ticket, isGood)
    this.#outliers?.ended(endpoint, nowMs, latencyMs, isGood)
    if (isGood && status !== 429) this.#primary.answered?.(endpoint, nowMs, latencyMs)
    else this.#primary.failed?.(endpoint, nowMs, latencyMs, askedMs)
  }

  /** It failed before it had an answer. */
  failed(endpoint: Endpoint, ticket: number, nowMs: number, elapsedMs: number, why: GatewayError): void {
    // A kept connection that is closed says nothing about whether the endpoint is well.
    if (why.source !== 'upstream' || why.code === 'kept_closed' || why.code === 'unsent') {
      endpoint.breaker?.ended(ticket, undefined)
      this.#outliers?.abandoned(endpoint, 0)
      return
    }
    endpoint.breaker?.ended(ticket, false)
    this.#outliers?.ended(endpoint, nowMs, elapsedMs, false)
    this.#primary.failed?.(endpoint, nowMs, elapsedMs, 0)
  }

  /** The answer broke off. */
  brokeOff(endpoint: Endpoint, nowMs: number): void {
    this.#primary.failed?.(endpoint, nowMs, 0, 0)
  }

  /** Whoever asked has left, without an outcome. */
  abandoned(endpoint: Endpoint, ticket: number, nowMs: number, waitedMs: number): void {
    endpoint.breaker?.ended(ticket, undefined)
    this.#outliers?.abandoned(endpoint, waitedMs)
    this.#primary.waited?.(endpoint, nowMs, waitedMs)
  }

  /** Another endpoint has answered before it. */
  superseded(endpoint: Endpoint, ticket: number, nowMs: number, waitedMs: number): void {
    endpoint.breaker?.ended(ticket, undefined)
    this.#primary.waited?.(endpoint, nowMs, waitedMs)
  }

  /** Takes what discovery found in place of what it found before. */
  #replace(found: readonly EndpointConfig[]): void {
    const { name, config, tls, deps } = this.#parts
    const lease = deps.lease.branch()
    const wanted = new Map<string, EndpointConfig>()
    for (const each of [...config.endpoints, ...found]) if (!wanted.has(each.url)) wanted.set(each.url, each)
    const shared = { upstream: name, tls, pool: config.pool, breaker: config.circuit_breaker }
    const endpoints = [...wanted.values()].map((each) =>
      Endpoint.of({ ...shared, config: each } satisfies EndpointParts, lease, deps),
    )
    for (const unwatch of this.#unwatch) unwatch()
    this.#unwatch = endpoints.map((endpoint) => endpoint.condition.watch(() => this.#refresh()))
    for (const endpoint of endpoints) this.#checks?.check(endpoint, lease)
    this.#endpoints = endpoints
    this.#outliers?.update(endpoints)
    this.sticky?.update(endpoints)
    deps.metrics.gauge(metrics.endpointsKnown, { upstream: name }).value = endpoints.length
    this.#refresh()
    // What stays has been taken by the new lease already.
    const previous = this.#lease
    this.#lease = lease
    previous.release()
  }

  /** Works out who may be used, and with what weight. Called whenever that may have changed. */
  #refresh(): void {
    if (this.#isStopped) return
    const { config, deps, name } = this.#parts
    const now = deps.clock.now()
    this.#timer?.cancel()
    this.#timer = undefined
    let nextAt = Number.POSITIVE_INFINITY
    for (const endpoint of this.#endpoints) {
      const { condition } = endpoint
      const factor = slowStartFactor(now - condition.since, config.slow_start)
      endpoint.weight = (condition.weight ?? endpoint.config.weight) * factor
      if (factor < 1) nextAt = Math.min(nextAt, now + SLOW_START_STEP_MS)
      const isEjected = this.#show(endpoint, now)
      if (isEjected) nextAt = Math.min(nextAt, condition.ejectedUntil)
    }
    const wasPanic = this.#candidates.isPanic
    this.#candidates = eligible(this.#endpoints, (endpoint) => factsOf(endpoint, now), {
      zone: config.zone_aware?.zone ?? '',
      panicShare: config.panic,
    })
    const { primary, safe, isPanic } = this.#candidates
    if (isPanic && !wasPanic) deps.log.warn({ upstream: name }, 'too few endpoints are healthy: all are used')
    if (!isPanic && wasPanic) deps.log.info({ upstream: name }, 'enough endpoints are healthy again')
    this.#primary.update(primary.filter(isNotOpen))
    this.#safe.update(safe.filter(isNotOpen))
    this.#weights = { primary: weightOf(primary), safe: weightOf(safe) }
    this.#hasTrials = primary.some(isOnTrial) || safe.some(isOnTrial)
    deps.metrics.gauge(metrics.panic, { upstream: name }).value = isPanic ? 1 : 0
    if (nextAt !== Number.POSITIVE_INFINITY) this.#timer = deps.clock.after(nextAt - now, () => this.#refresh())
  }

  /** Brings its gauges up to date. Returns whether it is left alone for its failures. */
  #show({ condition, ejected, drained, label }: Endpoint, nowMs: number): boolean {
    const { deps, name } = this.#parts
    const isEjected = condition.ejectedUntil > nowMs
    if (ejected.value === 1 && !isEjected) deps.log.info({ upstream: name, endpoint: label }, 'endpoint is used again')
    ejected.value = isEjected ? 1 : 0
    drained.value = condition.isDrained ? 1 : 0
    return isEjected
  }

  #stop(): void {
    this.#isStopped = true
    // What still goes through here learns no more of changes.
    this.#hasTrials = true
    this.#timer?.cancel()
    for (const unwatch of this.#unwatch) unwatch()
    this.#lease.release()
  }
}

type Exclusion = (endpoint: Endpoint) => boolean

function either(one: Exclusion, other: Exclusion | undefined): Exclusion {
  return other === undefined ? one : (endpoint) => one(endpoint) || other(endpoint)
}

function weightOf(endpoints: readonly Endpoint[]): number {
  return endpoints.reduce((sum, { weight }) => sum + weight, 0)
}

/** Its breaker lets nothing through. */
function isShut(endpoint: Endpoint): boolean {
  return endpoint.breaker !== undefined && !endpoint.breaker.permits
}

function isNotOpen({ breaker }: Endpoint): boolean {
  return breaker?.state !== 'open'
}

function isOnTrial({ breaker }: Endpoint): boolean {
  return breaker?.state === 'half_open'
}

function factsOf({ condition, config, weight, breaker }: Endpoint, nowMs: number): Facts {
  return {
    isHealthy: condition.isHealthy,
    isEjected: condition.ejectedUntil > nowMs,
    isProven: condition.isProven,
    circuit: breaker?.state ?? 'closed',
    isDisabled: condition.isDrained || weight <= 0,
    tier: config.tier,
    zone: config.zone ?? '',
    role: config.role,
  }
}
