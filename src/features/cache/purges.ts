/**
 * Purges as they reach this instance, whether an operator, an unsafe request or another instance wants them: what is
 * stored goes or becomes stale, and what is being fetched now is not kept.
 */
import type { Clock } from '../../core/clock.ts'
import type { InFlight } from '../../core/in-flight.ts'
import { queryLabel } from './policy/key.ts'
import { type Keying, looksAtKeys, type PurgeRequest, type Selector, selectorOf, selectsKey } from './policy/purge.ts'
import { ageOf } from './policy/reuse.ts'
import type { MemoryStore, StoredAnswer } from './store/memory.ts'

/** Keys looked at between two turns of the event loop: a millisecond, measured. */
const KEYS_PER_TURN = 10_000

/** Tells other instances. */
export interface Announcer {
  /** @returns `sent`, or `queued` until the connection is back */
  announce(selector: Selector, isSoft: boolean): Promise<'sent' | 'queued'>
}

export interface PurgeReport {
  /** Stored answers of this instance that were removed or marked, or would have been. */
  readonly matched: number
  readonly soft: boolean
  readonly dry_run: boolean
  /** Whether other instances have been told: `none` where state is not shared. */
  readonly others: 'none' | 'sent' | 'queued'
}

export interface Purged {
  readonly store: MemoryStore
  /** What is being fetched now. */
  readonly fetching: Pick<InFlight<Doomable>, 'values'>
}

export interface Doomable {
  readonly lookup: { readonly key: string }
  doom(labels?: readonly string[]): void
}

export class Purges {
  /** One per rule by which the routes in use make keys. */
  readonly keyings = new Set<Keying>()
  readonly #state: Purged
  readonly #clock: Clock
  /** Who tells other instances. */
  readonly announcers = new Set<Announcer>()

  constructor(state: Purged, clock: Clock) {
    this.#state = state
    this.#clock = clock
  }

  /** Does what an operator asks for, here and on every other instance; a text says what is wrong with the request. */
  async purge(request: PurgeRequest): Promise<PurgeReport | string> {
    const { isSoft, isDryRun } = request
    const selector = selectorOf(request, this.keyings)
    if (typeof selector === 'string') return selector
    const announced = isDryRun ? [] : this.#announce(selector, isSoft)
    const matched = await this.apply(selector, isSoft, isDryRun)
    const others = await Promise.all(announced)
    return {
      matched,
      soft: isSoft,
      dry_run: isDryRun,
      others: others.includes('queued') ? 'queued' : (others[0] ?? 'none'),
    }
  }

  /** What an unsafe request has made untrue, everywhere. Returns how many stored answers went here. */
  invalidate(selector: Selector): number {
    // A connection that is lost keeps the announcement until it is back.
    void this.#announce(selector, false)
    this.#doom(selector)
    return this.#act(this.#named(selector), false)
  }

  /** What another instance, or an operator, wants. Names and labels take effect at once, others over several turns. */
  async apply(selector: Selector, isSoft: boolean, isDryRun = false): Promise<number> {
    if (!isDryRun) this.#doom(selector)
    const named = this.#named(selector)
    let matched = isDryRun ? named.size : this.#act(named, isSoft)
    if (!looksAtKeys(selector)) return matched
    const { store } = this.#state
    // What is marked stale comes up once more, at the end, as does what is new.
    let left = store.keyCount
    for (const key of store.keys()) {
      if (left-- === 0) break
      if (left % KEYS_PER_TURN === 0 && left > 0) await this.#turn()
      if (!selectsKey(selector, key)) continue
      const found = store.variants(key).filter((answer) => !named.has(answer))
      matched += isDryRun ? found.length : this.#act(found, isSoft)
    }
    return matched
  }

  /** Everything becomes stale: what is told after messages may have been missed. */
  doubt(): Promise<number> {
    return this.apply({ all: true }, true)
  }

  #announce(selector: Selector, isSoft: boolean): Promise<'sent' | 'queued'>[] {
    return [...this.announcers].map((announcer) => announcer.announce(selector, isSoft))
  }

  #named({ keys = [], labels = [] }: Selector): Set<StoredAnswer> {
    const { store } = this.#state
    const found = new Set<StoredAnswer>()
    for (const key of keys) for (const answer of store.variants(key)) found.add(answer)
    for (const label of [...labels, ...keys.map(queryLabel)])
      for (const answer of store.labelled(label)) found.add(answer)
    return found
  }

  #act(answers: Iterable<StoredAnswer>, isSoft: boolean): number {
    const { store } = this.#state
    const nowMs = this.#clock.wall()
    let count = 0
    for (const answer of [...answers]) {
      count++
      if (!isSoft) store.delete(answer)
      else {
        // Stale from now on: the windows in which stale answers may still be given begin here.
        const lifetimeMs = Math.min(answer.lifetimeMs, ageOf(answer, nowMs))
        store.replace(answer, { ...answer, lifetimeMs })
      }
    }
    return count
  }

  /** A fetch that began before the purge may bring what was purged. */
  #doom(selector: Selector): void {
    for (const fetching of this.#state.fetching.values()) {
      if (selectsKey(selector, fetching.lookup.key)) fetching.doom()
      else if (selector.labels !== undefined) fetching.doom(selector.labels)
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#clock.after(0, resolve))
  }
}
