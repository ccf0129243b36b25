/**
 * Smooth weighted round robin, as nginx does it: each pick raises every endpoint's credit by its weight, takes the
 * one with the most, and lowers that one's by the sum of the weights. Over one sum of weights each endpoint gets
 * exactly its weight, and picks of a heavy one are spread out: weights 5, 1, 1 give a a b a c a a.
 */
import type { Balancer, Memory, Target } from './balancer.ts'

export class RoundRobin<E extends Target> implements Balancer<E> {
  readonly #kept: Memory<E, { credit: number }>
  #endpoints: readonly E[] = []
  #credits: { credit: number }[] = []

  /** @param credits by endpoint, changed by each pick: who keeps them keeps the position */
  constructor(credits: Memory<E, { credit: number }> = new WeakMap<E, { credit: number }>()) {
    this.#kept = credits
  }

  update(endpoints: readonly E[]): void {
    this.#endpoints = endpoints
    this.#credits = endpoints.map((endpoint) => {
      const kept = this.#kept.get(endpoint) ?? { credit: 0 }
      this.#kept.set(endpoint, kept)
      return kept
    })
    // One that left took its credit along: the rest must sum to nothing again, or all would drift.
    const mean = this.#credits.reduce((sum, { credit }) => sum + credit, 0) / endpoints.length
    for (const each of this.#credits) each.credit -= mean
  }

  pick(_nowMs: number, _hash: number, isExcluded?: (endpoint: E) => boolean): E | undefined {
    const endpoints = this.#endpoints
    const credits = this.#credits
    if (endpoints.length === 1 && isExcluded === undefined && (endpoints[0] as E).weight > 0) return endpoints[0]
    let best: { credit: number } | undefined
    let chosen: E | undefined
    let sum = 0
    for (let i = 0; i < endpoints.length; i++) {
      const endpoint = endpoints[i] as E
      const { weight } = endpoint
      // One that is out gains nothing meanwhile: it must not come back to a burst of requests.
      if (weight <= 0 || isExcluded?.(endpoint) === true) continue
      const own = credits[i] as { credit: number }
      own.credit += weight
      sum += weight
      if (best === undefined || own.credit > best.credit) {
        best = own
        chosen = endpoint
      }
    }
    if (best !== undefined) best.credit -= sum
    return chosen
  }
}
