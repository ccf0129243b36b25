/**
 * The tier behind memory that instances share. A resource is one hash in Redis, a field per variant, so that it goes as a
 * whole. Before an instance fetches what is nowhere, it takes a lock; others wait for its word, but never longer than
 * `wait`, after which the lock has expired as well: an instance that dies costs the others that much, once.
 *
 *   look up ── there ─▶ into memory
 *      └─ not there ─▶ lock ── ours ─────────────▶ fetch, then store and tell
 *                       └─ another's ─▶ wait ── told ─▶ look up again
 *                                        └─ wait is over ─▶ fetch
 */
import type { Clock } from '../../../core/clock.ts'
import { InFlight } from '../../../core/in-flight.ts'
import type { Counter, Metrics } from '../../../core/metrics.ts'
import type { SharedState } from '../../../core/shared-state.ts'
import type { Lookup, Tier } from '../contract.ts'
import { type Selector, selectsKey } from '../policy/purge.ts'
import type { Position } from '../policy/purge-log.ts'
import { ageOf, type StaleRules } from '../policy/reuse.ts'
import { selectingKey } from '../policy/vary.ts'
import type { MemoryStore, NewAnswer, StoredAnswer } from '../store/memory.ts'
import type { Bus } from './bus.ts'
import { sharedLookups, sharedStores, sharedWaits } from './metrics.ts'
import { objectKey, type Place, placeOf, variantField, versionKey } from './place.ts'
import { decode, encodeAnswer, encodeVary, type SharedRecord } from './record.ts'
import { beginFetch, endFetch, purgeResource } from './scripts.ts'
import { Waits } from './waits.ts'

export interface TierSettings {
  readonly maxBytes: number
  readonly waitMs: number
}

export interface TierDeps {
  readonly shared: SharedState
  readonly clock: Clock
  readonly metrics: Metrics
  readonly store: MemoryStore
  readonly settings: TierSettings
  /** Unlike any other instance's. */
  readonly instance: string
}

/** A fetch that began long ago may not store what was purged since: the version is kept for this long. */
const VERSION_MS = 600_000
/** How long an answer that can only be validated is worth its place. */
const VALIDATION_MS = 3_600_000
const LONGEST_MS = 7 * 86_400_000
/** Variants and markers of one resource. */
const MAX_FIELDS = 64

/** What is known of a fetch when it begins, for when its answer is to be stored. */
interface Ticket {
  readonly place: Place
  readonly position: Position
  /** Undefined while Redis has not said. */
  version: string | undefined
  hasLock: boolean
  isUsed: boolean
}

export class SharedTier implements Tier {
  readonly #deps: TierDeps
  readonly #bus: Bus
  readonly #looking = new InFlight<Promise<void>>()
  readonly #tickets = new InFlight<Ticket>()
  readonly #waits: Waits
  readonly #counters = new Map<string, Counter>()

  constructor(deps: TierDeps, bus: (listener: Pick<SharedTier, 'ended' | 'deaf'>) => Bus) {
    this.#deps = deps
    this.#waits = new Waits(deps.clock)
    this.#bus = bus(this)
  }

  /** Whether it is worth asking. */
  get isUsable(): boolean {
    return this.#bus.isHearing
  }

  /** Brings into memory what is there, or leaves it to the caller to fetch. Never rejects. Shared by all who ask alike. */
  find(lookup: Lookup): Promise<void> {
    const { fillKey } = lookup
    let looking = this.#looking.get(fillKey)
    if (looking === undefined) {
      looking = this.#find(lookup)
        .catch(() => this.#count(sharedLookups, 'failed'))
        .finally(() => {
          this.#looking.delete(fillKey)
          // Everybody who waited has gone on by then; whoever fetches has taken the ticket.
          this.#deps.clock.after(0, () => this.#giveBack(fillKey))
        })
      this.#looking.set(fillKey, looking)
    }
    return looking
  }

  /** A fetch begins. */
  begin(lookup: Lookup): void {
    const { fillKey } = lookup
    const known = this.#tickets.get(fillKey)
    if (known !== undefined) {
      known.isUsed = true
      return
    }
    if (!this.isUsable) return
    const ticket: Ticket = { ...this.#ticket(placeOf(this.#deps.shared.prefix, lookup)), isUsed: true }
    this.#tickets.set(fillKey, ticket)
    // A refresh or a validation is not locked: it only needs to know the version.
    this.#ask(ticket, ticket.place.field, false).catch(() => {})
  }

  /** Its answer is kept: others may have it. */
  keep(lookup: Lookup, answer: StoredAnswer, rules: StaleRules): void {
    const ticket = this.#tickets.get(lookup.fillKey)
    if (ticket === undefined) return
    this.#tickets.delete(lookup.fillKey)
    const { maxBytes, clock } = { ...this.#deps.settings, clock: this.#deps.clock }
    const isWanted = ticket.version !== undefined && answer.bodyBytes <= maxBytes
    const body = isWanted ? answer.shared.peek() : undefined
    if (body === undefined) {
      this.#count(sharedStores, ticket.version === undefined ? 'failed' : 'too_large')
      this.#release(ticket)
      return
    }
    const isVarying = answer.varyNames.length > 0
    const field = isVarying ? variantField(lookup, answer.selecting) : ticket.place.field
    const forMs = Math.ceil(keptFor(answer, rules, clock.wall()))
    const marker = isVarying ? [ticket.place.field, encodeVary(answer.varyNames)] : ['', '']
    this.#end(
      ticket,
      [field, encodeAnswer(answer, body, ticket.position), forMs],
      marker as [string, Buffer | string],
    ).then(
      (kept) => this.#count(sharedStores, kept === 1 ? 'stored' : 'purged'),
      () => this.#count(sharedStores, 'failed'),
    )
  }

  /** Nothing more will come of it. */
  end(lookup: Lookup): void {
    const ticket = this.#tickets.get(lookup.fillKey)
    if (ticket === undefined) return
    this.#tickets.delete(lookup.fillKey)
    this.#release(ticket)
  }

  /** Keys that were purged here go there, too; what is purged otherwise is told from the log. */
  purge(keys: readonly string[]): void {
    const { prefix } = this.#deps.shared
    for (const key of keys) {
      const object = objectKey(prefix, key)
      // An object that stays is outdated by the log.
      this.#deps.shared.run(purgeResource, [object, versionKey(object)], [VERSION_MS]).catch(() => {})
    }
  }

  ended(name: string, isFilled: boolean): void {
    this.#waits.end(name, isFilled ? 'filled' : 'released')
  }

  deaf(): void {
    this.#waits.endAll('lost')
  }

  async #find(lookup: Lookup): Promise<void> {
    const place = placeOf(this.#deps.shared.prefix, lookup)
    const ticket = this.#ticket(place)
    for (let round = 0; round < 3; round++) {
      const { isFound, missing } = await this.#read(lookup, place)
      if (isFound) return
      const waiting = this.#waits.begin(place.name, this.#deps.settings.waitMs)
      const state = await this.#ask(ticket, missing, true).catch(() => 'unknown')
      if (state !== 'locked') waiting.cancel()
      if (state === 'unknown') return
      if (state === 'yours') {
        this.#tickets.set(lookup.fillKey, ticket)
        return
      }
      if (state === 'there') continue
      const ending = await waiting.ending
      this.#count(sharedWaits, ending)
      if (ending === 'filled') continue
      // Whatever is fetched now is stored as well, without the lock.
      this.#tickets.set(lookup.fillKey, ticket)
      return
    }
  }

  /** Whether memory has it now. `missing`: the field that is not there; '' where what is there is of no use. */
  async #read(lookup: Lookup, { object, field }: Place): Promise<{ isFound: boolean; missing: string }> {
    let at = field
    let record = await this.#record(object, at)
    if (record !== undefined && record !== 'unreadable' && record.kind === 'vary') {
      at = variantField(lookup, selectingKey(record.names, lookup.request.headers))
      record = await this.#record(object, at)
    }
    if (record === undefined) this.#count(sharedLookups, 'miss')
    if (record === undefined) return { isFound: false, missing: at }
    return { isFound: record !== 'unreadable' && this.#accept(lookup, record), missing: '' }
  }

  async #record(object: string, field: string): Promise<SharedRecord | 'unreadable' | undefined> {
    const bytes = await this.#deps.shared.call('HGET', object, field)
    if (!Buffer.isBuffer(bytes)) return undefined
    const record = decode(bytes)
    if (record !== undefined) return record
    this.#count(sharedLookups, 'unreadable')
    return 'unreadable'
  }

  #accept(lookup: Lookup, record: SharedRecord): boolean {
    if (record.kind !== 'object') return false
    const { answer, position } = record
    const { store, clock } = this.#deps
    const isOurs =
      answer.key === lookup.key &&
      answer.partition === lookup.partition &&
      selectingKey(answer.varyNames, lookup.request.headers) === answer.selecting
    const means = (selector: Selector) =>
      selectsKey(selector, answer.key) || selector.labels?.some((label) => answer.tags.includes(label)) === true
    const standing = this.#bus.standing({ position, key: answer.key, labels: answer.tags }, means)
    if (!isOurs || standing === 'outdated') {
      this.#count(sharedLookups, isOurs ? 'outdated' : 'unreadable')
      return false
    }
    const known = store.find(lookup.key, lookup.partition, lookup.request.headers)
    // Memory's own is as new: fetching is what is left.
    if (known !== undefined && known.receivedAtMs >= answer.receivedAtMs) return false
    const nowMs = clock.wall()
    const lifetimeMs = standing === 'stale' ? Math.min(answer.lifetimeMs, ageOf(answer, nowMs)) : answer.lifetimeMs
    store.put({ ...answer, lifetimeMs })
    this.#count(sharedLookups, 'hit')
    return true
  }

  #ticket(place: Place): Ticket {
    return { place, position: this.#bus.position, version: undefined, hasLock: false, isUsed: false }
  }

  async #ask(ticket: Ticket, field: string, isLocking: boolean): Promise<string> {
    const { shared, settings, instance } = this.#deps
    const { object, version, lock } = ticket.place
    const lockMs = isLocking ? settings.waitMs : 0
    const answer = await shared.run(beginFetch, [object, version, lock], [field, instance, lockMs])
    const [state, known] = (answer as [Buffer, Buffer]).map(String) as [string, string]
    ticket.version ??= known
    ticket.hasLock = isLocking && state === 'yours'
    return state
  }

  /** A lock that nobody came to use: all who asked have left. */
  #giveBack(fillKey: string): void {
    const ticket = this.#tickets.get(fillKey)
    if (ticket === undefined || ticket.isUsed) return
    this.#tickets.delete(fillKey)
    this.#release(ticket)
  }

  #release(ticket: Ticket): void {
    if (ticket.hasLock) this.#end(ticket, ['', '', 0], ['', '']).catch(() => {})
  }

  #end(
    { place, version = '' }: Ticket,
    [field, record, forMs]: [string, Buffer | string, number],
    [markerField, marker]: [string, Buffer | string],
  ): Promise<unknown> {
    const { shared, instance } = this.#deps
    const keys = [place.object, place.version, place.lock]
    const to = [instance, this.#bus.channel, place.name]
    return shared.run(endFetch, keys, [field, record, forMs, version, ...to, markerField, marker, MAX_FIELDS])
  }

  #count(spec: typeof sharedLookups, result: string): void {
    const name = `${spec.name} ${result}`
    let counter = this.#counters.get(name)
    if (counter === undefined) {
      counter = this.#deps.metrics.counter(spec, { result })
      this.#counters.set(name, counter)
    }
    counter.value++
  }
}

/** While fresh, as long as it may be given stale, and for a while to be validated. */
function keptFor(answer: StoredAnswer | NewAnswer, rules: StaleRules, nowMs: number): number {
  const { staleWhileRevalidate, staleIfError } = answer.directives
  const staleMs = Math.max(
    staleWhileRevalidate === undefined ? rules.whileRevalidateMs : staleWhileRevalidate * 1000,
    staleIfError === undefined ? rules.ifErrorMs : staleIfError * 1000,
    VALIDATION_MS,
  )
  const leftMs = Math.max(0, answer.lifetimeMs - ageOf(answer, nowMs))
  return Math.min(leftMs + staleMs, LONGEST_MS)
}
