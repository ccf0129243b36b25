/**
 * The origin of one route at its upstream: what all its requests share on their way through their tries (run.ts).
 */
import type { Clock, Random } from '../core/clock.ts'
import type { Exchange, RouteInfo } from '../core/exchange.ts'
import type { SharedDeps } from '../core/feature.ts'
import type { RequestHead } from '../core/message.ts'
import type { Counter } from '../core/metrics.ts'
import type { Cancel, Origin, Reader } from '../core/origin.ts'
import type { Pressure } from '../core/pressure.ts'
import type { Wheel } from '../core/wheel.ts'
import { hashOf } from './balancing.ts'
import type { EndpointSet } from './endpoint-set.ts'
import { Hedging } from './hedging.ts'
import { budgetExhausted, retriesTotal } from './metrics.ts'
import type { Budget } from './policy/budget.ts'
import { type RetryPolicy, type RetryReason, retryReasons } from './policy/retry.ts'
import { Run } from './run.ts'
import type { RunPlan } from './run-plan.ts'
import type { UpstreamConfig } from './schema.ts'
import type { HedgeConfig, RetryConfig, TimeoutsConfig } from './schema-tries.ts'

/** What a route asks of its upstream. */
export interface RoutePolicies {
  readonly route: RouteInfo
  readonly timeouts: TimeoutsConfig
  readonly retry: RetryConfig | false
  readonly hedge: HedgeConfig | false
}

export class Tries implements Origin, RunPlan {
  readonly clock: Clock
  readonly wheel: Wheel
  readonly random: Random
  readonly pressure: Pressure
  readonly timeouts: TimeoutsConfig
  readonly tryMs: number
  readonly retry: RetryPolicy
  readonly replayBytes: number
  readonly set: EndpointSet
  readonly hedging: Hedging | undefined
  readonly #config: UpstreamConfig
  readonly #budget: Budget
  readonly #budgetShare: number
  readonly #exhausted: Counter
  readonly #retries: Readonly<Record<RetryReason, Counter>>

  constructor(set: EndpointSet, config: UpstreamConfig, policies: RoutePolicies, budget: Budget, deps: SharedDeps) {
    const { clock, wheel, random, pressure, metrics } = deps
    const { retry, timeouts, hedge, route } = policies
    this.clock = clock
    this.wheel = wheel
    this.random = random
    this.pressure = pressure
    this.timeouts = timeouts
    this.retry = retry === false ? once : retry
    this.tryMs = (retry === false ? undefined : retry.per_try) ?? Number.POSITIVE_INFINITY
    // Only failures after sending ask for a body a second time.
    this.replayBytes = retry !== false && retry.attempts > 1 && retry.on.some(isAfterSending) ? retry.replay : 0
    this.set = set
    this.hedging = hedge === false ? undefined : new Hedging(hedge, route.name, deps)
    this.#config = config
    this.#budget = budget
    this.#budgetShare = retry === false ? DEFAULT_SHARE : retry.budget
    this.#exhausted = metrics.counter(budgetExhausted, { upstream: set.name })
    this.#retries = Object.fromEntries(
      retryReasons.map((reason) => [reason, metrics.counter(retriesTotal, { upstream: set.name, reason })]),
    ) as Record<RetryReason, Counter>
  }

  fetch(x: Exchange, req: RequestHead, to: Reader): Cancel {
    const run = new Run(this, x, req, to)
    run.start()
    return (why) => run.cancel(why)
  }

  hashOf(x: Exchange, req: RequestHead): number {
    const { hashOf: source } = this.#config.balance
    return source === undefined ? 0 : hashOf(source, x, req)
  }

  countRetry(because: RetryReason): void {
    this.#retries[because].value++
  }

  earn(): void {
    this.#budget.deposit(this.#budgetShare)
  }

  spend(nowMs: number): boolean {
    if (this.#budget.withdraw(nowMs)) return true
    this.#exhausted.value++
    return false
  }

  withBudget(req: RequestHead, leftMs: number): RequestHead {
    const name = this.timeouts.budget_header
    if (leftMs === Number.POSITIVE_INFINITY || name === false) return req
    const lower = name.toLowerCase()
    const headers: string[] = []
    for (let i = 0; i < req.headers.length; i += 2) {
      const own = req.headers[i] as string
      if (own.length !== lower.length || own.toLowerCase() !== lower) headers.push(own, req.headers[i + 1] as string)
    }
    headers.push(name, String(Math.max(1, Math.round(leftMs))))
    return { ...req, headers }
  }
}

/** For hedges of a route that has no retries. */
const DEFAULT_SHARE = 0.2

const once: RetryPolicy = { attempts: 1, on: [] }

function isAfterSending(reason: RetryReason): boolean {
  return reason !== 'connect' && reason !== 'unsent'
}
