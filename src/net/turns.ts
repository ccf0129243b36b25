/**
 * How many exchanges begin in one turn of the event loop.
 *
 * A turn reads from up to 1024 connections before anything else happens in it. A fetch that the first of them begins is
 * written only after that: undici lets a turn pass before it uses a kept connection, to learn whether it was closed. With
 * a thousand clients at once, what that one fetch answers, and answers under way, waited for hundreds of exchanges to
 * begin (up to 10 ms). And a client that asks again as soon as it has its answer was served again before others had been
 * served once: with 256 such clients on one core, p99 was 1 s where p50 was 10 ms. So some begin, the rest are read and
 * wait, and begin a few in each turn, in their order: p99 is 50 to 130 ms there, for the same work per request.
 */

/** Fewer (16, 8, 4) were no better for whoever waits, and each turn costs calls to the kernel of its own. */
const EACH_TURN = 32

export interface TurnsOptions {
  /** A number that differs from turn to turn. */
  readonly turn?: () => number
  /** Calls back in the next turn. */
  readonly later?: (task: () => void) => void
}

export class Turns<T> {
  readonly #begin: (item: T) => void
  readonly #turn: () => number
  readonly #later: (task: () => void) => void
  #waiting: T[] = []
  #begun = 0
  #current = -1

  /** @param begin called once for each item, in their order */
  constructor(begin: (item: T) => void, { turn = loopCount, later = nextTurn }: TurnsOptions = {}) {
    this.#begin = begin
    this.#turn = turn
    this.#later = later
  }

  /** Begins `item` now, or in one of the next turns. */
  add(item: T): void {
    if (this.#waiting.length === 0) {
      if (this.#mayBegin()) {
        this.#begin(item)
        return
      }
      this.#later(this.#next)
    }
    this.#waiting.push(item)
  }

  /** The loop is only asked which turn it is when as many have begun as may in one. */
  #mayBegin(): boolean {
    if (this.#begun < EACH_TURN) {
      this.#begun++
      return true
    }
    const turn = this.#turn()
    if (turn === this.#current) return false
    this.#current = turn
    this.#begun = 1
    return true
  }

  readonly #next = (): void => {
    const items = this.#waiting.splice(0, EACH_TURN)
    if (this.#waiting.length > 0) this.#later(this.#next)
    this.#current = this.#turn()
    this.#begun = EACH_TURN
    for (const item of items) this.#begin(item)
  }
}

const loopCount = (): number => performance.nodeTiming.uvMetricsInfo.loopCount

const nextTurn = (task: () => void): void => {
  setImmediate(task)
}
