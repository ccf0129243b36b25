/**
 * State that outlives a reload: pools, balancer positions, health, counters. Keyed by identity and counted by use: the
 * next configuration that asks for the same identity gets the same state; when the last user lets go, it is ended.
 */

interface Kept {
  readonly value: unknown
  readonly end: () => void
  users: number
}

export class Keep {
  readonly #kept = new Map<string, Kept>()

  /** A lease on everything that one configuration uses. Take the new lease before the old one is released. */
  lease(): Lease {
    return new Lease(this.#kept)
  }

  /** How many states are alive. */
  get size(): number {
    return this.#kept.size
  }

  /** The states of one kind that are alive. */
  values(kind: string): unknown[] {
    const found: unknown[] = []
    for (const [key, kept] of this.#kept) if (key.startsWith(`${kind}\n`)) found.push(kept.value)
    return found
  }
}

export class Lease {
  readonly #kept: Map<string, Kept>
  readonly #held = new Set<string>()
  readonly #atRelease: (() => void)[] = []

  constructor(kept: Map<string, Kept>) {
    this.#kept = kept
  }

  /**
   * The state of that identity, made by `make` when nobody has it yet.
   * @param kind what it is, so that two kinds never share an identity: `pool`, `round-robin`
   * @param identity everything that, when changed, asks for new state
   * @param end lets the state go, gracefully; called when the last lease on it is released
   */
  use<T>(kind: string, identity: string, make: () => T, end: (value: T) => void = () => {}): T {
    const key = `${kind}\n${identity}`
    let kept = this.#kept.get(key)
    if (kept === undefined) {
      const value = make()
      kept = { value, end: () => end(value), users: 0 }
      this.#kept.set(key, kept)
    }
    if (!this.#held.has(key)) {
      this.#held.add(key)
      kept.users++
    }
    return kept.value as T
  }

  /** Another lease on the same states, for a part that changes while this one is held. */
  branch(): Lease {
    return new Lease(this.#kept)
  }

  /** Calls `end` when this lease is released: for what belongs to one configuration alone. */
  atRelease(end: () => void): void {
    this.#atRelease.push(end)
  }

  /** Lets go of all that this lease used. Idempotent. An end that throws is thrown after all the others have run. */
  release(): void {
    const failures: unknown[] = []
    for (const end of this.#ends()) {
      try {
        end()
      } catch (thrown) {
        failures.push(thrown)
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  /** The same with a pause after each: thousands of states take a while. What is taken anew meanwhile stays. */
  async releaseIn(pause: () => Promise<void>): Promise<void> {
    const failures: unknown[] = []
    for (const end of this.#ends()) {
      try {
        end()
      } catch (thrown) {
        failures.push(thrown)
      }
      await pause()
    }
    if (failures.length > 0) throw failures[0]
  }

  /** What there is to do, each when it is asked for: a state that somebody else takes before its turn is not ended. */
  *#ends(): Generator<() => void> {
    const held = [...this.#held]
    this.#held.clear()
    yield* this.#atRelease.splice(0)
    for (const key of held) {
      const kept = this.#kept.get(key)
      if (kept === undefined) continue
      if (--kept.users > 0) {
        yield nothing
        continue
      }
      this.#kept.delete(key)
      yield kept.end
    }
  }
}

const nothing = () => {}
