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

import { Pace } from './pace.ts'
import { CONGESTED, type Seen, Sum, Trial } from './trial.ts'

export interface AdaptiveOptions {
  readonly min: number
  readonly max: number
}

/** Of the requests of a window, how many are looked at for how much they exceed their latency at ease; a power of two. */
const EXCESSES = 64
/** Kinds of requests that are told apart; a power of two. */
export const BUCKETS = 256

/** Or they take longer, and so many times what the work needs is under way: the next will take that many times as long. */
const PILE = 3
const LEAST_PILE = 20
/** So little above ease that more may be tried, and that what is measured is ease. */
const AT_EASE = 1.3
/** So few of those who ask stay for the answer. */
const DESERTED = 0.1
/** The limit over what the work needs, and what is left in any case of what was under way. */
const HEADROOM = 1.5
const SPARE = 1
const LEAST_LEFT = 0.125
/** By how much the limit rises in a window. */
const QUICKLY = 1.25
const SLOWLY = 1.05
const WINDOW_MS = 50
const FEWEST_SAMPLES = 12
/** A cut of less shows nothing. */
const SHOWING = 0.7
/** While requests are held back: how often a lower limit is tried, and by how much. */
const DESCENT_EVERY_MS = 2000
const DESCENT = 0.8
/** What is left of the requests under way when the backend says that it has too many. */
const PUSHBACK = 0.8
/** What one latency adds to what is known of those at ease, and a window at most. */
const LEARNING = 0.02
const MOST_LEARNING = 0.3

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
  #latencies = 0
  #wasHeld = false
  #easeMs: number | undefined = undefined
  #heldOffUntil = Number.NEGATIVE_INFINITY
  /** So far: requests, good answers, and failures; the first two also as the window began. */
  #asked = 0
  #answered = 0
  #failed = 0
  #askedBefore = 0
  #answeredBefore = 0
  readonly #pace = new Pace()
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

  /** What an answer took at ease, of those asked for last; undefined: not known yet. */
  get easeMs(): number | undefined {
    return this.#easeMs
  }

  /** A request has come, whether it may go at once or not. */
  asked(): void {
    this.#asked++
  }

  /** A request had to wait because of the limit. */
  held(): void {
    this.#wasHeld = true
  }

  /**
   * A request was answered.
   * @param bucket its kind, from 0 to BUCKETS - 1
   * @param inFlight how many were under way, itself included
   * @param waiting how many wait for room
   */
  answered(nowMs: number, bucket: number, latencyMs: number, inFlight: number, waiting: number): void {
    this.#answered++
    this.#sums[bucket] = (this.#sums[bucket] as number) + latencyMs
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1
    const known = this.#atEase[bucket] as number
    this.#sample(nowMs, Math.max(known === 0 ? latencyMs : known, 0.1), latencyMs, inFlight, waiting)
  }

  /** A request failed, or its answer says nothing about how long work takes. */
  failed(): void {
    this.#failed++
  }

  /**
   * Whoever asked has left before there was an answer. Of its latency is known that it is longer than this: the only
   * thing to be seen of a backend so overloaded that nobody waits long enough for it.
   */
  abandoned(nowMs: number, bucket: number, elapsedMs: number, inFlight: number, waiting: number): void {
    const known = this.#atEase[bucket] as number
    if (known > 0 && elapsedMs > known) this.#sample(nowMs, Math.max(known, 0.1), elapsedMs, inFlight, waiting)
  }

  /** The backend says that it has too much. @param inFlight how many requests it has */
  pushedBack(inFlight: number): void {
    this.#set(Math.min(this.#limit, Math.max(inFlight * PUSHBACK, 1)))
  }

  /** The limit does not rise before `untilMs`: the backend asked for that. */
  holdOff(untilMs: number): void {
    this.#heldOffUntil = untilMs
  }

  /** By how many milliseconds requests exceed theirs: a quarter of them by less. */
  #excess(): number {
    const sorted = this.#excesses.slice(0, Math.min(this.#samples, EXCESSES)).sort()
    return Math.max(sorted[sorted.length >> 2] as number, 0)
  }

  #sample(nowMs: number, ease: number, latencyMs: number, inFlight: number, waiting: number): void {
    this.#excesses[this.#samples & (EXCESSES - 1)] = latencyMs - ease
    this.#samples++
    this.#eases += ease
    this.#latencies += latencyMs
    if (this.#startedAt === Number.NEGATIVE_INFINITY) this.#startedAt = nowMs - latencyMs
    if (this.#samples >= FEWEST_SAMPLES && nowMs - this.#startedAt >= WINDOW_MS) this.#turn(nowMs, inFlight, waiting)
  }

  #turn(nowMs: number, inFlight: number, waiting: number): void {
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
      perMs: (this.#answered - this.#answeredBefore) / lastedMs,
      askedPerMs: (this.#asked - this.#askedBefore) / lastedMs,
      latencyMs: this.#latencies / this.#samples,
      isHeld,
      inFlight,
      inside: inFlight + waiting,
    }
    this.#easeMs = this.#eases / this.#samples
    this.#askedBefore = this.#asked
    this.#answeredBefore = this.#answered
    this.#learn(ratio < AT_EASE && !isHeld)
    this.#startedAt = nowMs
    this.#samples = this.#eases = this.#latencies = 0
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
    const { ratio, isHeld, nowMs, inFlight, needed, askedPerMs } = seen
    this.#held?.sum.add(seen)
    const isPilingUp = ratio > AT_EASE && inFlight > Math.max(needed * PILE, LEAST_PILE)
    const isDeserted = seen.perMs * seen.lastedMs < seen.samples * DESERTED
    if (ratio > CONGESTED || isPilingUp || isDeserted) {
      if (!this.#isSlow(seen)) this.#cut(seen, isDeserted)
      return
    }
    this.#pace.eased()
    if (ratio < AT_EASE && !isHeld) this.#pace.managed(nowMs, askedPerMs)
    if (ratio < AT_EASE) this.#rise(seen)
    else if (this.#held !== undefined && nowMs >= this.#held.since + DESCENT_EVERY_MS) this.#descend(this.#held.sum)
  }

  /** Quickly while requests are held back, as long as throughput follows; else slowly: an effect shows a latency later. */
  #rise({ nowMs, isHeld, needed }: Seen): void {
    if (nowMs < this.#heldOffUntil) return
    const isFollowed = this.#limit < needed * HEADROOM + SPARE
    this.#set(this.#limit * (isHeld && isFollowed ? QUICKLY : SLOWLY) + 1)
  }

  /** Whether it takes long, but not for our load: then that is what it takes at ease. */
  #isSlow({ nowMs, inside, askedPerMs, lastedMs, latencyMs, ratio }: Seen): boolean {
    // Of the rest somebody left, or was refused.
    const left = this.#asked - this.#answered - this.#failed - inside
    const flow = { nowMs, asked: this.#asked, left, inside }
    const verdict = this.#pace.judge(flow, askedPerMs, lastedMs, latencyMs)
    if (verdict === 'slow' && ratio > 1) this.#scale(ratio)
    return verdict !== 'behind'
  }

  #cut({ ratio, needed, perMs, askedPerMs, inFlight, isHeld }: Seen, isDeserted: boolean): void {
    const before = Math.min(this.#limit, inFlight)
    const sensible = Math.max(needed * HEADROOM + SPARE, before * LEAST_LEFT)
    const wanted = this.#bounded(isDeserted ? Math.min(sensible, before / 2) : sensible)
    if (wanted >= this.#limit) {
      // Hardly anything is under way, and still it takes long: see whether that is what it takes.
      if (isHeld) this.#trial = new Trial('cut', this.#limit, ratio, perMs, askedPerMs)
      return
    }
    this.#set(wanted)
    // A small step shows nothing.
    if (this.#limit <= before * SHOWING) this.#trial = new Trial('cut', before, ratio, perMs, askedPerMs)
  }

  #descend({ ratio, perMs }: Sum): void {
    const before = this.#limit
    this.#set(before * DESCENT)
    this.#trial = new Trial('descent', before, ratio, perMs, 0)
  }

  /** Acts on what a trial has shown. True: it is over, and nothing was changed by it. */
  #conclude(trial: Trial, seen: Seen): boolean {
    const outcome = trial.outcome(seen, this.#limit)
    if (outcome === 'unfinished') return false
    this.#trial = undefined
    const { ratio, perMs } = trial.sum
    switch (outcome) {
      case 'eased':
        return true
      case 'deserted':
        if (this.#limit > this.#options.min) this.#trial = new Trial('cut', this.#limit, ratio, perMs, seen.askedPerMs)
        this.#set(this.#limit / 2)
        break
      case 'harmful':
      case 'lost':
        this.#set(trial.before)
        break
      case 'kept':
        // Latencies came down, and that cost nothing: so much of what was held to be ease was queueing.
        if (ratio < trial.ratio) this.#scale(Math.max(ratio / trial.ratio, DESCENT))
        break
      case 'helped':
        if (this.#isHalvable(seen)) {
          this.#trial = new Trial('cut', this.#limit, ratio, perMs, seen.askedPerMs)
          this.#set(Math.max(this.#limit / 2, seen.needed * HEADROOM + SPARE))
          break
        }
        // With so little under way, latencies are what they are.
        this.#scale(ratio)
        this.#set(this.#limit * HEADROOM)
        break
      case 'useless':
        this.#scale(ratio)
        this.#set(Math.max(trial.before, this.#limit) * HEADROOM)
    }
    return false
  }

  /** Whether there is enough left for another cut to show something. */
  #isHalvable({ needed }: Seen): boolean {
    return Math.max(needed * HEADROOM + SPARE, this.#options.min) < this.#limit * SHOWING
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
