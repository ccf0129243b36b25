/**
 * Smooth weighted round robin, as nginx does it: each pick raises every endpoint's credit by its weight, takes the
 * one with the most, and lowers that one's by the sum of the weights. Over one sum of weights each endpoint gets
 * exactly its weight, and picks of a heavy one are spread out: weights 5, 1, 1 give a a b a c a a.
 */
import type { Balancer, Weighted } from './balancer.ts'

export class RoundRobin<E extends Weighted> implements Balancer<E> {
  readonly #endpoints: readonly E[]
  readonly #credits: number[]

  /** @param credits one per endpoint, changed by each pick: who keeps them keeps the position */
  constructor(endpoints: readonly E[], credits: number[] = endpoints.map(() => 0)) {
    this.#endpoints = endpoints
    this.#credits = credits
  }

  pick(isExcluded?: (endpoint: E) => boolean): E | undefined {
    const endpoints = this.#endpoints
    const credits = this.#credits
    if (endpoints.length === 1 && isExcluded === undefined && (endpoints[0] as E).weight > 0) return endpoints[0]
    let best = -1
    let sum = 0
    for (let i = 0; i < endpoints.length; i++) {
      const endpoint = endpoints[i] as E
      // One that is out gains nothing meanwhile: it must not come back to a burst of requests.
      if (endpoint.weight === 0 || isExcluded?.(endpoint) === true) continue
      credits[i] = (credits[i] as number) + endpoint.weight
      sum += endpoint.weight
      if (best < 0 || (credits[i] as number) > (credits[best] as number)) best = i
    }
    if (best < 0) return undefined
    credits[best] = (credits[best] as number) - sum
    return endpoints[best]
  }
}
