/**
 * What is found out about a limit by setting it lower, and what windows of answers show for that.
 *
 * cut: latencies should come down with what is under way; where they don't, it is not our load that makes them long.
 * descent: throughput should stay; where it does, less was needed than was thought.
 */

/** Requests take this many times what they take at ease: they queue in the backend. */
export const CONGESTED = 2
/** A cut has helped when latencies came down at least so far for each part of the limit that went. */
const HELPED = 0.8
/** Share of the samples that must be answers, for them to tell what an answer takes. */
const TELLING = 0.5
/** Of what was asked, so much must have been answered before a cut for it to have harmed; and what is left of that then. */
const ANSWERED = 0.25
const HARM = 0.75
/** What a trial takes: samples, or time. */
const CUT_SAMPLES = 40
const DESCENT_SAMPLES = 200
const LONGEST_MS = 1000
/** Share of the throughput that a descent may cost. */
const DESCENT_LOSS = 0.95

/** What a window showed. */
export interface Seen {
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
  readonly askedPerMs: number
  readonly latencyMs: number
  readonly isHeld: boolean
  readonly inFlight: number
  /** Under way and waiting. */
  readonly inside: number
}

/** Windows put together. */
export class Sum {
  samples = 0
  lastedMs = 0
  #latencies = 0
  #eases = 0
  #answers = 0

  add(seen: Seen): void {
    this.samples += seen.samples
    this.#answers += seen.perMs * seen.lastedMs
    this.lastedMs += seen.lastedMs
    this.#latencies += seen.ratio * seen.needed * seen.lastedMs
    this.#eases += seen.needed * seen.lastedMs
  }

  get ratio(): number {
    return this.#latencies / this.#eases
  }

  get perMs(): number {
    return this.#answers / this.lastedMs
  }

  /** Whether enough of the samples are answers, and not clients that left. */
  get isTelling(): boolean {
    return this.#answers >= this.samples * TELLING
  }
}

/**
 * unfinished; eased: latencies are fine under the lower limit; helped, useless: they are still long, but came down with
 * it, or did not; deserted: hardly anybody waited long enough to tell; harmful: and fewer did than before;
 * lost: throughput went down; kept: it did not.
 */
export type Outcome = 'unfinished' | 'eased' | 'helped' | 'useless' | 'deserted' | 'harmful' | 'lost' | 'kept'

export class Trial {
  readonly kind: 'cut' | 'descent'
  /** The limit, or what was under way, before it. */
  readonly before: number
  readonly sum = new Sum()
  /** Latencies over those at ease: the worst that what was under way before came to. */
  ratio: number
  /** Answers per millisecond before it. */
  readonly perMs: number
  /** And so many were asked for; 0: does not matter. */
  readonly askedPerMs: number
  /** Nothing that began before counts; Infinity until what is under way has come down to the limit. */
  #from = Number.POSITIVE_INFINITY

  constructor(kind: 'cut' | 'descent', before: number, ratio: number, perMs: number, askedPerMs: number) {
    this.askedPerMs = askedPerMs
    this.kind = kind
    this.before = before
    this.ratio = ratio
    this.perMs = perMs
  }

  /** Adds a window, and says what all of them show. */
  outcome(seen: Seen, limit: number): Outcome {
    if (this.#from === Number.POSITIVE_INFINITY) {
      if (this.kind === 'cut') this.ratio = Math.max(this.ratio, seen.ratio)
      // Then whatever was sent before that has to be answered.
      const settlingMs = Math.min(limit / Math.max(seen.perMs, 0.001), seen.latencyMs)
      if (seen.inFlight <= limit + 1) this.#from = seen.nowMs + settlingMs
      return 'unfinished'
    }
    if (seen.startedAt < this.#from) return 'unfinished'
    const { sum, kind } = this
    sum.add(seen)
    const most = kind === 'cut' ? CUT_SAMPLES : DESCENT_SAMPLES
    if (sum.samples < most && sum.lastedMs < LONGEST_MS) return 'unfinished'
    if (kind === 'descent') return sum.perMs < this.perMs * DESCENT_LOSS ? 'lost' : 'kept'
    if (sum.ratio <= CONGESTED) return 'eased'
    if (!sum.isTelling) return this.#hasHarmed ? 'harmful' : 'deserted'
    const part = limit / this.before
    return sum.ratio / this.ratio <= part + (1 - part) * HELPED ? 'helped' : 'useless'
  }

  get #hasHarmed(): boolean {
    return this.perMs > this.askedPerMs * ANSWERED && this.sum.perMs < this.perMs * HARM
  }
}
