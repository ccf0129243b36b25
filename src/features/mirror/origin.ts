/**
 * The mirror as an origin over an origin: what goes upstream goes to another upstream too, as an exchange of its own
 * that nobody waits for. The request itself comes first and never notices: a copy with a body is sent when the whole
 * body has been read for the request, and nothing that happens to a copy is told to anyone but the metrics.
 */
import type { BodySource } from '../../core/body.ts'
import type { Clock, Random } from '../../core/clock.ts'
import { DetachedExchange } from '../../core/detached.ts'
import { GatewayError } from '../../core/errors.ts'
import type { Exchange } from '../../core/exchange.ts'
import { type HeaderList, hasHeader, removeHeader } from '../../core/headers.ts'
import type { RequestHead, ResponseHead } from '../../core/message.ts'
import type { Cancel, Origin, Reader } from '../../core/origin.ts'
import { NO_EXTRAS, type Pressure } from '../../core/pressure.ts'
import { LOW } from '../../core/priority.ts'
import { replayable } from '../../core/replay.ts'
import { Deadline, type Wheel } from '../../core/wheel.ts'
import { isMirrored, type MirrorRules } from './policy/decide.ts'

/** Tells the backend that its answer goes nowhere. Taken off requests that are none of our copies. */
const MARK = 'X-Mirrored'
const mark = MARK.toLowerCase()

/**
 * What became of a copy: the class of the status that it was answered with, or failed or timeout; or why there was
 * none: busy (too many under way), pressure (the gateway has no strength to spare), body (too large, or not whole).
 */
export const outcomes = ['2xx', '3xx', '4xx', '5xx', 'failed', 'timeout', 'busy', 'pressure', 'body'] as const
export type Outcome = (typeof outcomes)[number]

/** Of an answer that nobody wants, read so that its connection can be kept; the rest only takes time from others. */
const MAX_ANSWER_BYTES = 1024 * 1024

export interface MirrorPlan extends MirrorRules {
  readonly other: Origin
  readonly maxBodyBytes: number
  readonly timeoutMs: number
  readonly concurrency: number
  /** Shared by all configurations in which the route mirrors. */
  readonly state: { inFlight: number }
  readonly clock: Clock
  readonly wheel: Wheel
  readonly random: Random
  readonly pressure: Pressure
  count(outcome: Outcome): void
}

export class MirrorOrigin implements Origin {
  readonly #plan: MirrorPlan
  readonly #inner: Origin

  constructor(plan: MirrorPlan, inner: Origin) {
    this.#plan = plan
    this.#inner = inner
  }

  fetch(x: Exchange, req: RequestHead, to: Reader): Cancel {
    const plan = this.#plan
    const own = !hasHeader(req.headers, mark) ? req : { ...req, headers: unmarked(req.headers) }
    if (!isMirrored(plan, req.method, plan.random())) return this.#inner.fetch(x, own, to)
    if (own.body === null) {
      const cancel = this.#inner.fetch(x, own, to)
      this.#copy(x, own)
      return cancel
    }
    const body = replayable(own.body, plan.maxBodyBytes)
    const head = { ...own, body }
    body.whenSettled((isWhole) => {
      if (isWhole) this.#copy(x, head)
      else plan.count('body')
    })
    return this.#inner.fetch(x, head, to)
  }

  #copy(x: Exchange, req: RequestHead): void {
    const plan = this.#plan
    if (plan.pressure.level >= NO_EXTRAS) plan.count('pressure')
    else if (plan.state.inFlight >= plan.concurrency) plan.count('busy')
    else new Copy(plan).send(x, req)
  }
}

/** One copy under way: the reader of an answer that nobody wants. */
class Copy implements Reader {
  readonly #plan: MirrorPlan
  readonly #deadline: Deadline
  #cancel: Cancel | undefined = undefined
  #source: BodySource | undefined = undefined
  #status = 0
  #readBytes = 0
  #isOver = false

  constructor(plan: MirrorPlan) {
    this.#plan = plan
    this.#deadline = new Deadline(() => this.#expire())
  }

  send(x: Exchange, req: RequestHead): void {
    const { state, clock, wheel, timeoutMs, other } = this.#plan
    const now = clock.now()
    state.inFlight++
    wheel.arm(this.#deadline, now + timeoutMs)
    const headers = [...req.headers, MARK, '1']
    const own = new DetachedExchange(x, now)
    // Where the mirror serves others, too, these come first.
    own.priority = LOW
    const cancel = other.fetch(own, { ...req, headers }, this)
    if (!this.#isOver) this.#cancel = cancel
  }

  interim(): void {}

  head(res: ResponseHead, source: BodySource): void {
    this.#status = res.status
    this.#source = source
  }

  write(chunk: Uint8Array): boolean {
    this.#readBytes += chunk.byteLength
    if (this.#readBytes <= MAX_ANSWER_BYTES || this.#isOver) return true
    this.end()
    this.#source?.abort(new GatewayError('superseded', 'the rest of a mirrored answer'))
    return true
  }

  end(): void {
    const answer = `${Math.trunc(this.#status / 100)}xx` as Outcome
    this.#finish(outcomes.includes(answer) ? answer : 'failed')
  }

  fail(): void {
    this.#finish('failed')
  }

  #expire(): void {
    this.#finish('timeout')
    this.#cancel?.(new GatewayError('superseded', `the mirrored request took ${this.#plan.timeoutMs} ms`))
  }

  #finish(outcome: Outcome): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#plan.wheel.disarm(this.#deadline)
    this.#plan.state.inFlight--
    this.#plan.count(outcome)
  }
}

function unmarked(headers: HeaderList): HeaderList {
  const list = headers.slice()
  removeHeader(list, mark)
  return list
}
