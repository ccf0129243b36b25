/**
 * `mode: shadow`: what the cache would do, counted, and nothing done. Every request goes to the origin as it came, and its
 * answer to its client as it comes; of what would be stored, a digest is kept in place of the body, so that bodies that
 * differ under one key show. It weighs as much as the body would, so that the budget evicts what it would.
 */
import { createHash, type Hash } from 'node:crypto'
import type { BodySource } from '../../core/body.ts'
import type { Clock } from '../../core/clock.ts'
import type { GatewayError } from '../../core/errors.ts'
import type { Exchange } from '../../core/exchange.ts'
import { type HeaderList, headerValue } from '../../core/headers.ts'
import type { RequestHead, ResponseHead } from '../../core/message.ts'
import type { Cancel, Origin, Reader } from '../../core/origin.ts'
import type { CacheEvents, CachePolicy } from './contract.ts'
import { type Asked, type Description, describe, updated } from './description.ts'
import { invalidate, Passing } from './passing.ts'
import { type Directives, requestDirectives } from './policy/directives.ts'
import { overridesMethod } from './policy/guard.ts'
import { isSafe } from './policy/invalidate.ts'
import { isForOthers, reuse } from './policy/reuse.ts'
import type { Purges } from './purges.ts'
import type { MemoryStore, StoredAnswer } from './store/memory.ts'
import { StoredBody } from './store/stored-body.ts'

/** What routes in shadow mode share. */
export interface ShadowState {
  readonly store: MemoryStore
  readonly purges: Purges
  /** How many requests are under way, by what would be one fetch. */
  readonly underWay: Map<string, number>
}

export class ShadowOrigin implements Origin {
  readonly #policy: CachePolicy
  readonly #state: ShadowState
  readonly #clock: Clock
  readonly #events: CacheEvents
  readonly #inner: Origin

  constructor(policy: CachePolicy, state: ShadowState, clock: Clock, events: CacheEvents, inner: Origin) {
    this.#policy = policy
    this.#state = state
    this.#clock = clock
    this.#events = events
    this.#inner = inner
  }

  fetch(x: Exchange, request: RequestHead, to: Reader): Cancel {
    const { method } = request
    if ((method !== 'GET' && method !== 'HEAD') || overridesMethod(request.headers)) {
      return this.#otherMethod(x, request, to)
    }
    const asked = requestDirectives(request.headers)
    const { bypasses, keys, misleads } = this.#policy
    const isMisled = !x.peer.trusted && misleads(request)
    if (isMisled || bypasses(request) || request.body !== null || asked.onlyIfCached) return this.#pass(x, request, to)
    const [key, partition] = [keys.key(request), keys.partition(request, x.peer)]
    const stored = this.#state.store.find(key, partition, request.headers)
    const use = stored === undefined ? 'miss' : this.#use(stored, asked)
    if (use === 'fresh' || use === 'stale') {
      this.#note(x, use === 'fresh' ? 'hit' : 'stale')
      this.#events.saved((stored as StoredAnswer).fetchMs)
    } else if (asked.noStore) return this.#pass(x, request, to)
    else if (use === 'validate' || method === 'HEAD') this.#note(x, use)
    if (method === 'HEAD') return this.#inner.fetch(x, request, to)
    return this.#watch(x, { request, key, partition }, { stored, use }, to)
  }

  #use(stored: StoredAnswer, asked: Directives): Use {
    return reuse(stored, asked, this.#clock.wall(), this.#policy.stale).use
  }

  /** As the cache would decide about one who waited. */
  #isForOthers(answer: Description, { request }: Asked): boolean {
    return isForOthers(answer, requestDirectives(request.headers), this.#clock.wall(), this.#policy.stale)
  }

  #watch(x: Exchange, asked: Asked, found: Found, to: Reader): Cancel {
    const { underWay } = this.#state
    const name = `${asked.key}\n${asked.partition}`
    const count = underWay.get(name) ?? 0
    underWay.set(name, count + 1)
    const requestedAtMs = this.#clock.wall()
    const watching = new Watching(to, {
      head: (res) => {
        const described = this.#judge(res, asked, found, requestedAtMs)
        const isShared = count > 0 && described !== undefined && this.#isForOthers(described, asked)
        if (found.use === 'miss') this.#note(x, isShared ? 'collapsed' : 'miss')
        return described
      },
      complete: (description, digest, bytes) => this.#keep(description, digest, bytes, found),
      over: (hasHead) => {
        if (!hasHead && found.use === 'miss') this.#note(x, 'miss')
        const left = (underWay.get(name) ?? 1) - 1
        if (left === 0) underWay.delete(name)
        else underWay.set(name, left)
      },
    })
    const cancel = this.#inner.fetch(x, asked.request, watching)
    return (why) => {
      watching.leave()
      cancel(why)
    }
  }

  #note(x: Exchange, result: string): void {
    x.cache = `shadow_${result}`
    this.#events.result(result)
  }

  #pass(x: Exchange, request: RequestHead, to: Reader): Cancel {
    this.#note(x, 'bypass')
    return this.#inner.fetch(x, request, to)
  }

  #otherMethod(x: Exchange, request: RequestHead, to: Reader): Cancel {
    if (isSafe(request.method) && request.method !== 'GET') return this.#pass(x, request, to)
    const cache = {
      policy: this.#policy,
      invalidate: (keys: readonly string[], labels: readonly string[]) =>
        this.#state.purges.invalidate({ keys, labels }),
    }
    return this.#pass(x, request, new Passing(to, (res) => invalidate(cache, request, res)))
  }

  #judge(res: ResponseHead, asked: Asked, { stored, use }: Found, requestedAtMs: number): Description | undefined {
    const times = { requestedAtMs, receivedAtMs: this.#clock.wall() }
    const etag = headerValue(res.headers, 'etag')
    if (res.status === 304 && stored !== undefined && use === 'validate') {
      // The client's own condition: where it names what is stored, the cache would have learnt as much.
      if (etag !== undefined && etag === headerValue(stored.headers, 'etag')) {
        const update = updated(stored, res, asked, this.#policy, times)
        if (update.verdict === 'keep') this.#state.store.replace(stored, update.answer)
        if (update.verdict === 'drop') this.#state.store.delete(stored)
      }
      return undefined
    }
    const described = describe(res, asked, this.#policy, times)
    return typeof described === 'string' ? undefined : described
  }

  #keep(description: Description, digest: Uint8Array, bodyBytes: number, { stored, use }: Found): void {
    if (bodyBytes > this.#policy.maxObjectBytes) return
    if (stored !== undefined && (use === 'fresh' || use === 'stale')) {
      const [before] = stored.shared.peek() ?? []
      const isSame = before !== undefined && Buffer.compare(before, digest) === 0
      if (!isSame && stored.status === description.status) this.#events.differed(description.key)
    }
    // What is fresh would not have been fetched: it ages on.
    if (use === 'fresh') return
    const weight = Math.max(bodyBytes, LEAST_BODY_TO_FIELDS * fieldsBytes(description))
    this.#state.store.put({
      ...description,
      shared: new StoredBody([digest], true),
      bodyBytes: weight,
      trailers: undefined,
    })
  }
}

type Use = 'miss' | 'fresh' | 'stale' | 'validate'

interface Found {
  readonly stored: StoredAnswer | undefined
  readonly use: Use
}

/** So that what is really kept, all but bodies, never takes more than about a quarter of the budget. */
const LEAST_BODY_TO_FIELDS = 3

/** What is really kept of an answer, about (store/memory.ts weighs it in detail). */
function fieldsBytes({ headers, key }: Description): number {
  return headers.reduce((sum, text) => sum + text.length + 16, 1000 + 2 * key.length)
}

interface Watcher {
  /** What would be stored; undefined for nothing. */
  head(res: ResponseHead): Description | undefined
  complete(description: Description, digest: Uint8Array, bodyBytes: number): void
  /** Nothing more will come. Called once. */
  over(hasHead: boolean): void
}

/** Passes everything on, and digests what would be stored. */
class Watching implements Reader {
  readonly #to: Reader
  readonly #watcher: Watcher
  #description: Description | undefined = undefined
  #hash: Hash | undefined = undefined
  #bytes = 0
  #hasHead = false
  #isOver = false

  constructor(to: Reader, watcher: Watcher) {
    this.#to = to
    this.#watcher = watcher
  }

  /** Nobody reads any more. */
  leave(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#watcher.over(this.#hasHead)
  }

  interim(status: number, headers: HeaderList): void {
    this.#to.interim(status, headers)
  }

  head(res: ResponseHead, source: BodySource): void {
    this.#hasHead = true
    this.#description = this.#watcher.head(res)
    if (this.#description !== undefined) this.#hash = createHash('sha256')
    this.#to.head(res, source)
  }

  write(chunk: Uint8Array): boolean {
    this.#hash?.update(chunk)
    this.#bytes += chunk.byteLength
    return this.#to.write(chunk)
  }

  end(trailers?: HeaderList): void {
    if (this.#description !== undefined && this.#hash !== undefined && !this.#isOver) {
      this.#watcher.complete(this.#description, this.#hash.digest(), this.#bytes)
    }
    this.leave()
    this.#to.end(trailers)
  }

  fail(why: GatewayError): void {
    this.leave()
    this.#to.fail(why)
  }
}
