/** Any endpoint, by weight. What many gateways do at once does not run in step. */
import type { Random } from '../../../core/clock.ts'
import type { Balancer, Target } from './balancer.ts'

export class RandomBalancer<E extends Target> implements Balancer<E> {
  readonly #random: Random
  #endpoints: readonly E[] = []

  constructor(random: Random) {
    this.#random = random
  }

  update(endpoints: readonly E[]): void {
    this.#endpoints = endpoints
  }

  pick(_nowMs: number, _hash: number, isExcluded?: (endpoint: E) => boolean): E | undefined {
    let weights = 0
    for (const endpoint of this.#endpoints) {
      if (endpoint.weight > 0 && isExcluded?.(endpoint) !== true) weights += endpoint.weight
    }
    let left = this.#random() * weights
    let last: E | undefined
    for (const endpoint of this.#endpoints) {
      if (endpoint.weight <= 0 || isExcluded?.(endpoint) === true) continue
      last = endpoint
      left -= endpoint.weight
      if (left < 0) return endpoint
    }
    return last
  }
}
