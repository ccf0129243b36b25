/**
 * How one endpoint is chosen among several. A balancer knows weights and its own past choices, never health: whoever
 * asks says which endpoints are out of the question, and the algorithm takes the next best.
 */
export interface Weighted {
  readonly weight: number
}

export interface Balancer<E extends Weighted> {
  /** The endpoint for the next request; undefined when none is left. */
  pick(isExcluded?: (endpoint: E) => boolean): E | undefined
}
