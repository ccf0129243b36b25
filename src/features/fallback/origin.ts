/**
 * The fallback as an origin over an origin: sees only that what lies below it failed, before a byte of an answer
 * existed.
 *
 *   first: the route's own ─ answers ─────────────────────────────▶ the answer
 *            └─ fails ─▶ second: another upstream ─ answers ──────▶ its answer
 *                          └─ fails, or none ─▶ a fixed answer, or the first failure as it was
 *
 * An answer whose status calls for help is held, and given after all when no help can be had.
 */
import type { BodySource } from '../../core/body.ts'
import type { GatewayError } from '../../core/errors.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { RequestHead, ResponseHead } from '../../core/message.ts'
import type { Cancel, Origin, Reader } from '../../core/origin.ts'
import { mayOpen, replayable } from '../../core/replay.ts'
import { type Reply, reasonOf } from '../../core/reply.ts'
import { Leg, type LegOwner } from './leg.ts'
import { isHelped, mayAnswer, mayAskAnother } from './policy/decide.ts'

/** How it ended: another upstream answered, the fixed answer was given, or nothing helped. */
export type FallbackKind = 'upstream' | 'answer' | 'none'

export interface FallbackPlan {
  readonly other: Origin | undefined
  /** The fixed answer, with its status. */
  readonly answer: { readonly status: number; readonly make: (x: Exchange, why?: GatewayError) => Reply } | undefined
  readonly onFailure: boolean
  readonly statuses: ReadonlySet<number>
  readonly maxBodyBytes: number
  /** @param because the code of the failure, or the status that called for help */
  count(kind: FallbackKind, because: string): void
}

export class FallbackOrigin implements Origin {
  readonly #plan: FallbackPlan
  readonly #inner: Origin

  constructor(plan: FallbackPlan, inner: Origin) {
    this.#plan = plan
    this.#inner = inner
  }

  fetch(x: Exchange, req: RequestHead, to: Reader): Cancel {
    const isRemembered = this.#plan.other !== undefined && req.body !== null
    const head = isRemembered ? { ...req, body: replayable(req.body, this.#plan.maxBodyBytes) } : req
    const rescue = new Rescue(this.#plan, x, head, to)
    rescue.start(this.#inner)
    return (why) => rescue.cancel(why)
  }
}

class Rescue implements LegOwner, BodySource {
  readonly to: Reader
  readonly #plan: FallbackPlan
  readonly #x: Exchange
  readonly #req: RequestHead
  readonly #first: Leg
  #second: Leg | undefined = undefined
  /** Why the first did not do; undefined when it was its status. */
  #cause: GatewayError | undefined = undefined
  #because = ''
  #isOver = false

  constructor(plan: FallbackPlan, x: Exchange, req: RequestHead, to: Reader) {
    this.#plan = plan
    this.#x = x
    this.#req = req
    this.to = to
    this.#first = new Leg(this)
  }

  start(inner: Origin): void {
    this.#first.start(inner, this.#x, this.#req)
  }

  cancel(why: GatewayError): void {
    this.#isOver = true
    this.#first.cancel(why)
    this.#second?.cancel(why)
  }

  mayPass(leg: Leg, res: ResponseHead): boolean {
    const isCalledFor = this.#plan.statuses.has(res.status)
    if (leg === this.#first) return !isCalledFor || !(this.#mayAsk(undefined) || this.#mayAnswer())
    return !isCalledFor || !this.#mayAnswer()
  }

  /** The leg's answer is held, since its status calls for help. */
  held(leg: Leg, status: number): void {
    if (leg === this.#first) this.#help(undefined, String(status))
    else this.#answer()
  }

  passes(leg: Leg): void {
    if (leg === this.#first) return
    this.#plan.count('upstream', this.#because)
    this.#x.fallback = 'upstream'
    this.#first.drop()
  }

  failed(leg: Leg, why: GatewayError): void {
    if (leg !== this.#first) this.#answer()
    else if (this.#plan.onFailure && isHelped(why)) this.#help(why, why.code)
    else this.to.fail(why)
  }

  /** Whoever answered, what failed first is what the log should say. */
  ends(leg: Leg): void {
    if (leg !== this.#first) this.#x.outcome ??= this.#cause
  }

  pause(): void {}

  resume(): void {}

  abort(): void {
    this.#isOver = true
  }

  #help(why: GatewayError | undefined, because: string): void {
    this.#cause = why
    this.#because = because
    if (!this.#mayAsk(why)) {
      this.#answer()
      return
    }
    this.#second = new Leg(this)
    this.#second.start(this.#plan.other as Origin, this.#x, this.#req)
  }

  #mayAsk(why: GatewayError | undefined): boolean {
    const { method, body } = this.#req
    return this.#plan.other !== undefined && mayAskAnother(method, why) && mayOpen(body)
  }

  #mayAnswer(): boolean {
    const { answer } = this.#plan
    return answer !== undefined && mayAnswer(this.#req.method, answer.status)
  }

  /** The last resort. */
  #answer(): void {
    if (this.#isOver) return
    if (this.#mayAnswer()) this.#giveFixed()
    else {
      this.#plan.count('none', this.#because)
      if (this.#cause === undefined) this.#first.release()
      else this.to.fail(this.#cause)
    }
  }

  #giveFixed(): void {
    const { answer, count } = this.#plan
    const x = this.#x
    const reply = (answer as NonNullable<typeof answer>).make(x, this.#cause)
    count('answer', this.#because)
    x.fallback = 'answer'
    this.#first.drop()
    this.#second?.drop()
    this.to.head({ status: reply.status, reason: reasonOf(reply.status), headers: reply.headers }, this)
    if (this.#isOver) return
    if (reply.body !== undefined && this.#req.method !== 'HEAD') this.to.write(reply.body)
    if (this.#isOver) return
    x.outcome ??= this.#cause
    this.to.end()
  }
}
