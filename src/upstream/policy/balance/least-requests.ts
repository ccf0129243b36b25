/**
 * The endpoint with the fewest requests under way for its weight. Few endpoints are all looked at; among many, two that
 * are picked at random are enough (Mitzenmacher 2001, "The Power of Two Choices").
 */
import type { Random } from '../../../core/clock.ts'
import type { Balancer, Target } from './balancer.ts'
import { twoOf } from './two-of.ts'

/** Up to so many are all looked at. */
const FEW = 16

export class LeastRequests<E extends Target> implements Balancer<E> {
  readonly #random: Random
  #endpoints: readonly E[] = []

  constructor(random: Random) {
    this.#random = random
  }

  update(endpoints: readonly E[]): void {
    this.#endpoints = endpoints
  }

  pick(_nowMs: number, _hash: number, isExcluded?: (endpoint: E) => boolean): E | undefined {
    const endpoints = this.#endpoints
    if (endpoints.length > FEW && isExcluded === undefined) {
      const pair = twoOf(endpoints.length, this.#random())
      const one = endpoints[pair % endpoints.length] as E
      const other = endpoints[Math.floor(pair / endpoints.length)] as E
      const better = loadOf(one) <= loadOf(other) ? one : other
      if (better.weight > 0) return better
    }
    return this.#least(isExcluded)
  }

  /** From a random place on, so that equals get equal shares. */
  #least(isExcluded?: (endpoint: E) => boolean): E | undefined {
    const endpoints = this.#endpoints
    const start = Math.floor(this.#random() * endpoints.length)
    let chosen: E | undefined
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < endpoints.length; i++) {
      const endpoint = endpoints[(start + i) % endpoints.length] as E
      if (endpoint.weight <= 0 || isExcluded?.(endpoint) === true) continue
      const load = loadOf(endpoint)
      if (load < least) {
        least = load
        chosen = endpoint
      }
    }
    return chosen
  }
}

function loadOf(endpoint: Target): number {
  return endpoint.weight > 0 ? (endpoint.outstanding + 1) / endpoint.weight : Number.POSITIVE_INFINITY
}
