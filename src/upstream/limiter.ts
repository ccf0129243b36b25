/** The concurrency limit of one upstream: who may go, who waits, who is refused; and what is measured of that. */
import type { Clock, Random } from '../core/clock.ts'
import type { GatewayError } from '../core/errors.ts'
import type { Exchange } from '../core/exchange.ts'
import type { SharedDeps } from '../core/feature.ts'
import { headerValue } from '../core/headers.ts'
import type { RequestHead, ResponseHead } from '../core/message.ts'
import type { Gauge, Histogram, Metrics } from '../core/metrics.ts'
import { HIGH, priorities } from '../core/priority.ts'
import { retryAfter, shedTotal } from '../core/shed.ts'
import { Deadline, type Wheel } from '../core/wheel.ts'
import { keyOf } from './balancing.ts'
import * as metrics from './limit-metrics.ts'
import { hash32 } from './policy/hash-key.ts'
import { AdaptiveLimit, BUCKETS } from './policy/limit/adaptive.ts'
import { FairQueue, type Waiting } from './policy/limit/fair-queue.ts'
import { Pushback } from './policy/limit/pushback.ts'
import { retryAfterMs } from './policy/retry-after.ts'
import type { ConcurrencyConfig } from './schema-resilience.ts'

/** What waits for its turn. */
export interface Waiter extends Waiting {
  readonly deadlineAt: number
  /** Since when it has been waiting. */
  readonly waitingSince: number
  /** It has a permit. False: it does not want it any more. */
  admitted(nowMs: number): boolean
  refuse(rule: string): void
}

/** A queue that has not been empty for so long is standing: then the newest go first. */
const STANDING_MS = 100
/**
 * Nobody is let go from it before it has stood for so many times what one answer takes (CoDel's interval): until then a
 * burst that is being worked off looks like more than can be done.
 */
const STANDING_ANSWERS = 3
/** How long a request may wait where nobody has said so. */
const QUEUE_MS = 250
/** While a lowered limit is exceeded, one in so many places stays free whoever waits. */
const KEPT_BACK = 8
/** Weight of a new latency in the running mean. */
const SMOOTHING = 0.05

export class Limiter {
  readonly name: string
  readonly clock: Clock
  readonly wheel: Wheel
  readonly queueMs: number
  readonly queueSeconds: Histogram
  readonly #config: ConcurrencyConfig
  readonly #random: Random
  readonly #metrics: Metrics
  readonly #adaptive: AdaptiveLimit | undefined
  readonly #queue = new FairQueue<Waiter>(priorities.length, STANDING_MS, HIGH + 1)
  #inFlight = 0
  /** What an answer takes; undefined: none was seen yet. */
  #meanMs: number | undefined = undefined
  #enqueuedAt = Number.NEGATIVE_INFINITY
  #freed = 0
  readonly #pushback = new Pushback()
  /** Those that have a permit and have not been told yet. */
  #admitted: Waiter[] = []
  readonly #soon: (task: () => void) => void
  readonly #stop: () => void

  /** @param soon runs a task once whatever is on the stack is done: requests that fail at once would otherwise nest */
  constructor(
    name: string,
    config: ConcurrencyConfig,
    deps: SharedDeps,
    soon: (task: () => void) => void = queueMicrotask,
  ) {
    this.#soon = soon
    this.name = name
    this.clock = deps.clock
    this.wheel = deps.wheel
    this.queueMs = config.queue_timeout ?? QUEUE_MS
    this.#config = config
    this.#random = deps.random
    this.#metrics = deps.metrics
    this.#adaptive = config.adaptive ? new AdaptiveLimit(config) : undefined
    const labels = { upstream: name }
    this.queueSeconds = deps.metrics.histogram(metrics.queueSeconds, labels)
    const gauge = (spec: typeof metrics.limit): Gauge => deps.metrics.gauge(spec, labels)
    const [limit, inFlight, queued] = [gauge(metrics.limit), gauge(metrics.inFlight), gauge(metrics.queued)]
    this.#stop = deps.metrics.onCollect(() => {
      limit.value = this.limit
      inFlight.value = this.#inFlight
      queued.value = this.#queue.length
    })
  }

  /** Requests that may be under way at once. */
  get limit(): number {
    return this.#adaptive?.limit ?? this.#config.max
  }

  /** Whether it holds requests back, rather than count what it would have held back. */
  get isEnforced(): boolean {
    return !this.#config.dry_run
  }

  /** Whether a permit is held until the end of an answer: a number that an operator gives is one of workers or connections. */
  get isHeldToEnd(): boolean {
    return this.#adaptive === undefined
  }

  /** Among whom requests take turns. */
  keyOf(x: Exchange, req: RequestHead): string {
    return keyOf(this.#config.by, x, req)
  }

  /** Takes a permit, if there is one and nobody waits for it. */
  tryBegin(): boolean {
    this.#adaptive?.asked()
    const hasRoom = this.#queue.length === 0 && this.#inFlight < this.limit
    if (!hasRoom && !this.#config.dry_run) return false
    this.#inFlight++
    if (!hasRoom) this.#metrics.counter(metrics.wouldHold, { upstream: this.name }).value++
    return true
  }

  /** Lets it wait for its turn. Returns the rule that refuses it instead. */
  enqueue(waiter: Waiter, nowMs: number): string | undefined {
    this.#adaptive?.held()
    if (waiter.deadlineAt - nowMs < (this.#meanMs ?? 0)) return 'deadline'
    if (this.#config.queue === 0) return 'queue_full'
    if (this.#queue.length >= this.#config.queue) {
      const other = this.#queue.giveWay(waiter.priority)
      if (other === undefined) return 'queue_full'
      other.refuse('queue_full')
    }
    this.#queue.add(waiter, nowMs)
    this.#enqueuedAt = nowMs
    return undefined
  }

  withdraw(waiter: Waiter): boolean {
    return this.#queue.remove(waiter)
  }

  /** The header section of an answer is here. */
  answered(req: RequestHead, startedAt: number, res: ResponseHead): void {
    const now = this.clock.now()
    const latencyMs = now - startedAt
    this.#took(latencyMs)
    const { status } = res
    if (status === 503 || status === 429) this.#pushedBack(now, res)
    else this.#pushback.none()
    // Errors come fast, and say nothing about how long the work takes.
    if (status >= 500 || status === 429) this.#adaptive?.failed()
    else this.#adaptive?.answered(now, bucketOf(req), latencyMs, this.#inFlight, this.#queue.length)
    if (!this.isHeldToEnd) this.#release(now)
  }

  failed(startedAt: number, why: GatewayError): void {
    const now = this.clock.now()
    if (why.code === 'response_timeout') this.#took(now - startedAt)
    this.#adaptive?.failed()
    this.#release(now)
  }

  /** A permit that was held until the end comes back. */
  ended(): void {
    this.#release(this.clock.now())
  }

  /** Whoever asked has gone. The permit comes back when the backend is likely through with it. */
  abandoned(req: RequestHead, startedAt: number): void {
    const now = this.clock.now()
    const elapsedMs = now - startedAt
    this.#adaptive?.abandoned(now, bucketOf(req), elapsedMs, this.#inFlight, this.#queue.length)
    // It takes longer than that; when nobody waits long enough, that is all there is to know.
    const meanMs = this.#meanMs ?? 0
    if (elapsedMs > meanMs) this.#meanMs = meanMs + (2 * elapsedMs - meanMs) * SMOOTHING
    const doneAt = startedAt + (this.#meanMs ?? 0)
    if (doneAt <= now) this.#release(now)
    else this.wheel.arm(new Deadline(() => this.#release(this.clock.now())), doneAt)
  }

  countShed(route: string, rule: string, priority: number): void {
    const labels = { route, rule, priority: priorities[priority] ?? 'normal' }
    this.#metrics.counter(shedTotal, labels).value++
  }

  retryAfter(): string[] {
    return retryAfter(1, this.#random)
  }

  stop(): void {
    this.#stop()
  }

  #pushedBack(nowMs: number, { status, headers }: ResponseHead): void {
    const askedMs = retryAfterMs(status, headerValue(headers, 'retry-after'), this.clock.wall())
    const isNews = this.#pushback.heard(nowMs, askedMs)
    this.#adaptive?.holdOff(this.#pushback.heldUntil)
    if (isNews) this.#adaptive?.pushedBack(this.#inFlight)
  }

  #release(nowMs: number): void {
    this.#inFlight--
    // While what is under way comes down to a limit that was lowered, important requests take most of the places.
    if (this.#inFlight >= this.limit) {
      this.#freed = (this.#freed + 1) % KEPT_BACK
      const first = this.#freed === 0 ? undefined : this.#queue.nextOf(HIGH, nowMs)
      if (first === undefined) return
      this.#admit(first)
      return
    }
    while (this.#inFlight < this.limit) {
      const isLettingGo = this.#isLettingGo(nowMs)
      const waiter = this.#queue.next(nowMs)
      if (waiter === undefined) return
      // Nor does a place stay empty for that.
      const isLetGo = isLettingGo && waiter.priority > HIGH && nowMs - waiter.waitingSince > STANDING_MS
      if (isLetGo && this.#queue.length > 0) waiter.refuse('queue_standing')
      else this.#admit(waiter)
    }
  }

  /**
   * While more comes than can be done, what waited long is let go: whoever asked has likely given up (CoDel). Not where an
   * operator has said how long that is; nor while nothing newer comes, which could take the place.
   */
  #isLettingGo(nowMs: number): boolean {
    if (this.#config.queue_timeout !== undefined) return false
    // In an overloaded backend latencies are long for the very reason that is to be seen.
    const serviceMs = this.#adaptive?.easeMs ?? this.#meanMs ?? 0
    const intervalMs = Math.max(STANDING_MS, serviceMs * STANDING_ANSWERS)
    return nowMs - this.#enqueuedAt <= STANDING_MS && this.#queue.isStanding(nowMs, intervalMs)
  }

  #took(ms: number): void {
    this.#meanMs = this.#meanMs === undefined ? ms : this.#meanMs + (ms - this.#meanMs) * SMOOTHING
  }

  #admit(waiter: Waiter): void {
    this.#inFlight++
    this.#admitted.push(waiter)
    if (this.#admitted.length === 1) this.#soon(() => this.#tell())
  }

  #tell(): void {
    const admitted = this.#admitted
    this.#admitted = []
    const now = this.clock.now()
    for (const waiter of admitted) if (!waiter.admitted(now)) this.#release(now)
  }
}

/** Requests of a kind: the same method and the same first two segments of the path. */
function bucketOf({ method, path }: RequestHead): number {
  const second = path.indexOf('/', 1)
  const third = second < 0 ? -1 : path.indexOf('/', second + 1)
  const kind = third < 0 ? path : path.slice(0, third)
  return hash32(method + kind) & (BUCKETS - 1)
}
