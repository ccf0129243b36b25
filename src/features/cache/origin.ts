/**
 * The cache as an origin over an origin: a hit never calls the inner one.
 *
 *   GET, HEAD ─▶ lookup ─ fresh ─────────────▶ stored answer
 *                  │─ stale, may be given ───▶ stored answer, refresh in the background
 *                  │─ stale, must be checked ▶ fetching (conditional) ─ 304 ▶ stored answer, updated
 *                  └─ nothing ───────────────▶ fetching, shared by all who ask meanwhile
 *   other safe methods pass; unsafe ones pass and invalidate
 */
import type { Clock } from '../../core/clock.ts'
import { DetachedExchange } from '../../core/detached.ts'
import { GatewayError } from '../../core/errors.ts'
import { type Exchange, LOOKUP, WAIT } from '../../core/exchange.ts'
import { hasHeader, joinedValue } from '../../core/headers.ts'
import type { RequestHead, ResponseHead } from '../../core/message.ts'
import type { Cancel, Origin, Reader } from '../../core/origin.ts'
import { NO_EXTRAS, SERVE_STALE } from '../../core/pressure.ts'
import { Asking } from './asking.ts'
import type { Cache, CacheEvents, CachePolicy, CacheState, Lookup, Tier, UnderWay } from './contract.ts'
import { deliver } from './deliver.ts'
import { Fetching } from './fetching.ts'
import type { Arriving } from './fill.ts'
import { bypassing, headUpdating, invalidating } from './passing.ts'
import { requestDirectives } from './policy/directives.ts'
import { isDueEarly } from './policy/early-refresh.ts'
import { overridesMethod } from './policy/guard.ts'
import { isSafe } from './policy/invalidate.ts'
import { ageOf, mayServeOnError, type Reuse, reuse } from './policy/reuse.ts'
import { SURROGATE_CAPABILITY } from './policy/surrogate-control.ts'
import { conditionalHeaders, isConditional } from './policy/validate.ts'
import { selectingKey } from './policy/vary.ts'
import { isOfTarget, Posting } from './posting.ts'
import { purging } from './purging.ts'
import { isKeyable, querying } from './querying.ts'
import type { MemoryStore, StoredAnswer } from './store/memory.ts'
import { Waiting } from './waiting.ts'

export class CacheOrigin implements Origin, Cache {
  readonly policy: CachePolicy
  readonly store: MemoryStore
  readonly clock: Clock
  readonly arriving: Arriving
  readonly #inner: Origin
  readonly #state: CacheState
  readonly #events: CacheEvents
  #alone = 0

  constructor(policy: CachePolicy, state: CacheState, clock: Clock, events: CacheEvents, inner: Origin) {
    this.policy = policy
    this.store = state.store
    this.clock = clock
    this.arriving = state.arriving
    this.#inner = inner
    this.#state = state
    this.#events = events
  }

  fetch(x: Exchange, request: RequestHead, to: Reader): Cancel {
    const { method } = request
    if (method !== 'GET' && method !== 'HEAD') return this.#otherMethod(x, request, to)
    if (overridesMethod(request.headers)) return this.#overridden(x, request, to)
    if (this.policy.bypasses(request)) return this.pass(x, request, to, 'rule')
    if (!x.peer.trusted && this.policy.misleads(request)) return this.pass(x, request, to, 'misleading-field')
    // Content means nothing here (RFC 9110 §9.3.1), but a backend may heed it: what it then says is not for others.
    if (request.body !== null) return this.pass(x, request, to, 'request-content')
    return this.#lookUp(x, request, this.policy.keys.key(request), to, this.#state.tier)
  }

  /** @param tier where to look when memory has nothing; undefined: nowhere, or there already */
  #lookUp(x: Exchange, request: RequestHead, key: string, to: Reader, tier: Tier | undefined): Cancel {
    const { method } = request
    const { keys } = this.policy
    const partition = keys.partition(request, x.peer)
    const stored = this.store.find(key, partition, request.headers)
    const asked = requestDirectives(request.headers)
    if (stored !== undefined) {
      const nowMs = this.clock.wall()
      const verdict = reuse(stored, asked, nowMs, this.policy.stale)
      if (verdict.use !== 'validate') {
        const ttl = Math.floor((stored.lifetimeMs - verdict.ageMs) / 1000)
        this.note(x, verdict.use === 'fresh' ? 'hit' : 'stale', 0)
        this.#events.saved(stored.fetchMs)
        const cancel = this.#deliver(x, request, to, stored, verdict.ageMs, nowMs, `hit; ttl=${ttl}`)
        if (!asked.noStore && this.#isDue(verdict, stored)) this.#refresh(x, this.#lookup(x, request, key), stored)
        return cancel
      }
      if (verdict.because === 'stale' && this.#isTrouble(x, request, key, stored, nowMs)) {
        return this.#giveInTrouble(x, this.#lookup(x, request, key), to, stored, nowMs)
      }
    }
    if (asked.onlyIfCached) return this.#onlyIfCached(x, to)
    if (method === 'HEAD') {
      this.note(x, 'pass', 0)
      return this.#inner.fetch(x, request, headUpdating(this, request, stored, to))
    }
    if (asked.noStore) return this.pass(x, request, to, 'request-no-store')
    const hasRange = stored === undefined && hasHeader(request.headers, 'range')
    if (hasRange) return this.pass(x, request, to, 'range')
    const lookup = this.#lookup(x, request, key)
    if (stored === undefined && this.#state.large.has(lookup.passKey, this.clock.wall()))
      return this.pass(x, request, to, 'too-large')
    if (this.#isUnshared(lookup)) return this.#fetchAlone(x, lookup, to, stored)
    if (tier?.isUsable === true && !asked.noCache) return this.#ask(x, lookup, to, tier)
    return this.#share(x, lookup, to, stored, 1)
  }

  /** Whether an answer that is given is fetched anew meanwhile. */
  #isDue(verdict: Reuse, stored: StoredAnswer): boolean {
    if (verdict.use === 'stale') return verdict.refresh
    const { refreshesEarly, random } = this.policy
    if (!refreshesEarly || this.#state.pressure.level >= NO_EXTRAS) return false
    return isDueEarly(stored.lifetimeMs - verdict.ageMs, stored.fetchMs, random)
  }

  /** Whether nobody is to wait for a validation: it would fail, as the last one did just now, or we are hard pressed. */
  #isTrouble(x: Exchange, request: RequestHead, key: string, stored: StoredAnswer, nowMs: number): boolean {
    const { failing, pressure } = this.#state
    if (failing.isEmpty && pressure.level < SERVE_STALE) return false
    if (!mayServeOnError(stored, nowMs, this.policy.stale)) return false
    return pressure.level >= SERVE_STALE || failing.has(this.#lookup(x, request, key).fillKey, nowMs)
  }

  /** Gives a stale answer at once (RFC 5861 §4), and finds out in the background whether the origin is well again. */
  #giveInTrouble(x: Exchange, lookup: Lookup, to: Reader, stored: StoredAnswer, nowMs: number): Cancel {
    const ageMs = ageOf(stored, nowMs)
    this.note(x, 'stale_error', 0)
    this.#events.saved(stored.fetchMs)
    const status = `hit; ttl=${Math.floor((stored.lifetimeMs - ageMs) / 1000)}; detail=stale-if-error`
    const cancel = this.#deliver(x, lookup.request, to, stored, ageMs, nowMs, status)
    this.#refresh(x, lookup, stored)
    return cancel
  }

  /** Looks again once the shared tier has put into memory what it has. */
  #ask(x: Exchange, lookup: Lookup, to: Reader, tier: Tier): Cancel {
    const asking = new Asking()
    const sinceMs = this.clock.now()
    void tier.find(lookup).then(() => {
      if (asking.isOver) return
      x.spans[LOOKUP] = (x.spans[LOOKUP] as number) + this.clock.now() - sinceMs
      asking.found(this.#lookUp(x, lookup.request, lookup.key, to, undefined))
    })
    return asking.cancel
  }

  /** Forwards without keeping anything. */
  pass(x: Exchange, request: RequestHead, to: Reader, because: string): Cancel {
    this.note(x, 'bypass', 0)
    this.#events.refused(because)
    return this.#inner.fetch(x, request, bypassing(this, to, because))
  }

  /** For a waiter whose shared fetch turned out not to be for it. */
  refetch(x: Exchange, request: RequestHead, key: string, to: Reader, retries: number): Cancel {
    const lookup = this.#lookup(x, request, key)
    if (this.#state.large.has(lookup.passKey, this.clock.wall())) return this.pass(x, request, to, 'too-large')
    const stored = this.store.find(key, lookup.partition, request.headers)
    if (this.#isUnshared(lookup)) return this.#fetchAlone(x, lookup, to, stored)
    return this.#share(x, lookup, to, stored, retries)
  }

  /** Answers one who waited from what is stored. */
  give(x: Exchange, request: RequestHead, to: Reader, answer: StoredAnswer, status: string): Cancel {
    const nowMs = this.clock.wall()
    return this.#deliver(x, request, to, answer, ageOf(answer, nowMs), nowMs, status)
  }

  /** Says on the exchange and in the metrics how its answer came about. */
  note(x: Exchange, result: string, waitedMs: number): void {
    x.cache = result
    if (waitedMs > 0) x.spans[WAIT] = waitedMs
    this.#events.result(result)
  }

  refused(lookup: Lookup, because: string, isPassing: boolean): void {
    this.#events.refused(because)
    if (isPassing) return
    const { passes, large } = this.#state
    ;(because === 'too-large' ? large : passes).add(lookup.passKey, this.clock.wall())
  }

  unshared(lookup: Lookup): void {
    this.#state.passes.add(lookup.passKey, this.clock.wall())
    // Instances that wait for it are told at once, not when its body has ended.
    this.#state.tier?.end(lookup)
  }

  failed(lookup: Lookup): void {
    this.#state.failing.add(lookup.fillKey, this.clock.wall())
  }

  kept(lookup: Lookup, answer: StoredAnswer): void {
    this.#state.passes.delete(lookup.passKey)
    this.#state.failing.delete(lookup.fillKey)
    // An answer to another query that stands for this one is stored under its own.
    if (answer.key === lookup.key) this.#state.tier?.keep(lookup, answer, this.policy.stale)
  }

  differed({ key }: Lookup): void {
    this.#events.differed(key)
  }

  done(fetching: UnderWay): void {
    const { fillKey } = fetching.lookup
    this.#state.tier?.end(fetching.lookup)
    if (this.#state.fetching.get(fillKey) === fetching) this.#state.fetching.delete(fillKey)
  }

  invalidate(keys: readonly string[], labels: readonly string[]): number {
    return this.#state.purges.invalidate({ keys, labels })
  }

  #otherMethod(x: Exchange, request: RequestHead, to: Reader): Cancel {
    if (request.method === 'QUERY') return this.#query(x, request, to)
    if (isSafe(request.method)) return this.pass(x, request, to, 'method')
    this.note(x, 'bypass', 0)
    if (request.method === 'PURGE' && this.policy.mayPurge !== undefined) return purging(this, x, request, to)
    if (request.method === 'POST') return this.#post(x, request, to)
    return this.#inner.fetch(x, request, invalidating(this, request, to))
  }

  /** Whatever the backend makes of it, it is not what others mean by GET. */
  #overridden(x: Exchange, request: RequestHead, to: Reader): Cancel {
    this.note(x, 'bypass', 0)
    this.#events.refused('method-override')
    return this.#inner.fetch(x, request, invalidating(this, request, to))
  }

  #query(x: Exchange, request: RequestHead, to: Reader): Cancel {
    if (this.policy.bypasses(request)) return this.pass(x, request, to, 'rule')
    if (!x.peer.trusted && this.policy.misleads(request)) return this.pass(x, request, to, 'misleading-field')
    if (!isKeyable(request)) return this.pass(x, request, to, 'request-content')
    const goOn = (remembered: RequestHead, key: string) => this.#lookUp(x, remembered, key, to, this.#state.tier)
    return querying(request, this.policy.keys.key(request), to, goOn)
  }

  #post(x: Exchange, request: RequestHead, to: Reader): Cancel {
    const requestedAtMs = this.clock.wall()
    const keep = (res: ResponseHead) =>
      isOfTarget(request, res.headers) ? this.#keep(x, request, res, requestedAtMs) : undefined
    const posting = new Posting(this, request, to, keep)
    const cancel = this.#inner.fetch(x, request, posting)
    return (why) => {
      cancel(why)
      posting.cancel(why)
    }
  }

  /** A fetch that nobody can join, registered so that a purge meanwhile reaches it; undefined for what may not be kept. */
  #keep(x: Exchange, request: RequestHead, res: ResponseHead, requestedAtMs: number): UnderWay | undefined {
    const lookup = this.#unshared(this.#lookup(x, request, this.policy.keys.key(request)))
    const fetching = new Fetching(this, lookup, undefined, { requestedAtMs })
    if (!fetching.mayKeep(res)) return undefined
    this.#state.fetching.set(lookup.fillKey, fetching)
    return fetching
  }

  #deliver(
    x: Exchange,
    request: RequestHead,
    to: Reader,
    answer: StoredAnswer,
    ageMs: number,
    nowMs: number,
    status: string,
  ): Cancel {
    return deliver({ x, answer, request, ageMs, nowMs, status: this.policy.statusField ? status : undefined }, to)
  }

  /** Joins the fetch that is under way for this variant, or starts one. */
  #share(x: Exchange, asked: Lookup, to: Reader, stored: StoredAnswer | undefined, retries: number): Cancel {
    const { request, key } = asked
    const first = this.#state.fetching.get(asked.fillKey)
    // Known by now to vary, though nothing is stored yet: its variants are fetched side by side.
    const isVarying = first?.fill.isOpen === true && first.varyNames.length > 0 && !first.admits(request)
    const lookup = isVarying ? this.#lookup(x, request, key, first.varyNames) : asked
    const underWay = isVarying ? this.#state.fetching.get(lookup.fillKey) : first
    const isCollapsed = underWay?.admits(request) === true
    // What is coming is not for this request, and another fetch may not take its place among those that purges reach.
    if (!isCollapsed && underWay?.fill.isOpen === true) return this.#fetchAlone(x, lookup, to, stored)
    const fetching: UnderWay = isCollapsed ? underWay : new Fetching(this, lookup, stored, { isRetry: retries === 0 })
    const waiting = new Waiting(this, x, to, fetching, lookup.request, { isCollapsed, retries })
    waiting.join()
    if (!isCollapsed) this.#start(x, fetching, stored)
    return waiting.cancel
  }

  /** For what was not to be shared lately: side by side with others who ask alike, and kept if it is good for all now. */
  #fetchAlone(x: Exchange, lookup: Lookup, to: Reader, stored: StoredAnswer | undefined): Cancel {
    const own = this.#unshared(lookup)
    const { headers: asked } = own.request
    // With the client's own conditions where it has any: its answer is most likely for it alone, and 304 may do.
    const known = isConditional(asked) ? undefined : stored
    const fetching = new Fetching(this, own, known)
    const waiting = new Waiting(this, x, to, fetching, own.request, { isCollapsed: false, retries: 0 })
    waiting.join()
    this.#state.fetching.set(own.fillKey, fetching)
    const headers = known === undefined ? asked.slice() : conditionalHeaders(asked, known.headers)
    headers.push('Surrogate-Capability', SURROGATE_CAPABILITY)
    fetching.fill.started(this.#inner.fetch(x, { ...own.request, headers }, fetching.fill))
    return waiting.cancel
  }

  #refresh(x: Exchange, asked: Lookup, stored: StoredAnswer): void {
    if (this.#state.fetching.get(asked.fillKey)?.fill.isOpen === true) return
    // HEAD is answered from what GET stored, and GET brings that up to date.
    const request = asked.request.method === 'HEAD' ? { ...asked.request, method: 'GET' } : asked.request
    const fetching = new Fetching(this, { ...asked, request }, stored)
    this.#start(new DetachedExchange(x, this.clock.now()), fetching, stored)
  }

  #start(x: Exchange, fetching: UnderWay, stored: StoredAnswer | undefined): void {
    const { request, fillKey } = fetching.lookup
    this.#state.fetching.set(fillKey, fetching)
    this.#state.tier?.begin(fetching.lookup)
    // The client's own conditions are answered here, for each client; the origin is asked ours, or for the whole.
    const headers = conditionalHeaders(request.headers, stored?.headers)
    headers.push('Surrogate-Capability', SURROGATE_CAPABILITY)
    const head = { ...request, headers }
    fetching.fill.started(this.#inner.fetch(x, head, fetching.fill))
  }

  /** @param names what answers under this key vary by */
  #lookup(x: Exchange, request: RequestHead, key: string, names = this.store.varyNames(key)): Lookup {
    const partition = this.policy.keys.partition(request, x.peer)
    const authorization = joinedValue(request.headers, 'authorization')
    let fillKey = `${key}\n${partition}`
    if (names.length > 0) fillKey += selectingKey(names, request.headers)
    if (authorization !== undefined) fillKey = `${fillKey}\n${authorization}`
    return { request, key, partition, fillKey, passKey: fillKey }
  }

  /** The same for a fetch that nobody can join. */
  #unshared(lookup: Lookup): Lookup {
    return { ...lookup, fillKey: `${lookup.fillKey}\nalone ${this.#alone++}` }
  }

  #isUnshared(lookup: Lookup): boolean {
    return this.#state.passes.has(lookup.passKey, this.clock.wall())
  }

  /** RFC 9111 §5.2.1.7. */
  #onlyIfCached(x: Exchange, to: Reader): Cancel {
    this.note(x, 'bypass', 0)
    to.fail(new GatewayError('not_cached'))
    return () => {}
  }
}
