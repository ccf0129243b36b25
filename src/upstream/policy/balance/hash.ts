/**
 * The same endpoint for the same key, while its load allows: weighted rendezvous hashing (Thaler and Ravishankar 1998;
 * weights after Schindelhauer and Schomaker 2005) with bounded loads (Mirrokni, Thorup and Zadimoghaddam 2018).
 *
 * Each endpoint has a score for the key; the best one that is not overloaded is taken. Endpoints that come and go change
 * the choice only for keys that they had, or get. Rather than a ring: nothing to build when a set changes, exact weights,
 * and the next best is at hand; the price is a look at each endpoint, 15 ns apiece.
 */
import { hash32, mix32 } from '../hash-key.ts'
import type { Balancer, Target } from './balancer.ts'

/** How much more than its share of the requests under way an endpoint may have. */
const BOUND = 1.25

export class BoundedHash<E extends Target> implements Balancer<E> {
  #endpoints: readonly E[] = []
  #keys: readonly number[] = []

  update(endpoints: readonly E[]): void {
    this.#endpoints = endpoints
    this.#keys = endpoints.map(({ key }) => hash32(key))
  }

  pick(_nowMs: number, hash: number, isExcluded?: (endpoint: E) => boolean): E | undefined {
    const endpoints = this.#endpoints
    let outstanding = 1
    let weights = 0
    for (const endpoint of endpoints) {
      if (endpoint.weight <= 0 || isExcluded?.(endpoint) === true) continue
      outstanding += endpoint.outstanding
      weights += endpoint.weight
    }
    let chosen: E | undefined
    let best = -1
    for (let i = 0; i < endpoints.length; i++) {
      const endpoint = endpoints[i] as E
      if (endpoint.weight <= 0 || isExcluded?.(endpoint) === true) continue
      const most = Math.ceil((BOUND * outstanding * endpoint.weight) / weights)
      // Together the bounds hold more than there is: one always has room.
      if (endpoint.outstanding >= most) continue
      const score = scoreOf(mix32(hash ^ (this.#keys[i] as number)), endpoint.weight)
      if (score > best) {
        best = score
        chosen = endpoint
      }
    }
    return chosen
  }
}

/** Larger is better; in proportion to the weight it is the largest. */
function scoreOf(hash: number, weight: number): number {
  return -weight / Math.log((hash + 0.5) / 2 ** 32)
}
