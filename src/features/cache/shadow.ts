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
import type { HeaderList } from '../../core/headers.ts'
import type { RequestHead, ResponseHead } from '../../core/message.ts'
import type { Cancel, Origin, Reader } from '../../core/origin.ts'
import type { CacheEvents, CachePolicy } from './contract.ts'
import { type Asked, type Description, describe } from './description.ts'
import { Passing } from './passing.ts'
import { requestDirectives } from './policy/directives.ts'
import { invalidated, isSafe } from './policy/invalidate.ts'
import { reuse } from './policy/reuse.ts'
import type { MemoryStore, StoredAnswer } from './store/memory.ts'

export class ShadowOrigin implements Origin {
  readonly #policy: CachePolicy
  readonly #store: MemoryStore
  readonly #clock: Clock
  readonly #events: CacheEvents
  readonly #inner: Origin

  constructor(policy: CachePolicy, store: MemoryStore, clock: Clock, events: CacheEvents, inner: Origin) {
    this.#policy = policy
    this.#store = store
    this.#clock = clock
    this.#events = events
    this.#inner = inner
  }

  fetch(x: Exchange, request: RequestHead, to: Reader): Cancel {
    if (request.method !== 'GET') return this.#inner.fetch(x, request, this.#other(request, to))
    const isPast = this.#policy.bypasses(request) || request.body !== null
    const asked = requestDirectives(request.headers)
    if (isPast || asked.noStore) {
      this.#note(x, 'bypass')
      return this.#inner.fetch(x, request, to)
    }
    const { keys } = this.#policy
    const [key, partition] = [keys.key(request), keys.partition(request)]
    const stored = this.#store.find(key, partition, request.headers)
    const nowMs = this.#clock.wall()
    const use = stored === undefined ? 'miss' : reuse(stored, asked, nowMs, this.#policy.stale).use
    this.#note(x, use === 'fresh' ? 'hit' : use)
    const given = use === 'fresh' || use === 'stale' ? stored : undefined
    if (given !== undefined) this.#events.saved(given.fetchMs)
    const watching = new Watching(to, {
      head: (res) => this.#judge(res, { request, key, partition }, nowMs),
      end: (description, digest, bytes) => this.#keep(description, digest, bytes, given),
    })
    return this.#inner.fetch(x, request, watching)
  }

  #note(x: Exchange, result: string): void {
    x.cache = `shadow_${result}`
    this.#events.result(result)
  }

  #other(request: RequestHead, to: Reader): Reader {
    if (isSafe(request.method)) return to
    return new Passing(to, (res) => {
      for (const { path, query } of invalidated(request, res.status, res.headers)) {
        const key = this.#policy.keyOfTarget(request.authority, path, query)
        for (const answer of this.#store.variants(key)) this.#store.delete(answer)
      }
    })
  }

  #judge(res: ResponseHead, asked: Asked, requestedAtMs: number): Description | undefined {
    const described = describe(res, asked, this.#policy, { requestedAtMs, receivedAtMs: this.#clock.wall() })
    return typeof described === 'string' ? undefined : described
  }

  #keep(description: Description, digest: Uint8Array, bodyBytes: number, given: StoredAnswer | undefined): void {
    if (bodyBytes > this.#policy.maxObjectBytes) return
    const isSame = given === undefined || (given.body[0] !== undefined && Buffer.compare(given.body[0], digest) === 0)
    if (!isSame && given?.status === description.status) this.#events.differed(description.key)
    this.#store.put({ ...description, body: [digest], bodyBytes, trailers: undefined })
  }
}

interface Watcher {
  /** What would be stored; undefined for nothing. */
  head(res: ResponseHead): Description | undefined
  end(description: Description, digest: Uint8Array, bodyBytes: number): void
}

/** Passes everything on, and digests what would be stored. */
class Watching implements Reader {
  readonly #to: Reader
  readonly #watcher: Watcher
  #description: Description | undefined = undefined
  #hash: Hash | undefined = undefined
  #bytes = 0

  constructor(to: Reader, watcher: Watcher) {
    this.#to = to
    this.#watcher = watcher
  }

  interim(status: number, headers: HeaderList): void {
    this.#to.interim(status, headers)
  }

  head(res: ResponseHead, source: BodySource): void {
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
    if (this.#description !== undefined && this.#hash !== undefined) {
      this.#watcher.end(this.#description, this.#hash.digest(), this.#bytes)
    }
    this.#to.end(trailers)
  }

  fail(why: GatewayError): void {
    this.#to.fail(why)
  }
}
