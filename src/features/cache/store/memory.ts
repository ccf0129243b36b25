/**
 * Answers in this process's memory: resources by key, each with its variants, evicted by S3-FIFO within a byte budget.
 * Purges by tag and prefix work on indices and scans that never touch the request path.
 */
import type { HeaderList } from '../../../core/headers.ts'
import type { Stored } from '../policy/reuse.ts'
import { selectingKey, suitsLanguage } from '../policy/vary.ts'
import { type Evictable, type Queue, S3Fifo } from './s3fifo.ts'
import { StoredBody } from './stored-body.ts'

/** A stored answer. Immutable but for the eviction queue's fields: an update makes a new one. */
export interface StoredAnswer extends Stored, Evictable {
  readonly key: string
  /** Values of request fields and cookies that the configuration makes part of the key. */
  readonly partition: string
  readonly status: number
  readonly reason: string
  /** End-to-end fields without Age, as received. */
  readonly headers: HeaderList
  /** The body, in pieces; empty for none. */
  readonly body: readonly Uint8Array[]
  readonly bodyBytes: number
  /** The body as features above the cache see it, with what they keep beside it. */
  readonly shared: StoredBody
  readonly trailers: HeaderList | undefined
  /** Names in Vary, and the normal form of the request's values for them. */
  readonly varyNames: readonly string[]
  readonly selecting: string
  /** Purge tags. */
  readonly tags: readonly string[]
  /** How long the origin took, in milliseconds: what each hit saves. */
  readonly fetchMs: number
}

export type NewAnswer = Omit<StoredAnswer, 'id' | 'bytes' | 'uses' | 'queue' | 'before' | 'behind' | 'shared'> & {
  /** Of the answer that this one is an update of; made anew otherwise. */
  readonly shared?: StoredBody
}

/** What one entry weighs beyond its texts and bytes: maps, objects, buffers' headers. Measured: 0.9 kB on V8 13. */
const ENTRY_OVERHEAD_BYTES = 900

/** More variants of one key are a sign of a Vary that doesn't pay; the oldest goes. */
const MAX_VARIANTS = 64

export interface MemoryStoreEvents {
  evicted(answer: StoredAnswer): void
}

export class MemoryStore {
  readonly #resources = new Map<string, StoredAnswer[]>()
  readonly #queue: S3Fifo<StoredAnswer>

  constructor(budgetBytes: number, events: MemoryStoreEvents) {
    this.#queue = new S3Fifo<StoredAnswer>(budgetBytes, (answer) => {
      answer.shared.resized = undefined
      this.#unlist(answer)
      events.evicted(answer)
    })
  }

  get bytes(): number {
    return this.#queue.bytes
  }

  get count(): number {
    return this.#queue.count
  }

  /** The variant that answers this request, most recent first (RFC 9111 §4.1). */
  find(key: string, partition: string, request: HeaderList): StoredAnswer | undefined {
    const variants = this.#resources.get(key)
    if (variants === undefined) return undefined
    for (let i = variants.length - 1; i >= 0; i--) {
      const variant = variants[i] as StoredAnswer
      if (variant.partition !== partition || !matches(variant, request)) continue
      this.#queue.use(variant)
      return variant
    }
    return undefined
  }

  /** What answers under this key vary by, as far as is known. */
  varyNames(key: string): readonly string[] {
    return this.#resources.get(key)?.at(-1)?.varyNames ?? []
  }

  /** Keeps an answer in place of the variant that it matches. */
  put(answer: NewAnswer): StoredAnswer {
    const entry = asEntry(answer)
    const variants = this.#resources.get(answer.key)
    if (variants === undefined) {
      this.#resources.set(answer.key, [entry])
    } else {
      const index = variants.findIndex((v) => v.id === entry.id && sameNames(v, entry))
      if (index >= 0) {
        this.#leave(variants[index] as StoredAnswer)
        variants.splice(index, 1)
      }
      variants.push(entry)
      if (variants.length > MAX_VARIANTS) this.#leave(variants.shift() as StoredAnswer)
    }
    const ownBytes = entry.bytes - entry.shared.variantBytes
    entry.shared.resized = () => this.#queue.resize(entry, ownBytes + entry.shared.variantBytes)
    this.#queue.add(entry)
    return entry
  }

  /** Puts `answer` where `previous` was, if that is still there: a 304 must not bring back what was purged meanwhile. */
  replace(previous: StoredAnswer, answer: NewAnswer): StoredAnswer | undefined {
    if (this.#resources.get(previous.key)?.includes(previous) !== true) return undefined
    this.#drop(previous)
    return this.put(answer)
  }

  /** Removes every variant, or with `soft` marks them stale. Returns how many there were. */
  purge(key: string, soft = false): number {
    const variants = this.#resources.get(key)
    if (variants === undefined) return 0
    const found = [...variants]
    for (const variant of found) {
      if (soft) this.replace(variant, { ...variant, isInvalidated: true })
      else this.#drop(variant)
    }
    return found.length
  }

  /** Removes one variant. */
  delete(answer: StoredAnswer): void {
    this.#drop(answer)
  }

  #drop(answer: StoredAnswer): void {
    this.#leave(answer)
    this.#unlist(answer)
  }

  #leave(answer: StoredAnswer): void {
    this.#queue.remove(answer)
    answer.shared.resized = undefined
  }

  #unlist(answer: StoredAnswer): void {
    const variants = this.#resources.get(answer.key)
    const index = variants?.indexOf(answer) ?? -1
    if (variants === undefined || index < 0) return
    if (variants.length === 1) this.#resources.delete(answer.key)
    else variants.splice(index, 1)
  }
}

function matches(variant: StoredAnswer, request: HeaderList): boolean {
  if (variant.varyNames.length === 0) return true
  if (selectingKey(variant.varyNames, request) === variant.selecting) return true
  return (
    variant.varyNames.length === 1 &&
    variant.varyNames[0] === 'accept-language' &&
    suitsLanguage(request, variant.headers)
  )
}

function sameNames(a: StoredAnswer, b: StoredAnswer): boolean {
  return a.varyNames.length === b.varyNames.length && a.varyNames.every((name, i) => name === b.varyNames[i])
}

function asEntry(answer: NewAnswer): StoredAnswer {
  const variant = answer.partition + answer.selecting
  const id = variant === '' ? answer.key : `${answer.key}\n${variant}`
  let bytes = ENTRY_OVERHEAD_BYTES + answer.bodyBytes + 2 * id.length
  for (const text of answer.headers) bytes += text.length + 16
  const shared = answer.shared ?? new StoredBody(answer.body, true)
  bytes += shared.variantBytes
  const unqueued: { queue: Queue | undefined; before: Evictable | undefined; behind: Evictable | undefined } = {
    queue: undefined,
    before: undefined,
    behind: undefined,
  }
  return { ...answer, shared, id, bytes, uses: 0, ...unqueued }
}
