/**
 * The origin of one route at its upstream: chooses an endpoint, and after a failure that surely left nothing at the
 * backend chooses again, another endpoint first. The only place that decides about a next attempt.
 */
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Exchange } from '../core/exchange.ts'
import type { RequestHead } from '../core/message.ts'
import type { Counter } from '../core/metrics.ts'
import type { Cancel, Origin, Reader } from '../core/origin.ts'
import type { Wheel } from '../core/wheel.ts'
import { Attempt, type AttemptPlan, type Try } from './attempt.ts'
import type { Endpoint } from './endpoint.ts'
import { isForNode, NodeAttempt } from './node-attempt.ts'
import type { Balancer } from './policy/balance/balancer.ts'
import { decideRetry, type RetryPolicy, type RetryReason } from './policy/retry.ts'
import type { TimeoutsConfig } from './schema.ts'

export interface TriesParts {
  readonly clock: Clock
  readonly wheel: Wheel
  readonly timeouts: TimeoutsConfig
  readonly retry: RetryPolicy
  readonly retries: (reason: RetryReason) => Counter
}

export class Tries implements Origin, AttemptPlan {
  readonly clock: Clock
  readonly wheel: Wheel
  readonly timeouts: TimeoutsConfig
  readonly #balancer: Balancer<Endpoint>
  readonly #retry: RetryPolicy
  readonly #retries: (reason: RetryReason) => Counter

  constructor(balancer: Balancer<Endpoint>, parts: TriesParts) {
    this.#balancer = balancer
    this.clock = parts.clock
    this.wheel = parts.wheel
    this.timeouts = parts.timeouts
    this.#retry = parts.retry
    this.#retries = parts.retries
  }

  fetch(x: Exchange, req: RequestHead, to: Reader): Cancel {
    const endpoint = this.#balancer.pick()
    if (endpoint === undefined) {
      to.fail(new GatewayError('no_endpoint'))
      return nothing
    }
    const attempt = this.#try(endpoint, x, req, to, undefined)
    attempt.start()
    return (why) => attempt.cancel(why)
  }

  next(failed: Try, why: GatewayError): Try | undefined {
    const { x, req, to } = failed
    const decision = decideRetry(this.#retry, why, numberOf(failed), req.body?.takenBytes ?? 0)
    if (!decision.retry) return undefined
    const endpoint = nextEndpoint(this.#balancer, (candidate) => isTried(failed, candidate))
    if (endpoint === undefined) return undefined
    this.#retries(decision.because).value++
    return this.#try(endpoint, x, req, to, failed)
  }

  #try(endpoint: Endpoint, x: Exchange, req: RequestHead, to: Reader, previous: Try | undefined): Try {
    return isForNode(req)
      ? new NodeAttempt(this, endpoint, x, req, to, previous)
      : new Attempt(this, endpoint, x, req, to, previous)
  }
}

/** One that was not tried yet, else any: a connection that failed may well succeed a second time. */
export function nextEndpoint(
  balancer: Balancer<Endpoint>,
  isTried: (endpoint: Endpoint) => boolean,
): Endpoint | undefined {
  return balancer.pick(isTried) ?? balancer.pick()
}

function numberOf(attempt: Try): number {
  let number = 0
  for (let each: Try | undefined = attempt; each !== undefined; each = each.previous) number++
  return number
}

function isTried(last: Try, endpoint: Endpoint): boolean {
  for (let each: Try | undefined = last; each !== undefined; each = each.previous) {
    if (each.endpoint === endpoint) return true
  }
  return false
}

function nothing(): void {}
