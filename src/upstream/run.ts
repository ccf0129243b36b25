/**
 * One request on its way through its tries: the only state machine that decides about another one.
 *
 *   choose an endpoint ─▶ leg waits ─┬─▶ good answer: it wins, other legs are given up, the rest just passes through
 *          ▲                         ├─▶ failure, or an answer worth a retry: another leg, maybe after a pause
 *          └── retry, hedge ◀────────┴─▶ too slow: a second leg beside it (hedge); the first good answer wins
 *
 * A leg is one try as its reader. At most one leg ever reaches the reader above.
 */
import type { BodySource } from '../core/body.ts'
import { GatewayError } from '../core/errors.ts'
import { type Exchange, QUEUE } from '../core/exchange.ts'
import { type HeaderList, headerValue } from '../core/headers.ts'
import type { RequestHead, ResponseHead } from '../core/message.ts'
import type { Reader } from '../core/origin.ts'
import { NO_EXTRAS } from '../core/pressure.ts'
import { mayOpen, replayable } from '../core/replay.ts'
import { Deadline } from '../core/wheel.ts'
import type { Endpoint } from './endpoint.ts'
import { Leg, type LegOwner } from './leg.ts'
import { backoffMs } from './policy/backoff.ts'
import { isIdempotent, isSafe } from './policy/method.ts'
import { decideRetry, type RetryReason } from './policy/retry.ts'
import { retryAfterMs } from './policy/retry-after.ts'
import type { StickyDecision } from './policy/sticky.ts'
import type { RunPlan } from './run-plan.ts'

/** What the deadline of a run is armed for. */
const NOTHING = 0
const HEDGE = 1
const RETRY = 2

export class Run implements LegOwner {
  readonly to: Reader
  readonly #tries: RunPlan
  readonly #x: Exchange
  readonly #isSafe: boolean
  readonly #hash: number
  #req: RequestHead
  /** The newest leg; older ones hang on its `previous`. */
  #last: Leg | undefined = undefined
  /** Legs whose answer may still come. */
  #live = 0
  #launched = 0
  /** Those that met a kept connection which was just being closed. */
  #stale = 0
  /** A leg has won, or nothing can be had: no leg is started any more. */
  #isSettled = false
  /** For the next leg: when a hedge is due, or a pause before a retry is over. */
  #deadline: Deadline | undefined = undefined
  #due = NOTHING
  #sticky: StickyDecision<Endpoint> | undefined = undefined

  constructor(tries: RunPlan, x: Exchange, req: RequestHead, to: Reader) {
    this.#tries = tries
    this.#x = x
    this.to = to
    this.#req = req
    this.#isSafe = isSafe(req.method)
    this.#hash = tries.hashOf(x, req)
  }

  start(): void {
    const tries = this.#tries
    const { body, method } = this.#req
    if (body !== null && tries.replayBytes > 0 && isIdempotent(method)) {
      this.#req = { ...this.#req, body: replayable(body, tries.replayBytes) }
    }
    tries.earn()
    this.#launch(false)
    if (tries.hedging === undefined || this.#isSettled || !this.#isSafe || body !== null) return
    const delayMs = tries.hedging.delayMs(tries.clock.now())
    if (this.#due === NOTHING && delayMs !== Number.POSITIVE_INFINITY) this.#arm(HEDGE, delayMs)
  }

  cancel(why: GatewayError): void {
    this.#settle()
    const { set, clock } = this.#tries
    const now = clock.now()
    for (let leg = this.#last; leg !== undefined; leg = leg.previous) {
      if (leg.isWaiting) set.abandoned(leg.endpoint, leg.ticket, now, now - leg.startedAt)
      leg.giveUp(why)
    }
  }

  interim(leg: Leg, status: number, headers: HeaderList): void {
    if (!this.#isSettled && leg.previous === undefined) this.to.interim(status, headers)
  }

  answered(leg: Leg, res: ResponseHead, source: BodySource): void {
    const tries = this.#tries
    const now = tries.clock.now()
    const latencyMs = now - leg.startedAt
    const isGood = res.status < 500 && res.status !== 429
    const askedMs = isGood ? 0 : retryAfterMs(res.status, headerValue(res.headers, 'retry-after'), tries.clock.wall())
    tries.set.answered(leg.endpoint, leg.ticket, now, latencyMs, res.status, askedMs)
    if (isGood) tries.hedging?.record(now, latencyMs)
    this.#live--
    if (!isGood && this.#passOver(leg, res.status, source, now, askedMs)) return
    this.#settle()
    this.#giveUpOthers(leg, now)
    if (leg.isHedge) tries.hedging?.won()
    this.#x.endpoint = leg.endpoint.label
    leg.isWinner = true
    // A faster hedge moves nobody.
    if (this.#sticky !== undefined && !leg.isHedge) this.#keep(this.#sticky, leg.endpoint)
    this.to.head(res, source)
  }

  failed(leg: Leg, why: GatewayError): void {
    const { set, clock } = this.#tries
    const now = clock.now()
    if (leg.isWinner) {
      if (why.source === 'upstream') set.brokeOff(leg.endpoint, now)
      this.to.fail(why)
      return
    }
    set.failed(leg.endpoint, leg.ticket, now, now - leg.startedAt, why)
    this.#live--
    if (this.#isSettled) return
    if (isStale(why)) this.#stale++
    if (this.#due === RETRY) return
    const because = this.#reasonForAnother(why, now, 0)
    if (because !== undefined) this.#retry(because, now, 0)
    else if (this.#live === 0) this.#give(why)
  }

  /** Has the client keep the endpoint that answered. */
  #keep(decision: StickyDecision<Endpoint>, endpoint: Endpoint): void {
    this.#x.affinity = this.#tries.set.sticky?.cookie(decision, endpoint, this.#x.request.scheme) ?? ''
  }

  /** Whether an answer is not taken, since a better one may be had. */
  #passOver(leg: Leg, status: number, source: BodySource, now: number, askedMs: number): boolean {
    const isRetryDue = this.#due === RETRY
    const because = isRetryDue ? undefined : this.#reasonForAnother(status, now, askedMs)
    if (because === undefined && this.#live === 0 && !isRetryDue) return false
    leg.discard(source)
    if (because !== undefined) this.#retry(because, now, askedMs)
    return true
  }

  #giveUpOthers(winner: Leg, now: number): void {
    for (let leg = this.#last; leg !== undefined; leg = leg.previous) {
      if (leg === winner || !leg.isWaiting) continue
      // Left out, the slowest would seem never to happen, and hedges would be sent earlier and earlier.
      if (!leg.isHedge) this.#tries.hedging?.record(now, now - leg.startedAt)
      this.#tries.set.superseded(leg.endpoint, leg.ticket, now, now - leg.startedAt)
      leg.giveUp(new GatewayError('superseded'))
    }
  }

  /** Why there is to be another try after this; undefined when there is none. */
  #reasonForAnother(outcome: GatewayError | number, now: number, askedMs: number): RetryReason | undefined {
    const tries = this.#tries
    const { body, method } = this.#req
    const decision = decideRetry(tries.retry, outcome, {
      attempt: this.#launched,
      stale: this.#stale,
      isIdempotent: isIdempotent(method),
      isBodyGone: !mayOpen(body),
    })
    if (!decision.retry) return undefined
    const hasOther = this.#hasOther()
    // The same queue would turn it away again.
    if (isBusy(outcome) && !hasOther) return undefined
    const waitMs = hasOther ? 0 : askedMs
    // Nobody would wait longer for an answer, either.
    if (waitMs > tries.timeouts.response || now + waitMs >= this.#x.deadlineAt) return undefined
    if (!tries.set.hasAny(this.#isSafe)) return undefined
    return decision.isFree || tries.spend(now) ? decision.because : undefined
  }

  #retry(because: RetryReason, now: number, askedMs: number): void {
    const tries = this.#tries
    tries.countRetry(because)
    const isUnsent = because === 'connect' || because === 'unsent'
    const pauseMs = isUnsent ? 0 : backoffMs(this.#launched, tries.random())
    const waitMs = Math.min(Math.max(pauseMs, this.#hasOther() ? 0 : askedMs), this.#x.deadlineAt - now)
    if (waitMs === 0) {
      this.#launch(false)
      return
    }
    this.#x.spans[QUEUE] = (this.#x.spans[QUEUE] as number) + waitMs
    this.#arm(RETRY, waitMs)
  }

  /** Starts a leg, on an endpoint that has none yet where there is one. */
  #launch(isHedge: boolean): void {
    const { set, clock } = this.#tries
    const now = clock.now()
    if (now >= this.#x.deadlineAt) {
      this.#give(new GatewayError('total_timeout', 'no time is left for another try'))
      return
    }
    const isFirst = this.#last === undefined
    let endpoint = isFirst
      ? (this.#kept() ?? set.choose(this.#isSafe, this.#hash, now))
      : set.choose(this.#isSafe, this.#hash, now, (each) => this.#isOut(each))
    // A connection that failed may well succeed a second time; a hedge beside the same endpoint helps nobody.
    if (endpoint === undefined && !isFirst && !isHedge) endpoint = set.choose(this.#isSafe, this.#hash, now)
    if (endpoint !== undefined) this.#startLeg(endpoint, isHedge, now)
    else if (this.#live === 0) this.#give(set.refusal(this.#isSafe))
  }

  /** The endpoint that the client keeps. */
  #kept(): Endpoint | undefined {
    const { set } = this.#tries
    this.#sticky = set.sticky?.choose(this.#req.headers, (each) => set.isUsable(this.#isSafe, each))
    return this.#sticky?.use
  }

  #startLeg(endpoint: Endpoint, isHedge: boolean, now: number): void {
    const tries = this.#tries
    const x = this.#x
    const leg = new Leg(this, endpoint, this.#last, now, isHedge, tries.set.begin(endpoint, now))
    this.#last = leg
    this.#live++
    this.#launched++
    x.tries++
    x.endpoint = endpoint.label
    if (isHedge) {
      x.hedged = true
      tries.hedging?.sent()
    }
    // The waiting of one leg is the exchange's; a hedge waits at the same time.
    leg.start(tries, this.#req, isHedge ? new Float64Array(x.spans.length) : x.spans, x.deadlineAt)
  }

  #hedge(): void {
    const tries = this.#tries
    const { hedging, pressure } = tries
    if (hedging === undefined || this.#isSettled || this.#live === 0 || pressure.level >= NO_EXTRAS) return
    if (!this.#hasOther()) return
    const now = tries.clock.now()
    if (!hedging.mayHedge(now)) return
    if (tries.spend(now)) this.#launch(true)
    else hedging.withheld()
  }

  #hasOther(): boolean {
    return this.#tries.set.hasOther(this.#isSafe, (each) => this.#isOut(each))
  }

  /** Whether another try is rather sent elsewhere. */
  #isOut(endpoint: Endpoint): boolean {
    return endpoint.pool.isFull || this.#isTried(endpoint)
  }

  #isTried(endpoint: Endpoint): boolean {
    for (let leg = this.#last; leg !== undefined; leg = leg.previous)
      if (leg.endpoint.condition === endpoint.condition) return true
    return false
  }

  #arm(due: typeof HEDGE | typeof RETRY, delayMs: number): void {
    this.#deadline ??= new Deadline(() => {
      const wasDue = this.#due
      this.#due = NOTHING
      if (wasDue === HEDGE) this.#hedge()
      else this.#launch(false)
    })
    this.#due = due
    this.#tries.wheel.arm(this.#deadline, this.#tries.clock.now() + delayMs)
  }

  /** No answer can be had. */
  #give(why: GatewayError): void {
    this.#settle()
    this.to.fail(why)
  }

  #settle(): void {
    this.#isSettled = true
    if (this.#deadline !== undefined) this.#tries.wheel.disarm(this.#deadline)
  }
}

function isStale({ code }: GatewayError): boolean {
  return code === 'unsent' || code === 'kept_closed'
}

function isBusy(outcome: GatewayError | number): boolean {
  return typeof outcome !== 'number' && outcome.code === 'upstream_busy'
}
