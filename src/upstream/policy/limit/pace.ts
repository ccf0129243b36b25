/**
 * Whether a backend whose answers take longer than at ease keeps pace all the same. One that waits for something slow
 * (a database in a bad minute) does what it always did, only later: as many answers come as requests, and what is under
 * way stays what it is. One that is overloaded falls behind: what is under way grows and grows, or leaves unanswered.
 *
 * A rate that it has never managed is not given the time to find out.
 */

/** More than so many times the rate that it has managed is new to it. */
const NEW = 1.25
/** Chance alone makes counts swing by about their root; rarely by more than so many. */
const SWING = 3
/** What it has managed is forgotten by half in so long. */
const HALF_LIFE_MS = 60_000
/** Weight of a window in the rate that is managed. */
const SMOOTHING = 0.2
/** Share of the requests that may leave without an answer. */
const LEAVING = 0.2
/** Of how many at least, for the share to mean something. */
const FEWEST_ASKED = 20
/** After so long, and after so many of the new latencies, they are believed. */
const BELIEVED_MS = 400
const BELIEVED_LATENCIES = 2

/** Running counts, and what is there now. */
export interface Flow {
  readonly nowMs: number
  /** Requests so far, and those that left or were refused before their answer. */
  readonly asked: number
  readonly left: number
  /** Under way and waiting. */
  readonly inside: number
}

/** behind: more is asked of it than it does; unknown: too early to tell; slow: it just takes longer. */
export type Verdict = 'behind' | 'unknown' | 'slow'

export class Pace {
  #mark: Flow | undefined = undefined
  /** Requests per millisecond, lately and at most; 0: never at ease so far. */
  #lately = 0
  #managed = 0
  #managedAt = 0

  /** Latencies are as ever, and nobody was held back, at that many requests per millisecond. */
  managed(nowMs: number, perMs: number): void {
    this.#lately = this.#lately === 0 ? perMs : this.#lately + (perMs - this.#lately) * SMOOTHING
    if (this.#lately < this.#most(nowMs)) return
    this.#managed = this.#lately
    this.#managedAt = nowMs
  }

  /** Latencies are not long any more. */
  eased(): void {
    this.#mark = undefined
  }

  /**
   * Latencies are long.
   * @param askedPerMs requests per millisecond, over the last `lastedMs`
   */
  judge(flow: Flow, askedPerMs: number, lastedMs: number, latencyMs: number): Verdict {
    const mark = this.#mark
    if (mark === undefined) {
      if (this.#isNew(flow.nowMs, askedPerMs, lastedMs)) return 'behind'
      this.#mark = flow
      return 'unknown'
    }
    const asked = flow.asked - mark.asked
    const isDeserted = asked >= FEWEST_ASKED && flow.left - mark.left > asked * LEAVING
    if (isDeserted || flow.inside > mark.inside * 1.1 + SWING * Math.sqrt(mark.inside)) {
      this.#mark = undefined
      return 'behind'
    }
    if (flow.nowMs - mark.nowMs < Math.max(BELIEVED_MS, latencyMs * BELIEVED_LATENCIES)) return 'unknown'
    this.#mark = undefined
    return 'slow'
  }

  /** Whether more was asked in that time than it has ever managed. */
  #isNew(nowMs: number, askedPerMs: number, lastedMs: number): boolean {
    const usual = this.#most(nowMs) * lastedMs
    return usual > 0 && askedPerMs * lastedMs > usual * NEW + SWING * Math.sqrt(usual)
  }

  #most(nowMs: number): number {
    return this.#managed * 2 ** ((this.#managedAt - nowMs) / HALF_LIFE_MS)
  }
}
