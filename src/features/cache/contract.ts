/** What the parts of the cache know of one another. */
import type { Clock, Random } from '../../core/clock.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { InFlight } from '../../core/in-flight.ts'
import type { RequestHead } from '../../core/message.ts'
import type { Cancel, Reader } from '../../core/origin.ts'
import type { Pressure } from '../../core/pressure.ts'
import type { Arriving, Fill } from './fill.ts'
import type { Passes } from './passes.ts'
import type { LifetimeRules } from './policy/freshness.ts'
import type { Keys } from './policy/key.ts'
import type { StaleRules } from './policy/reuse.ts'
import type { Purges } from './purges.ts'
import type { MemoryStore, StoredAnswer } from './store/memory.ts'
import type { StoredBody } from './store/stored-body.ts'

/** A route's `cache` settings, compiled. */
export interface CachePolicy {
  readonly lifetime: LifetimeRules
  readonly stale: StaleRules
  readonly ignoresOrigin: boolean
  readonly keys: Keys
  /** The key of another resource on the same host. */
  keyOfTarget(authority: string, path: string, query: string): string
  /** Whether a client at this address may purge with the PURGE method; undefined where that method is not the cache's. */
  readonly mayPurge: ((address: string) => boolean) | undefined
  bypasses(request: RequestHead): boolean
  /** Whether the request has a field, not part of the key, that may have a backend write another host, path or client into a page. */
  misleads(request: RequestHead): boolean
  readonly maxObjectBytes: number
  readonly statusField: boolean
  /** Response field that carries purge tags, lower case. */
  readonly tagsField: string
  /** The share of its lifetime by which an answer may become stale early. */
  readonly jitter: number
  /** Whether popular answers are fetched anew before they become stale. */
  readonly refreshesEarly: boolean
  readonly random: Random
}

/** Where answers are that instances share. */
export interface Tier {
  /** Whether it is worth asking. */
  readonly isUsable: boolean
  /** Brings into memory what is there, or leaves it to the caller to fetch. Never rejects. */
  find(lookup: Lookup): Promise<void>
  /** A fetch begins. */
  begin(lookup: Lookup): void
  /** Its answer is kept: others may have it. */
  keep(lookup: Lookup, answer: StoredAnswer, rules: StaleRules): void
  /** Nothing more will come of it. */
  end(lookup: Lookup): void
}

/** What all routes of a gateway share. */
export interface CacheState {
  readonly store: MemoryStore
  readonly passes: Passes
  /** What grew too large to be kept: not even the beginning is, for a while. */
  readonly large: Passes
  /** What could not be validated lately, since the origin failed. */
  readonly failing: Passes
  readonly pressure: Pressure
  readonly arriving: Arriving
  /** What is being fetched now, by key and variant. */
  readonly fetching: InFlight<UnderWay>
  readonly purges: Purges
  /** What instances share; undefined where they share nothing. */
  readonly tier: Tier | undefined
}

export interface CacheEvents {
  /** One answer to a client, by how it came about. */
  result(result: string): void
  /** An answer that was not kept, and why. */
  refused(because: string): void
  /** Origin time that a client did not have to wait for. */
  saved(savedMs: number): void
  /** The same request got another body although the first was still fresh. */
  differed(key: string): void
}

export interface Lookup {
  readonly request: RequestHead
  readonly key: string
  readonly partition: string
  /** Identifies what may be shared before the answer's Vary is known. */
  readonly fillKey: string
  /** The same for all who ask alike, whether or not they share a fetch: what passes are remembered by. */
  readonly passKey: string
}

/** A fetch that is under way. */
export interface UnderWay {
  readonly fill: Fill
  readonly lookup: Lookup
  /** Whether the answer is being kept; known once its head is there. */
  readonly isKept: boolean
  /** Whether the origin failed, be it with an answer: those who shared the fetch try once more. */
  readonly hasFailed: boolean
  /** What comes of the body, for features above; undefined where it is not kept. */
  readonly shared: StoredBody | undefined
  /** Fields that are for the one who asked first, in lower case. */
  readonly withheld: readonly string[]
  /** What its answer varies by; empty as long as that is not known. */
  readonly varyNames: readonly string[]
  /** Whether one more request may wait for it or read from it: it is open, and what is known of its answer is for that request. */
  admits(request: RequestHead): boolean
  /** Parameters of our Cache-Status member for those who read from it. */
  forwardStatus(status: number, isCollapsed: boolean): string
  /**
   * What it fetches became untrue meanwhile: it may answer those who wait, but is not kept.
   * @param labels only if it turns out to have one of them
   */
  doom(labels?: readonly string[]): void
}

/** The cache, as its fetches and readers see it. */
export interface Cache {
  readonly policy: CachePolicy
  readonly store: MemoryStore
  readonly clock: Clock
  readonly arriving: Arriving
  /** For a waiter whose shared fetch turned out not to be for it. */
  refetch(x: Exchange, request: RequestHead, key: string, to: Reader, retries: number): Cancel
  /** Answers one who waited from what is stored. */
  give(x: Exchange, request: RequestHead, to: Reader, answer: StoredAnswer, status: string): Cancel
  /** Says on the exchange and in the metrics how its answer came about. */
  note(x: Exchange, result: string, waitedMs: number): void
  /**
   * An answer is not kept: for a while, nobody waits for one like it.
   * @param isPassing the next one may well be kept: others go on waiting
   */
  refused(lookup: Lookup, because: string, isPassing: boolean): void
  /**
   * What came is for nobody but the one who asked, though it may be kept to be validated: for a while, nobody waits for
   * one like it, here or on other instances.
   */
  unshared(lookup: Lookup): void
  /** The origin failed, and what is stored stood in: for a while, nobody waits for it to fail again. */
  failed(lookup: Lookup): void
  /** An answer that is for others, too, was put into memory: other instances may have it. */
  kept(lookup: Lookup, answer: StoredAnswer): void
  /** The origin gave another body while the stored one was fresh. */
  differed(lookup: Lookup): void
  /** Nothing more will come of a fetch. */
  done(fetching: UnderWay): void
  /** Makes resources and labels untrue, here and on other instances. Returns how many stored answers went here. */
  invalidate(keys: readonly string[], labels: readonly string[]): number
}
