/**
 * What an upstream's own "too much" (429, 503) means for its limit. A single one is a hint: a little less, once in a
 * while. Where most answers say so, and for how long (Retry-After, RFC 9110 §10.2.3), the limit does not rise until then.
 *
 * Most, since a 429 may be meant for one of many clients, who could otherwise hold everybody's limit down.
 */

/** A hint is taken once in so long. */
const EVERY_MS = 100
/** Weight of an answer in the share of those that push back. */
const SMOOTHING = 0.05
const MOST = 0.5
/** Longer is not believed. */
const LONGEST_MS = 10_000

export class Pushback {
  #share = 0
  #at = Number.NEGATIVE_INFINITY
  /** The limit is not to rise before this. */
  heldUntil = Number.NEGATIVE_INFINITY

  /** An answer of another kind. */
  none(): void {
    this.#share -= this.#share * SMOOTHING
  }

  /**
   * An answer that pushes back.
   * @param askedMs how long it asks to be left alone; 0: it does not say
   * @returns whether to ask less of it
   */
  heard(nowMs: number, askedMs: number): boolean {
    this.#share += (1 - this.#share) * SMOOTHING
    if (this.#share > MOST && askedMs > 0) this.heldUntil = nowMs + Math.min(askedMs, LONGEST_MS)
    if (nowMs - this.#at < EVERY_MS) return false
    this.#at = nowMs
    return true
  }
}
