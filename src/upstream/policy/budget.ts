/**
 * How many further tries or hedges may be sent: a share of the requests, and a few a second whatever the traffic. Tries
 * that nothing bounds multiply the load of a backend just when it fails. A token bucket that requests fill, as in
 * Finagle's RetryBudget.
 */

/** What may be saved up for a burst of failures. */
const MOST_TOKENS = 100

export class Budget {
  readonly #floorPerSecond: number
  #tokens: number
  #at = 0

  /** @param floorPerSecond granted in any case; as much is there at the start */
  constructor(floorPerSecond: number) {
    this.#floorPerSecond = floorPerSecond
    this.#tokens = floorPerSecond
  }

  /** A request has come: it pays for that share of a further one. */
  deposit(share: number): void {
    this.#tokens = Math.min(this.#tokens + share, MOST_TOKENS)
  }

  /** One that was taken is not used. */
  giveBack(): void {
    this.deposit(1)
  }

  /** Takes one. False: there is none. */
  withdraw(nowMs: number): boolean {
    if (this.#at !== 0) {
      const grant = (Math.max(nowMs - this.#at, 0) / 1000) * this.#floorPerSecond
      // The floor fills up to one second of itself; only requests save up more.
      if (this.#tokens < this.#floorPerSecond) {
        this.#tokens = Math.min(this.#tokens + grant, this.#floorPerSecond)
      }
    }
    this.#at = nowMs
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
