/**
 * Peak EWMA (Finagle's balancer of that name): the better of two endpoints picked at random, by what a request would
 * cost there: a decaying mean of latencies that takes every peak at once, times the requests under way.
 *
 * An endpoint that turns slow is left within one answer. As its mean decays, one request at a time goes there to see, so
 * that it is found when it is well again. A failure counts as a long latency, or whoever fails fast would draw everybody.
 */
import type { Random } from '../../../core/clock.ts'
import type { Balancer, Memory, Target } from './balancer.ts'
import { twoOf } from './two-of.ts'

/** After so long without answers, a mean has decayed to 37 %. */
const TAU_MS = 10_000
/** Of each answer that is quicker than the mean. */
const LEAST_WEIGHT = 0.2
/** A failure counts as this latency at least, and as this many times the mean. */
const FAILURE_MS = 1000
const FAILURE_FACTOR = 5
/** What a second request costs where the first has not been answered yet: more than at any known endpoint. */
const UNKNOWN_MS = 1e6
/** What is added where the endpoint asked to be left alone: more than anything else can come to. */
const AVOIDED = 1e12

/** What is known of one endpoint. */
export interface Cost {
  /** The mean in milliseconds, as of `at`. */
  meanMs: number
  at: number
  isKnown: boolean
  /** Clock time until which it asked to be left alone. */
  avoidedUntil: number
}

export class PeakEwma<E extends Target> implements Balancer<E> {
  readonly #random: Random
  readonly #known: Memory<E, Cost>
  #endpoints: readonly E[] = []
  #costs: readonly Cost[] = []

  constructor(random: Random, known: Memory<E, Cost> = new WeakMap<E, Cost>()) {
    this.#random = random
    this.#known = known
  }

  update(endpoints: readonly E[]): void {
    this.#endpoints = endpoints
    this.#costs = endpoints.map((endpoint) => this.#costOf(endpoint))
  }

  pick(nowMs: number, _hash: number, isExcluded?: (endpoint: E) => boolean): E | undefined {
    const n = this.#endpoints.length
    if (n < 2 || isExcluded !== undefined) return this.#cheapest(nowMs, isExcluded)
    const pair = twoOf(n, this.#random())
    const first = pair % n
    const second = Math.floor(pair / n)
    const one = this.#score(first, nowMs)
    const other = this.#score(second, nowMs)
    // Both have no weight, or have asked to be left alone: a third may do.
    if (one >= AVOIDED && other >= AVOIDED) return this.#cheapest(nowMs)
    return this.#endpoints[one <= other ? first : second]
  }

  answered(endpoint: E, nowMs: number, latencyMs: number): void {
    const cost = this.#costOf(endpoint)
    const left = Math.exp(-(nowMs - cost.at) / TAU_MS)
    if (latencyMs > cost.meanMs * left) cost.meanMs = latencyMs
    else {
      // A peak that was not the endpoint's own (all had it: a pause of ours) is gone after a few quick answers.
      const kept = Math.min(left, 1 - LEAST_WEIGHT)
      cost.meanMs = cost.meanMs * kept + latencyMs * (1 - kept)
    }
    cost.at = nowMs
    cost.isKnown = true
  }

  waited(endpoint: E, nowMs: number, waitedMs: number): void {
    const cost = this.#costOf(endpoint)
    if (waitedMs > cost.meanMs * Math.exp(-(nowMs - cost.at) / TAU_MS)) this.answered(endpoint, nowMs, waitedMs)
  }

  failed(endpoint: E, nowMs: number, latencyMs: number, retryAfterMs: number): void {
    const cost = this.#costOf(endpoint)
    this.answered(endpoint, nowMs, Math.max(latencyMs, FAILURE_MS, Math.min(cost.meanMs * FAILURE_FACTOR, UNKNOWN_MS)))
    if (retryAfterMs > 0) cost.avoidedUntil = nowMs + retryAfterMs
  }

  /** For one request that must go somewhere else: all are looked at. */
  #cheapest(nowMs: number, isExcluded?: (endpoint: E) => boolean): E | undefined {
    const endpoints = this.#endpoints
    let chosen: E | undefined
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < endpoints.length; i++) {
      const endpoint = endpoints[i] as E
      if (endpoint.weight <= 0 || isExcluded?.(endpoint) === true) continue
      const score = this.#score(i, nowMs)
      if (score < least || chosen === undefined) {
        least = score
        chosen = endpoint
      }
    }
    return chosen
  }

  #score(index: number, nowMs: number): number {
    const { outstanding, weight } = this.#endpoints[index] as E
    const cost = this.#costs[index] as Cost
    if (weight <= 0) return Number.POSITIVE_INFINITY
    const avoided = cost.avoidedUntil > nowMs ? AVOIDED : 0
    if (!cost.isKnown) return avoided + (outstanding === 0 ? 0 : (UNKNOWN_MS * outstanding) / weight)
    return avoided + (cost.meanMs * Math.exp(-(nowMs - cost.at) / TAU_MS) * (outstanding + 1)) / weight
  }

  #costOf(endpoint: E): Cost {
    let cost = this.#known.get(endpoint)
    if (cost === undefined) {
      cost = { meanMs: 0, at: 0, isKnown: false, avoidedUntil: 0 }
      this.#known.set(endpoint, cost)
    }
    return cost
  }
}
