/**
 * How many requests a backend can usefully have at once, found out from what it does: an adaptive concurrency limit.
 *
 * Latency that grows with our own load means that requests queue in the backend. But latency also differs by what is
 * asked, so like is compared with like: each kind of request (a bucket) has its own latency at ease, and what counts is
 * by how much requests exceed theirs: nearly all do when they queue together, few do when some kind turned slow or an
 * answer happens to take long, so the lower quartile is looked at. Σ latency at ease / time is the concurrency that the work needs (Little's law):
 * the limit is set a little above that.
 *
 * A limit that was lowered must help: where latencies stay as they are, it was not our load that made them long (a slow
 * spell, other users). Then what is at ease is learned anew, and the limit comes back. While the limit holds requests
 * back for long, a lower one is tried now and then: where throughput stays, latencies at ease were overestimated, as
 * they are when a gateway starts in the middle of an overload.
 *
 * No windows in which requests are refused to measure with. Compare Netflix's Gradient2 (one mean of all latencies,
 * which a change in what is asked misleads, and which drifts under lasting overload) and Envoy's adaptive concurrency
 * (lowers the limit to 3 to measure).
 */

export interface AdaptiveOptions {
  readonly min: number
  readonly max: number
}

/** Of the requests of a window, how many are looked at for how much they exceed their latency at ease; a power of two. */
const EXCESSES = 64
/** Kinds of requests that are told apart; a power of two. */
export const BUCKETS = 256

/** Requests take this many times what they take at ease: they queue in the backend. */
const CONGESTED = 2
/** Or they take longer, and so many times what the work needs is under way: the next will take that many times as long. */
const PILE = 3
const LEAST_PILE = 20
/** So little above ease that more may be tried, and that what is measured is ease. */
const AT_EASE = 1.3
/** The limit over what the work needs, and what is left in any case of what was under way. */
const HEADROOM = 1.5
const SPARE = 1
const LEAST_LEFT = 0.125
const WINDOW_MS = 50
const FEWEST_SAMPLES = 12
/** A cut has helped when latencies came down at least so far for each part of the limit that went. */
const HELPED = 0.8
/** A cut of less shows nothing. */
const SHOWING = 0.7
/** What a trial takes: samples, or time. */
const CUT_SAMPLES = 40
const DESCENT_SAMPLES = 200
const LONGEST_TRIAL_MS = 1000
/** While requests are held back: how often a lower limit is tried, by how much, and what may be lost by it. */
const DESCENT_EVERY_MS = 2000
const DESCENT = 0.8
const DESCENT_LOSS = 0.95
/** What is left of the requests under way when the backend says that it has too many. */
const PUSHBACK = 0.8
/** What one latency adds to what is known of those at ease, and a window at most. */
const LEARNING = 0.02
const MOST_LEARNING = 0.3

/** What is being found out, over as many windows as it takes. Nothing that began before `from` counts, which is Infinity until
 * what is under way has come down to the limit. */
interface Trial {
  /** cut: latencies should come down; descent: throughput should stay. */
  readonly kind: 'cut' | 'descent'
  /** The limit, or what was under way, before it. */
  readonly before: number
  readonly ratio: number
  readonly perMs: number
  from: number
  readonly sum: Sum
}

/** Windows put together. */
class Sum {
  samples = 0
  lastedMs = 0
  latencies = 0
  eases = 0

  add(seen: Seen): void {
    this.samples += seen.samples
    this.lastedMs += seen.lastedMs
    this.latencies += seen.ratio * seen.needed * seen.lastedMs
    this.eases += seen.needed * seen.lastedMs
  }

  get ratio(): number {
    return this.latencies / this.eases
  }

  get perMs(): number {
    return this.samples / this.lastedMs
  }
}

/** What a window showed. */
interface Seen {
  readonly nowMs: number
  readonly startedAt: number
  readonly samples: number
  readonly lastedMs: number
  /** Latencies over latencies at ease, of those that exceed theirs by little. */
  readonly ratio: number
  /** Concurrency that the work would need at ease. */
  readonly needed: number
  /** Answers per millisecond. */
  readonly perMs: number
  readonly isHeld: boolean
  readonly inFlight: number
}

export class AdaptiveLimit {
  readonly #options: AdaptiveOptions
  /** Latency at ease by bucket, in milliseconds; 0: not known. */
  readonly #atEase = new Float64Array(BUCKETS)
  #limit: number
  #trial: Trial | undefined = undefined
  /** Since when requests have been held back under the same limit, and what was seen since. */
  #held: { readonly since: number; readonly sum: Sum } | undefined = undefined
  // Of the current window.
  #startedAt = Number.NEGATIVE_INFINITY
  #samples = 0
  #eases = 0
  #wasHeld = false
  readonly #excesses = new Float64Array(EXCESSES)
  readonly #sums = new Float64Array(BUCKETS)
  readonly #counts = new Uint32Array(BUCKETS)

  constructor(options: AdaptiveOptions) {
    this.#options = options
    this.#limit = options.max
  }

  /** Requests that may be under way at once. */
  get limit(): number {
    return Math.floor(this.#limit)
  }

  /** A request had to wait because of the limit. */
  held(): void {
    this.#wasHeld = true
  }

  /**
   * A request was answered.
   * @param bucket its kind, from 0 to BUCKETS - 1
   * @param inFlight how many were under way, itself included
   */
  answered(nowMs: number, bucket: number, latencyMs: number, inFlight: number): void {
    const known = this.#atEase[bucket] as number
    this.#sums[bucket] = (this.#sums[bucket] as number) + latencyMs
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1
    const ease = Math.max(known === 0 ? latencyMs : known, 0.1)
    this.#excesses[this.#samples & (EXCESSES - 1)] = latencyMs - ease
    this.#samples++
    this.#eases += ease
    if (this.#startedAt === Number.NEGATIVE_INFINITY) this.#startedAt = nowMs - latencyMs
    if (this.#samples >= FEWEST_SAMPLES && nowMs - this.#startedAt >= WINDOW_MS) this.#turn(nowMs, inFlight)
  }

  /** The backend says that it has too much. @param inFlight how many requests it has */
  pushedBack(inFlight: number): void {
    this.#set(Math.min(this.#limit, Math.max(inFlight * PUSHBACK, 1)))
  }

  /** By how many milliseconds requests exceed theirs: a quarter of them by less. */
  #excess(): number {
    const sorted = this.#excesses.slice(0, Math.min(this.#samples, EXCESSES)).sort()
    return Math.max(sorted[sorted.length >> 2] as number, 0)
  }

  #turn(nowMs: number, inFlight: number): void {
    const startedAt = this.#startedAt
    const lastedMs = nowMs - startedAt
    const ratio = 1 + (this.#excess() * this.#samples) / this.#eases
    const isHeld = this.#wasHeld
    const seen = {
      nowMs,
      startedAt,
      samples: this.#samples,
      lastedMs,
      ratio,
      needed: this.#eases / lastedMs,
      perMs: this.#samples / lastedMs,
      isHeld,
      inFlight,
    }
    this.#learn(ratio < AT_EASE && !isHeld)
    this.#startedAt = nowMs
    this.#samples = this.#eases = 0
    this.#wasHeld = false
    if (!isHeld) this.#held = undefined
    else this.#held ??= { since: nowMs, sum: new Sum() }
    if (this.#trial === undefined || this.#conclude(this.#trial, seen)) this.#judge(seen)
  }

  /** Takes up what the window showed of latencies at ease. Lower ones are always believed. */
  #learn(isAtEase: boolean): void {
    for (let i = 0; i < BUCKETS; i++) {
      const count = this.#counts[i] as number
      if (count === 0) continue
      const mean = (this.#sums[i] as number) / count
      const known = this.#atEase[i] as number
      if (known === 0) this.#atEase[i] = mean
      else if (isAtEase || mean < known) {
        this.#atEase[i] = known + (mean - known) * Math.min(count * LEARNING, MOST_LEARNING)
      }
      this.#sums[i] = 0
      this.#counts[i] = 0
    }
  }

  #judge(seen: Seen): void {
    const { ratio, isHeld, nowMs, inFlight, needed } = seen
    this.#held?.sum.add(seen)
    const isPilingUp = ratio > AT_EASE && inFlight > Math.max(needed * PILE, LEAST_PILE)
    if (ratio > CONGESTED || isPilingUp) this.#cut(seen)
    else if (ratio < AT_EASE) this.#set(this.#limit * (isHeld ? 1.25 : 1.05) + 1)
    else if (this.#held !== undefined && nowMs >= this.#held.since + DESCENT_EVERY_MS) this.#descend(this.#held.sum)
  }

  #cut({ ratio, needed, perMs, inFlight }: Seen): void {
    const before = Math.min(this.#limit, inFlight)
    const wanted = Math.max(needed * HEADROOM + SPARE, before * LEAST_LEFT)
    if (wanted >= this.#limit) return
    this.#set(wanted)
    // A small step shows nothing.
    if (this.#limit <= before * SHOWING)
      this.#trial = { kind: 'cut', before, ratio, perMs, from: Number.POSITIVE_INFINITY, sum: new Sum() }
  }

  #descend({ ratio, perMs }: Sum): void {
    const before = this.#limit
    this.#set(before * DESCENT)
    this.#trial = { kind: 'descent', before, perMs, ratio, from: Number.POSITIVE_INFINITY, sum: new Sum() }
  }

  /** What a trial has shown. True: it is over, and nothing was changed by it. */
  #conclude(trial: Trial, seen: Seen): boolean {
    const { nowMs, startedAt, perMs, inFlight } = seen
    // What is under way has to come down to the limit first, and whatever was sent before that to be answered.
    if (trial.from === Number.POSITIVE_INFINITY) {
      if (inFlight <= this.#limit + 1) trial.from = nowMs + this.#limit / Math.max(perMs, 0.001)
      return false
    }
    if (startedAt < trial.from) return false
    const { sum } = trial
    sum.add(seen)
    if (sum.samples < (trial.kind === 'cut' ? CUT_SAMPLES : DESCENT_SAMPLES) && sum.lastedMs < LONGEST_TRIAL_MS)
      return false
    this.#trial = undefined
    if (trial.kind === 'descent') {
      if (sum.perMs < trial.perMs * DESCENT_LOSS) this.#set(trial.before)
      // Throughput has stayed and latencies came down: so much of what was held to be ease was queueing.
      else if (sum.ratio < trial.ratio) this.#scale(Math.max(sum.ratio / trial.ratio, DESCENT))
      return false
    }
    if (sum.ratio <= CONGESTED) return true
    // With so little under way, latencies are what they are. Where the cut did not help at all it is taken back.
    this.#scale(sum.ratio)
    const part = this.#limit / trial.before
    const hasHelped = sum.ratio / trial.ratio <= part + (1 - part) * HELPED
    this.#set((hasHelped ? this.#limit : Math.max(trial.before, this.#limit)) * HEADROOM)
    return false
  }

  #set(limit: number): void {
    this.#limit = this.#bounded(limit)
    this.#held = undefined
  }

  #scale(factor: number): void {
    for (let i = 0; i < BUCKETS; i++) this.#atEase[i] = (this.#atEase[i] as number) * factor
  }

  #bounded(limit: number): number {
    return Math.min(Math.max(limit, this.#options.min), this.#options.max)
  }
}
