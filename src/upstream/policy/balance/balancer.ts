/**
 * How one endpoint is chosen among several. A balancer knows weights, load and what it has learned, never health:
 * whoever asks says which endpoints there are and which are out of the question, and the algorithm takes the next best.
 */

/** What a balancer sees of an endpoint. The object lives as long as the endpoint; sets change around it. */
export interface Target {
  /** May change at any time; above 0 to be picked. */
  readonly weight: number
  /** Requests sent or waiting. */
  readonly outstanding: number
  /** What it is called, the same for as long as it exists: what is hashed. */
  readonly key: string
}

export interface Balancer<E extends Target> {
  /** The set changed. What is known of endpoints that stay is kept. Never called during a pick. */
  update(endpoints: readonly E[]): void
  /**
   * The endpoint for the next request; undefined when none is left.
   * @param hash of the request's key, 32 bits, for balancers that hash; 0 otherwise
   */
  pick(nowMs: number, hash: number, isExcluded?: (endpoint: E) => boolean): E | undefined
  /** An answer's header section came after `latencyMs`. Absent where the balancer does not learn. */
  answered?(endpoint: E, nowMs: number, latencyMs: number): void
  /** A request was given up after `waitedMs`: it would have taken longer. */
  waited?(endpoint: E, nowMs: number, waitedMs: number): void
  /** It failed after `latencyMs`. @param retryAfterMs how long it asked to be left alone; 0 when it did not */
  failed?(endpoint: E, nowMs: number, latencyMs: number, retryAfterMs: number): void
}

/** What is known of endpoints, by endpoint: whoever keeps it keeps the learning. A WeakMap is one. */
export interface Memory<E, T> {
  get(endpoint: E): T | undefined
  set(endpoint: E, value: T): void
}
