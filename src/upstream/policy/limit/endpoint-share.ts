/**
 * What one endpoint may have of an upstream's concurrency limit: half as much again as its share by weight, so that a slow
 * one among several does not come to hold all of it, whichever balancer chooses. Compare "Consistent Hashing with Bounded
 * Loads" (Mirrokni et al., 2018), which bounds by the mean load in the same way.
 */
const BOUND = 1.5

/**
 * @param limit requests that the upstream may have at once
 * @param weights sum of those of all endpoints that may be used
 */
export function mostFor(limit: number, weight: number, weights: number): number {
  return weights <= 0 ? limit : Math.max(1, Math.ceil((limit * BOUND * weight) / weights))
}
