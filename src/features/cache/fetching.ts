/**
 * One request to the origin on behalf of the cache: a miss, a validation, or a refresh that nobody waits for. Decides
 * what its answer means (keep, pass, not modified, stale instead of an error) and satisfies those who waited.
 */
import type { GatewayError } from '../../core/errors.ts'
import type { HeaderList } from '../../core/headers.ts'
import type { RequestHead, ResponseHead } from '../../core/message.ts'
import { bytesOf, joined } from '../../core/pieces.ts'
import type { Cache, Lookup, UnderWay } from './contract.ts'
import { type Description, describe, type Refused, type Times, updated } from './description.ts'
import { Fill, type FillOwner, type Waiter } from './fill.ts'
import { requestDirectives } from './policy/directives.ts'
import { ageOf, isForOthers, mayServeOnError, type Stored } from './policy/reuse.ts'
import { selectingKey } from './policy/vary.ts'
import type { StoredAnswer } from './store/memory.ts'
import { StoredBody } from './store/stored-body.ts'
import type { Waiting } from './waiting.ts'

/** Bodies up to this size are kept in one piece. */
const ONE_PIECE_BYTES = 65_536

export class Fetching implements FillOwner, UnderWay {
  readonly fill: Fill
  readonly lookup: Lookup
  readonly #cache: Cache
  /** What is being validated; undefined for a miss. */
  readonly #stored: StoredAnswer | undefined
  readonly #requestedAtMs: number
  readonly #isRetry: boolean
  readonly #why: string
  hasFailed = false
  /** The body to be, for those who read it as it comes; undefined for answers that are not kept, or no 200. */
  shared: StoredBody | undefined = undefined
  /** Whether the answer was fresh as it came: good for others than the one who asked. */
  #isForAll = false
  #isDoomed = false
  readonly #doomedLabels: string[] = []
  #answer: Description | undefined = undefined

  constructor(cache: Cache, lookup: Lookup, stored: StoredAnswer | undefined, options: FetchingOptions = {}) {
    this.#cache = cache
    this.lookup = lookup
    this.#stored = stored
    // It may have to be given when it has long left the store.
    stored?.shared.take()
    this.#requestedAtMs = options.requestedAtMs ?? cache.clock.wall()
    this.#isRetry = options.isRetry === true
    this.#why = this.#reason()
    this.fill = new Fill(this, cache.policy.maxObjectBytes, cache.arriving)
  }

  judge(fill: Fill, res: ResponseHead): 'keep' | 'pass' | 'consumed' {
    const stored = this.#stored
    const receivedAtMs = this.#cache.clock.wall()
    if (stored !== undefined && res.status === 304) {
      this.#notModified(stored, res, receivedAtMs)
      return 'consumed'
    }
    if (stored !== undefined && res.status >= 500 && this.#serveStale(stored, fill.take)) return 'consumed'
    const refusal = this.#prepare(res, receivedAtMs)
    if (refusal !== undefined) {
      this.hasFailed = res.status >= 500
      // One failure is the first client's own: the others share one more fetch. After a second one nobody waits for more.
      this.#cache.refused(this.lookup, refusal, this.hasFailed && !this.#isRetry)
      return 'pass'
    }
    if (res.status === 200) this.shared = new StoredBody(fill.pieces, false)
    const answer = this.#answer as Description
    this.#isForAll = this.#remember(answer)
    const isOthers = (waiter: Waiter) => !waiter.isOwn && !this.#isFor(answer, waiter.request)
    for (const waiter of fill.take(isOthers)) waiter.alone()
    return 'keep'
  }

  admits(request: RequestHead): boolean {
    return this.fill.isOpen && (this.#answer === undefined || this.#isFor(this.#answer, request))
  }

  get varyNames(): readonly string[] {
    return this.#answer?.varyNames ?? []
  }

  /**
   * Whether an answer may be given to a request that it was not fetched for: Vary says that it is the same for it, and it
   * needs no validation first (RFC 9111 §4; §5.2.2.4 for no-cache).
   */
  #isFor(answer: Selected, { headers }: RequestHead): boolean {
    const { varyNames: names, selecting } = answer
    if (names.length > 0 && selectingKey(names, headers) !== selecting) return false
    const { clock, policy } = this.#cache
    return isForOthers(answer, requestDirectives(headers), clock.wall(), policy.stale)
  }

  /** Whether others may have it without asking. What they may not, nobody waits for next time. */
  #remember(answer: Stored): boolean {
    const { clock, policy } = this.#cache
    const isShared = isForOthers(answer, requestDirectives([]), clock.wall(), policy.stale)
    if (!isShared) this.#cache.unshared(this.lookup)
    return isShared
  }

  /** Whether an answer with this head would be kept; `judge` then says the same. */
  mayKeep(res: ResponseHead): boolean {
    return this.#prepare(res, this.#cache.clock.wall()) === undefined
  }

  doom(labels?: readonly string[]): void {
    if (labels === undefined) this.#isDoomed = true
    else this.#doomedLabels.push(...labels)
  }

  complete(_fill: Fill, pieces: readonly Uint8Array[], bodyBytes: number, trailers: HeaderList | undefined): void {
    const answer = this.#answer
    if (answer === undefined || this.#isDoomed || this.#doomedLabels.some((label) => answer.tags.includes(label)))
      return
    const body = pieces.length > 1 && bodyBytes <= ONE_PIECE_BYTES ? [joined(pieces, bodyBytes)] : pieces.slice()
    if (this.#wasFresh(answer) && !isSameBody(this.#stored?.shared.body ?? [], body)) this.#cache.differed(this.lookup)
    const shared = this.shared ?? new StoredBody([], false)
    shared.complete(body)
    const stored = this.#cache.store.put({ ...answer, bodyBytes, trailers, shared })
    if (this.#isForAll) this.#cache.kept(this.lookup, stored)
  }

  /** Whether what is replaced was still good when it was asked for anew: early, or because a client wanted it so. */
  #wasFresh({ status }: Description): boolean {
    const stored = this.#stored
    return stored !== undefined && stored.status === status && this.#isFresh(stored)
  }

  #isFresh(stored: StoredAnswer): boolean {
    if (stored.isInvalidated || stored.directives.noCache) return false
    return ageOf(stored, this.#requestedAtMs) < stored.lifetimeMs
  }

  outgrown(_fill: Fill, isByOthers: boolean): void {
    this.#cache.refused(this.lookup, isByOthers ? 'too-much-arriving' : 'too-large', isByOthers)
  }

  ended(): void {
    this.#cache.done(this)
  }

  failed(why: GatewayError, waiters: readonly Waiter[]): void {
    this.hasFailed = true
    const stored = this.#stored
    if (stored !== undefined && this.#serveStale(stored, () => [...waiters])) return
    for (const waiter of waiters) {
      // It is the failure of the one who asked. The others get one more fetch between them before they share it.
      if (waiter.isOwn || !(waiter as Waiting).retry()) waiter.to.fail(why)
    }
  }

  forwardStatus(status: number, isCollapsed: boolean): string {
    return `fwd=${this.#why}; fwd-status=${status}${this.isKept ? '; stored' : ''}${isCollapsed ? '; collapsed' : ''}`
  }

  get isKept(): boolean {
    return this.#answer !== undefined
  }

  get withheld(): readonly string[] {
    return this.#answer?.directives.withheld ?? []
  }

  /** Why the origin has to be asked, in the words of RFC 9211 §2.2. */
  #reason(): 'uri-miss' | 'vary-miss' | 'request' | 'stale' {
    const { key, partition } = this.lookup
    const stored = this.#stored
    if (stored !== undefined) return this.#isFresh(stored) ? 'request' : 'stale'
    const variants = this.#cache.store.variants(key)
    return variants.some((variant) => variant.partition === partition) ? 'vary-miss' : 'uri-miss'
  }

  /** Fills in what will be stored, or says why nothing will. */
  #prepare(res: ResponseHead, receivedAtMs: number): Refused | undefined {
    const described = describe(res, this.lookup, this.#cache.policy, this.#times(receivedAtMs))
    if (typeof described === 'string') return described
    this.#answer = described
    return undefined
  }

  #times(receivedAtMs: number): Times {
    return { requestedAtMs: this.#requestedAtMs, receivedAtMs }
  }

  #notModified(stored: StoredAnswer, res: ResponseHead, receivedAtMs: number): void {
    const update = updated(stored, res, this.lookup, this.#cache.policy, this.#times(receivedAtMs))
    const { answer } = update
    const { store } = this.#cache
    if (update.verdict === 'drop') {
      store.delete(stored)
      this.#cache.refused(this.lookup, update.because, false)
    }
    const replaced = update.verdict === 'keep' ? store.replace(stored, answer) : undefined
    const kept = replaced ?? { ...stored, ...answer }
    const isForAll = update.verdict !== 'drop' && this.#remember(kept)
    if (replaced !== undefined && isForAll) this.#cache.kept(this.lookup, replaced)
    // What it says of the stored answer, it says to the one who asked: the others need a validation of their own where
    // that has not made it fresh again.
    for (const waiter of this.fill.take()) {
      const isFor = waiter.isOwn || (update.verdict !== 'drop' && this.#isFor(kept, waiter.request))
      if (isFor) (waiter as Waiting).give(kept, 'revalidated', `fwd=${this.#why}; fwd-status=304`)
      else waiter.alone()
    }
  }

  /** Stale instead of an error (RFC 5861 §4). False when that is not allowed, with nobody taken. */
  #serveStale(stored: StoredAnswer, take: () => Waiter[]): boolean {
    const nowMs = this.#cache.clock.wall()
    if (!mayServeOnError(stored, nowMs, this.#cache.policy.stale)) return false
    this.#cache.failed(this.lookup)
    const ttl = Math.floor((stored.lifetimeMs - ageOf(stored, nowMs)) / 1000)
    for (const waiter of take.call(this.fill)) {
      ;(waiter as Waiting).give(stored, 'stale_error', `hit; ttl=${ttl}; detail=stale-if-error`)
    }
    return true
  }
}

/** What decides for whom an answer is. */
type Selected = Stored & Pick<StoredAnswer, 'varyNames' | 'selecting'>

export interface FetchingOptions {
  /** When it was asked for, where that was before now. Wall clock. */
  readonly requestedAtMs?: number
  /** Whether it is for those who shared one that failed. */
  readonly isRetry?: boolean
}

/** Piece by piece, wherever either is cut. */
function isSameBody(one: readonly Uint8Array[], other: readonly Uint8Array[]): boolean {
  if (bytesOf(one) !== bytesOf(other)) return false
  let [index, at] = [0, 0]
  for (const piece of one) {
    for (let from = 0; from < piece.byteLength; ) {
      const against = other[index] as Uint8Array
      const count = Math.min(piece.byteLength - from, against.byteLength - at)
      if (Buffer.compare(piece.subarray(from, from + count), against.subarray(at, at + count)) !== 0) return false
      from += count
      at += count
      if (at === against.byteLength) [index, at] = [index + 1, 0]
    }
  }
  return true
}
