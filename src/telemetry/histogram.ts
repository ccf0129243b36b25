/**
 * A log-linear histogram over typed arrays: every power of two is cut into 32 equal sub-buckets, found from the
 * float's own bits, so that a record is a few array writes and every quantile is right within 1.6 %.
 * Beside it stand exact counts for the bounds that are exported: what Prometheus sees is never an estimate.
 * Values below and above the range clamp to its ends; NaN and negative ones count as 0.
 */
import type { Histogram } from '../core/metrics.ts'

/** The range in which values are told apart, in the metric's base unit. */
export interface Range {
  readonly lowest: number
  readonly highest: number
}

/** 1 µs to 1 h. */
export const secondsRange: Range = { lowest: 1e-6, highest: 3600 }
/** 1 byte to 1 TiB. */
export const bytesRange: Range = { lowest: 1, highest: 2 ** 40 }

/** 2^5 sub-buckets per power of two: each is at most 1/32 wide, and its middle at most 1/64 from any value in it. */
const SUB_BITS = 5
/** Relative width of a sub-bucket: what an estimate at an arbitrary bound may be off by. */
export const RESOLUTION = 2 ** -SUB_BITS
/** Of the upper half of a double: sign and exponent are 12 bits, the mantissa's first 20 follow. */
const SHIFT = 20 - SUB_BITS

// Scratch space to read a float's bits; holds nothing between two calls.
const float = new Float64Array(1)
const words = new Uint32Array(float.buffer)
const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0

/** The number of a positive float's sub-bucket, counted from the smallest float. */
function cellOf(value: number): number {
  float[0] = value
  return (words[HIGH] as number) >>> SHIFT
}

/** The smallest value in a sub-bucket. */
function edgeOf(cell: number): number {
  words[HIGH] = cell << SHIFT
  words[1 - HIGH] = 0
  return float[0] as number
}

const COUNT = 0
const SUM = 1

export class LogLinearHistogram implements Histogram {
  readonly #range: Range
  /** Number of the first sub-bucket. */
  readonly #base: number
  readonly #cells: Float64Array
  /** Count and sum: in an array, so that writing them allocates nothing. */
  readonly #totals = new Float64Array(2)
  /** Exported upper bounds, ascending, then Infinity. */
  #bounds: Float64Array
  /** Values per exported bucket, each alone; the last is beyond every bound. */
  #buckets: Float64Array
  /** For each sub-bucket the first exported bucket that its values may fall into. */
  #first: Uint16Array

  /** @param bounds upper bounds to count exactly; ascending, positive, finite */
  constructor(bounds: readonly number[], range: Range = secondsRange) {
    this.#range = range
    this.#base = cellOf(range.lowest)
    this.#cells = new Float64Array(cellOf(range.highest) - this.#base + 1)
    this.#bounds = withInfinity(bounds)
    this.#buckets = new Float64Array(this.#bounds.length)
    this.#first = this.#firstBuckets()
  }

  get count(): number {
    return this.#totals[COUNT] as number
  }

  get sum(): number {
    return this.#totals[SUM] as number
  }

  /** The exported bounds, without Infinity. */
  get bounds(): number[] {
    return [...this.#bounds.subarray(0, -1)]
  }

  record(value: number): void {
    const known = value > 0 ? (value < Number.POSITIVE_INFINITY ? value : this.#range.highest) : 0
    const cells = this.#cells
    let cell = cellOf(known) - this.#base
    if (cell < 0) cell = 0
    else if (cell >= cells.length) cell = cells.length - 1
    cells[cell] = (cells[cell] as number) + 1
    const bounds = this.#bounds
    let bucket = this.#first[cell] as number
    while (known > (bounds[bucket] as number)) bucket++
    this.#buckets[bucket] = (this.#buckets[bucket] as number) + 1
    const totals = this.#totals
    totals[COUNT] = (totals[COUNT] as number) + 1
    totals[SUM] = (totals[SUM] as number) + known
  }

  /** The middle of the sub-bucket that holds the value of rank ⌈q · count⌉; NaN while empty. */
  quantile(q: number): number {
    const count = this.count
    if (count === 0 || Number.isNaN(q)) return Number.NaN
    const rank = Math.min(count, Math.max(1, Math.ceil(q * count)))
    let seen = 0
    for (let cell = 0; cell < this.#cells.length; cell++) {
      seen += this.#cells[cell] as number
      if (seen >= rank) return this.#middle(cell)
    }
    return this.#range.highest
  }

  /**
   * How many values were at most `bound`, at any bound: never fewer, and at most those in addition that exceed it by
   * less than RESOLUTION. Within the range only.
   */
  countUpTo(bound: number): number {
    const last = Math.min(cellOf(bound) - this.#base, this.#cells.length - 1)
    let seen = 0
    for (let cell = 0; cell <= last; cell++) seen += this.#cells[cell] as number
    return seen
  }

  /** Exact counts of values at most each exported bound, then of all: cumulative, as Prometheus wants them. */
  cumulative(): Float64Array {
    const counts = this.#buckets.slice()
    for (let i = 1; i < counts.length; i++) counts[i] = (counts[i] as number) + (counts[i - 1] as number)
    return counts
  }

  /** Adds what `other` recorded. Exact for bounds that both export, within RESOLUTION for others. */
  merge(other: LogLinearHistogram): void {
    if (other.#base !== this.#base || other.#cells.length !== this.#cells.length) {
      throw new Error('histograms of different ranges cannot be merged')
    }
    this.#addBuckets(other.#upTo(this.#bounds))
    for (let i = 0; i < this.#cells.length; i++) {
      this.#cells[i] = (this.#cells[i] as number) + (other.#cells[i] as number)
    }
    this.#totals[COUNT] = this.count + other.count
    this.#totals[SUM] = this.sum + other.sum
  }

  /**
   * Exports other bounds from now on. Counts of bounds that stay are kept to the digit (a counter that shrank by one
   * would read as a restart); those of new bounds start from an estimate.
   */
  rebound(bounds: readonly number[]): void {
    const next = withInfinity(bounds)
    if (isSame(next, this.#bounds)) return
    const counts = this.#upTo(next)
    this.#bounds = next
    this.#buckets = new Float64Array(next.length)
    this.#first = this.#firstBuckets()
    this.#addBuckets(counts)
  }

  /** Cumulative counts at `bounds`: exact where we export the bound, else estimated between exact neighbours. */
  #upTo(bounds: Float64Array): Float64Array {
    const exact = this.cumulative()
    const counts = new Float64Array(bounds.length)
    for (let i = 0; i < bounds.length; i++) {
      const bound = bounds[i] as number
      const at = this.#bounds.findIndex((own) => own >= bound)
      if (this.#bounds[at] === bound) {
        counts[i] = exact[at] as number
        continue
      }
      const below = at === 0 ? 0 : (exact[at - 1] as number)
      counts[i] = Math.max(below, Math.min(exact[at] as number, this.countUpTo(bound)))
    }
    return counts
  }

  #addBuckets(cumulative: Float64Array): void {
    let before = 0
    for (let i = 0; i < cumulative.length; i++) {
      const upTo = Math.max(before, cumulative[i] as number)
      this.#buckets[i] = (this.#buckets[i] as number) + upTo - before
      before = upTo
    }
  }

  #middle(cell: number): number {
    const from = edgeOf(cell + this.#base)
    return (from + edgeOf(cell + this.#base + 1)) / 2
  }

  #firstBuckets(): Uint16Array {
    const first = new Uint16Array(this.#cells.length)
    let bucket = 0
    for (let cell = 1; cell < first.length; cell++) {
      const from = edgeOf(cell + this.#base)
      while ((this.#bounds[bucket] as number) < from) bucket++
      first[cell] = bucket
    }
    return first
  }
}

function withInfinity(bounds: readonly number[]): Float64Array {
  let before = 0
  for (const bound of bounds) {
    if (!(bound > before && bound < Number.POSITIVE_INFINITY)) {
      throw new Error(`histogram bounds must be positive and ascending: ${bounds.join(', ')}`)
    }
    before = bound
  }
  return Float64Array.of(...bounds, Number.POSITIVE_INFINITY)
}

function isSame(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((bound, i) => bound === b[i])
}
