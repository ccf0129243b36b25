/**
 * A stored answer as it lies in memory, and what it weighs. Few objects, since the collector visits each of them again
 * and again: texts that most answers have in common (names, types, directives) are the same text in all of them.
 */
import type { HeaderList } from '../../../core/headers.ts'
import type { Directives } from '../policy/directives.ts'
import type { Stored } from '../policy/reuse.ts'
import type { Evictable, Queue } from './s3fifo.ts'
import type { StoredBody } from './stored-body.ts'

/** A stored answer. Immutable but for the eviction queue's fields: an update makes a new one. */
export interface StoredAnswer extends Stored, Evictable {
  readonly key: string
  /** Values of request fields and cookies that the configuration makes part of the key. */
  readonly partition: string
  readonly status: number
  readonly reason: string
  /** End-to-end fields without Age, as received. */
  readonly headers: HeaderList
  readonly bodyBytes: number
  /** The body, with what features above the cache keep beside it. */
  readonly shared: StoredBody
  readonly trailers: HeaderList | undefined
  /** Names in Vary, and the normal form of the request's values for them. */
  readonly varyNames: readonly string[]
  readonly selecting: string
  /** What it can be purged by: tags and cache groups (policy/groups.ts). */
  readonly tags: readonly string[]
  /** How long the origin took, in milliseconds: what each hit saves. */
  readonly fetchMs: number
}

export type NewAnswer = Omit<StoredAnswer, 'id' | 'bytes' | 'uses' | 'queue' | 'before' | 'behind'>

/**
 * What one entry weighs beyond its texts and bytes: its objects (0.8 kB, by a heap snapshot), its places in maps and
 * queues, the name that is left of it when it has gone, and as much again of its kind that waits for the collector.
 */
const ENTRY_OVERHEAD_BYTES = 1800
/** A text's own header and rounding, and a place that refers to it. */
const TEXT_OVERHEAD_BYTES = 28
const REFERENCE_BYTES = 8
/** A label's place in the index, when the label is new to it. */
const LABEL_OVERHEAD_BYTES = 150

const noTexts: readonly string[] = []

export class Entry implements StoredAnswer {
  readonly key: string
  readonly partition: string
  readonly status: number
  readonly reason: string
  readonly headers: HeaderList
  readonly bodyBytes: number
  readonly shared: StoredBody
  readonly trailers: HeaderList | undefined
  readonly varyNames: readonly string[]
  readonly selecting: string
  readonly tags: readonly string[]
  readonly fetchMs: number
  readonly directives: Directives
  readonly lifetimeMs: number
  readonly initialAgeMs: number
  readonly receivedAtMs: number
  readonly isInvalidated: boolean
  bytes: number
  uses = 0
  queue: Queue | undefined = undefined
  before: Evictable | undefined = undefined
  behind: Evictable | undefined = undefined

  constructor(answer: NewAnswer, texts: Texts) {
    this.key = answer.key
    this.partition = texts.same(answer.partition)
    this.status = answer.status
    this.reason = texts.same(answer.reason)
    this.headers = answer.headers.map((text) => texts.same(text))
    this.bodyBytes = answer.bodyBytes
    this.shared = answer.shared
    this.trailers = answer.trailers
    this.varyNames = answer.varyNames.length === 0 ? noTexts : answer.varyNames
    this.selecting = answer.selecting
    this.tags = answer.tags.length === 0 ? noTexts : answer.tags
    this.fetchMs = answer.fetchMs
    this.directives = texts.sameDirectives(answer.directives)
    this.lifetimeMs = answer.lifetimeMs
    this.initialAgeMs = answer.initialAgeMs
    this.receivedAtMs = answer.receivedAtMs
    this.isInvalidated = answer.isInvalidated
    this.bytes = weightOf(this, texts)
  }

  get id(): string {
    const variant = this.partition + this.selecting
    return variant === '' ? this.key : `${this.key}\n${variant}`
  }
}

function weightOf(entry: Entry, texts: Texts): number {
  const { headers, trailers = noTexts, varyNames, tags, key, selecting, shared } = entry
  let bytes = ENTRY_OVERHEAD_BYTES + shared.weightFor(entry.bodyBytes) + shared.variantBytes
  for (const text of [key, selecting, ...trailers, ...varyNames]) bytes += weightOfText(text)
  for (const text of headers) bytes += texts.has(text) ? REFERENCE_BYTES : weightOfText(text)
  for (const label of tags) bytes += 2 * label.length + LABEL_OVERHEAD_BYTES
  return bytes
}

function weightOfText(text: string): number {
  return text.length + TEXT_OVERHEAD_BYTES
}

/** Beyond this length a text is hardly another answer's as well. */
const MAX_SHARED_LENGTH = 64
const MAX_SHARED = 2000

/** Texts and directives that answers have in common, each of them once. */
export class Texts {
  readonly #texts = new Map<string, string>()
  readonly #directives = new Map<string, Directives>()

  has(text: string): boolean {
    return this.#texts.has(text)
  }

  same(text: string): string {
    if (text.length > MAX_SHARED_LENGTH) return text
    const known = this.#texts.get(text)
    if (known !== undefined) return known
    // What is common is soon there again; what is not never pays.
    if (this.#texts.size >= MAX_SHARED) this.#texts.clear()
    this.#texts.set(text, text)
    return text
  }

  sameDirectives(directives: Directives): Directives {
    const name = JSON.stringify(directives)
    const known = this.#directives.get(name)
    if (known !== undefined) return known
    if (this.#directives.size >= MAX_SHARED) this.#directives.clear()
    this.#directives.set(name, directives)
    return directives
  }
}
