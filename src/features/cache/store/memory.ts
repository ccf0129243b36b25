/**
 * Answers in this process's memory: resources by key, each with its variants, evicted by S3-FIFO within a byte budget.
 * Purges by tag and prefix work on indices and scans that never touch the request path.
 */
import { type HeaderList, joinedValue } from '../../../core/headers.ts'
import { selectingKey, suitsLanguage } from '../policy/vary.ts'
import { Entry, type NewAnswer, type StoredAnswer, Texts } from './entry.ts'
import { S3Fifo } from './s3fifo.ts'
import { SearchAliases } from './search-aliases.ts'
import { Shelves } from './shelf.ts'
import type { Holder, StoredBody } from './stored-body.ts'

export type { NewAnswer, StoredAnswer } from './entry.ts'

/** More variants of one key are a sign of a Vary that doesn't pay; the oldest goes. */
const MAX_VARIANTS = 64

export interface MemoryStoreEvents {
  evicted(answer: StoredAnswer): void
}

export class MemoryStore implements Holder {
  readonly #resources = new Map<string, StoredAnswer[]>()
  readonly #queue: S3Fifo<StoredAnswer>
  /** Answers by their labels. */
  readonly #labelled = new Map<string, Set<StoredAnswer>>()
  readonly #aliases = new SearchAliases()
  readonly #texts = new Texts()
  readonly #shelves = new Shelves()

  constructor(budgetBytes: number, events: MemoryStoreEvents) {
    this.#queue = new S3Fifo<StoredAnswer>(budgetBytes, (answer) => {
      answer.shared.release()
      this.#unlabel(answer)
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
    const variants = this.#resources.get(key) ?? this.#alike(key)
    if (variants === undefined) return undefined
    for (let i = variants.length - 1; i >= 0; i--) {
      const variant = variants[i] as StoredAnswer
      if (variant.partition !== partition || !matches(variant, request)) continue
      this.#queue.use(variant)
      return variant
    }
    return undefined
  }

  /** What is stored under another query that makes no difference. */
  #alike(key: string): StoredAnswer[] | undefined {
    const other = this.#aliases.find(key)
    return other === undefined ? undefined : this.#resources.get(other)
  }

  /** What answers under this key vary by, as far as is known. */
  varyNames(key: string): readonly string[] {
    return this.#resources.get(key)?.at(-1)?.varyNames ?? []
  }

  /** Keeps an answer in place of the variant that it matches. */
  put(answer: NewAnswer): StoredAnswer {
    answer.shared.shelve(this.#shelves)
    const entry = new Entry(answer, this.#texts)
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
    entry.shared.held(this, entry)
    this.#label(entry)
    this.#queue.add(entry)
    const search = joinedValue(entry.headers, 'no-vary-search')
    if (search !== undefined) this.#aliases.add(entry.key, search)
    return entry
  }

  /** What is kept beside a body has changed by so much. */
  grew(entry: StoredAnswer, bytes: number): void {
    this.#queue.resize(entry, entry.bytes + bytes)
  }

  /** Puts `answer` where `previous` was, if that is still there: a 304 must not bring back what was purged meanwhile. */
  replace(previous: StoredAnswer, answer: NewAnswer): StoredAnswer | undefined {
    if (this.#resources.get(previous.key)?.includes(previous) !== true) return undefined
    this.#drop(previous, answer.shared)
    return this.put(answer)
  }

  get keyCount(): number {
    return this.#resources.size
  }

  /** Every key, oldest first, also while keys come and go. */
  keys(): Iterable<string> {
    return this.#resources.keys()
  }

  /** What is stored under a key, as it is now. */
  variants(key: string): readonly StoredAnswer[] {
    return (this.#resources.get(key) ?? this.#alike(key))?.slice() ?? []
  }

  /** What is stored under a label, as it is now. */
  labelled(label: string): readonly StoredAnswer[] {
    return [...(this.#labelled.get(label) ?? [])]
  }

  /** Removes one variant, if it is still there: an update of it may have its body. */
  delete(answer: StoredAnswer): void {
    if (this.#resources.get(answer.key)?.includes(answer) === true) this.#drop(answer)
  }

  #drop(answer: StoredAnswer, heir?: StoredBody): void {
    this.#leave(answer, heir)
    this.#unlist(answer)
  }

  /** @param heir the body of what takes its place: it may be the same */
  #leave(answer: StoredAnswer, heir?: StoredBody): void {
    this.#unlabel(answer)
    this.#queue.remove(answer)
    if (answer.shared !== heir) answer.shared.release()
  }

  #label(answer: StoredAnswer): void {
    for (const label of answer.tags) {
      const set = this.#labelled.get(label)
      if (set === undefined) this.#labelled.set(label, new Set([answer]))
      else set.add(answer)
    }
  }

  #unlabel(answer: StoredAnswer): void {
    for (const label of answer.tags) {
      const set = this.#labelled.get(label)
      if (set?.delete(answer) === true && set.size === 0) this.#labelled.delete(label)
    }
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
