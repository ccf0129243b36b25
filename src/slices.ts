/** Long work in slices: between two of them the event loop turns, and whoever is waiting for an answer gets on. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from './core/clock.ts'

/** Held up by no more than this and one step: nobody feels it. */
const SLICE_MS = 2

export class Slices {
  readonly #clock: Clock
  #since: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#since = clock.now()
  }

  /** To be awaited after each small step: at once while the slice lasts, else in a later turn. */
  async pause(): Promise<void> {
    if (this.#clock.now() - this.#since >= SLICE_MS) await this.turn()
  }

  /** A later turn in any case: before a step that is long by itself. */
  async turn(): Promise<void> {
    await nextTurn()
    this.#since = this.#clock.now()
  }
}
