/** Requests that wait for another instance's fetch: until it has ended, nobody would say so any more, or time is up. */
import type { Clock, Timer } from '../../../core/clock.ts'

export type Ending = 'filled' | 'released' | 'expired' | 'lost'

export interface Wait {
  readonly ending: Promise<Ending>
  cancel(): void
}

export class Waits {
  readonly #clock: Clock
  readonly #waiting = new Map<string, Set<(ending: Ending) => void>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param name of the fetch */
  begin(name: string, forMs: number): Wait {
    const { promise: ending, resolve } = Promise.withResolvers<Ending>()
    const set = this.#waiting.get(name) ?? new Set()
    this.#waiting.set(name, set)
    let timer: Timer | undefined
    const settle = (how: Ending) => {
      timer?.cancel()
      set.delete(settle)
      if (set.size === 0 && this.#waiting.get(name) === set) this.#waiting.delete(name)
      resolve(how)
    }
    set.add(settle)
    timer = this.#clock.after(forMs, () => settle('expired'))
    return { ending, cancel: () => settle('expired') }
  }

  end(name: string, ending: Ending): void {
    for (const settle of [...(this.#waiting.get(name) ?? [])]) settle(ending)
  }

  endAll(ending: Ending): void {
    for (const name of [...this.#waiting.keys()]) this.end(name, ending)
  }
}
