/**
 * Quantiles of the latencies of the last seconds: two halves of a window, each a histogram on a logarithmic scale, one
 * filling while the other is only read. A quantile is exact to about 5 %, and works itself out anew ten times a second.
 */

const HALF_MS = 5000
const REFRESH_MS = 100
/** Buckets per doubling, and doublings from 1/16 ms on: up to more than an hour. */
const PER_DOUBLING = 10
const BUCKETS = 26 * PER_DOUBLING
const SHIFT = 4 * PER_DOUBLING
/** Fewer say nothing about a tail. */
const FEWEST = 30

export class RecentLatencies {
  #filling = new Uint32Array(BUCKETS)
  #before = new Uint32Array(BUCKETS)
  #count = 0
  #countBefore = 0
  #halfEndsAt = Number.NEGATIVE_INFINITY
  #estimate = Number.POSITIVE_INFINITY
  #estimatedAt = Number.NEGATIVE_INFINITY
  #estimatedFor = 0

  record(nowMs: number, latencyMs: number): void {
    this.#turn(nowMs)
    const bucket = bucketOf(latencyMs)
    this.#filling[bucket] = (this.#filling[bucket] as number) + 1
    this.#count++
  }

  /** Milliseconds below which a share `q` of the latencies lies; Infinity while there are too few. */
  quantile(q: number, nowMs: number): number {
    if (nowMs - this.#estimatedAt < REFRESH_MS && q === this.#estimatedFor) return this.#estimate
    this.#turn(nowMs)
    this.#estimatedAt = nowMs
    this.#estimatedFor = q
    this.#estimate = this.#compute(q)
    return this.#estimate
  }

  #compute(q: number): number {
    const total = this.#count + this.#countBefore
    if (total < FEWEST) return Number.POSITIVE_INFINITY
    let left = Math.ceil(q * total)
    for (let i = 0; i < BUCKETS; i++) {
      left -= (this.#filling[i] as number) + (this.#before[i] as number)
      if (left <= 0) return 2 ** ((i + 1 - SHIFT) / PER_DOUBLING)
    }
    return Number.POSITIVE_INFINITY
  }

  #turn(nowMs: number): void {
    if (nowMs < this.#halfEndsAt) return
    const isFresh = nowMs < this.#halfEndsAt + HALF_MS
    const spare = this.#before.fill(0)
    this.#before = isFresh ? this.#filling : spare
    this.#countBefore = isFresh ? this.#count : 0
    this.#filling = isFresh ? spare : this.#filling.fill(0)
    this.#count = 0
    this.#halfEndsAt = nowMs + HALF_MS
  }
}

function bucketOf(latencyMs: number): number {
  const bucket = Math.floor(Math.log2(Math.max(latencyMs, 0.0625)) * PER_DOUBLING) + SHIFT
  return Math.min(Math.max(bucket, 0), BUCKETS - 1)
}
