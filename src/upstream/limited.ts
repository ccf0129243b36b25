/**
 * Before the tries of an upstream: no more requests at once than the backend can work on, a short queue for the rest, and
 * a refusal at once for what would only come too late. A backend of ten workers that is asked for a hundred things at
 * once does not do them faster, only all of them late.
 */
import type { BodySource } from '../core/body.ts'
import { GatewayError } from '../core/errors.ts'
import { type Exchange, QUEUE } from '../core/exchange.ts'
import type { HeaderList } from '../core/headers.ts'
import type { RequestHead, ResponseHead } from '../core/message.ts'
import type { Cancel, Origin, Reader } from '../core/origin.ts'
import { Deadline } from '../core/wheel.ts'
import type { Limiter, Waiter } from './limiter.ts'
import type { Line, Waiting } from './policy/limit/fair-queue.ts'

export class Limited implements Origin {
  readonly #inner: Origin
  readonly #limiter: Limiter
  readonly #route: string

  constructor(inner: Origin, limiter: Limiter, route: string) {
    this.#inner = inner
    this.#limiter = limiter
    this.#route = route
  }

  fetch(x: Exchange, req: RequestHead, to: Reader): Cancel {
    const passage = new Passage(this.#inner, this.#limiter, this.#route, x, req, to)
    passage.start()
    return (why) => passage.cancel(why)
  }
}

const NEW = 0
const QUEUED = 1
const WORKING = 2
/** The answer has begun; its permit is held until it ends. */
const ANSWERING = 3
const DONE = 4

/** One request on its way through the limit. */
export class Passage implements Reader, Waiter {
  key = ''
  readonly priority: number
  readonly deadlineAt: number
  waitingSince = 0
  line: Line | undefined = undefined
  ahead: Waiting | undefined = undefined
  behind: Waiting | undefined = undefined
  readonly x: Exchange
  readonly #inner: Origin
  readonly #limiter: Limiter
  readonly #route: string
  readonly #req: RequestHead
  readonly #to: Reader
  #state = NEW
  #startedAt = 0
  #cancel: Cancel | undefined = undefined
  /** Why it was given up, for a fetch that has not yet returned its Cancel. */
  #givenUp: GatewayError | undefined = undefined
  #deadline: Deadline | undefined = undefined

  constructor(inner: Origin, limiter: Limiter, route: string, x: Exchange, req: RequestHead, to: Reader) {
    this.#inner = inner
    this.#limiter = limiter
    this.#route = route
    this.x = x
    this.priority = x.priority
    this.deadlineAt = x.deadlineAt
    this.#req = req
    this.#to = to
  }

  start(): void {
    const limiter = this.#limiter
    if (limiter.tryBegin()) {
      this.#begin(limiter.clock.now())
      return
    }
    const now = limiter.clock.now()
    this.waitingSince = now
    this.key = limiter.keyOf(this.x, this.#req)
    const refusal = limiter.enqueue(this, now)
    if (refusal !== undefined) {
      this.refuse(refusal)
      return
    }
    this.#state = QUEUED
    this.#startedAt = now
    this.#deadline = new Deadline(() => {
      if (limiter.withdraw(this)) this.refuse('queue_timeout')
    })
    limiter.wheel.arm(this.#deadline, Math.min(now + limiter.queueMs, this.deadlineAt))
  }

  /** It is its turn; a permit is its own. */
  admitted(nowMs: number): boolean {
    if (this.#state !== QUEUED) return false
    this.#waited(nowMs)
    this.#begin(nowMs)
    return true
  }

  /** It won't be sent. */
  refuse(rule: string): void {
    if (this.#state === QUEUED) this.#waited(this.#limiter.clock.now())
    this.#state = DONE
    this.x.refusedBy = rule
    this.#limiter.countShed(this.#route, rule, this.priority)
    this.#to.fail(new GatewayError('shed', `${rule} at upstream ${this.#limiter.name}`, this.#limiter.retryAfter()))
  }

  cancel(why: GatewayError): void {
    if (this.#state === QUEUED) {
      this.#limiter.withdraw(this)
      this.#waited(this.#limiter.clock.now())
    } else if (this.#state === WORKING) {
      // A backend seldom notices: it goes on working for nobody, and has no more room until it is through.
      this.#limiter.abandoned(this.#req, this.#startedAt)
    } else this.#ended()
    this.#state = DONE
    this.#givenUp = why
    this.#cancel?.(why)
  }

  interim(status: number, headers: HeaderList): void {
    this.#to.interim(status, headers)
  }

  head(res: ResponseHead, source: BodySource): void {
    let heard = source
    if (this.#state === WORKING) {
      this.#limiter.answered(this.#req, this.#startedAt, res)
      this.#state = DONE
      if (this.#limiter.isHeldToEnd) {
        this.#state = ANSWERING
        heard = this.#watched(source)
      }
    }
    this.#to.head(res, heard)
  }

  write(chunk: Uint8Array): boolean {
    return this.#to.write(chunk)
  }

  end(trailers?: HeaderList): void {
    this.#ended()
    this.#to.end(trailers)
  }

  fail(why: GatewayError): void {
    if (this.#state === WORKING) {
      this.#state = DONE
      this.#limiter.failed(this.#startedAt, why)
    } else this.#ended()
    this.#to.fail(why)
  }

  /** The same source; that it was given up is the end of it here, too. */
  #watched(source: BodySource): BodySource {
    return {
      pause: () => source.pause(),
      resume: () => source.resume(),
      abort: (why) => {
        this.#ended()
        source.abort(why)
      },
    }
  }

  #ended(): void {
    if (this.#state !== ANSWERING) return
    this.#state = DONE
    this.#limiter.ended()
  }

  #begin(nowMs: number): void {
    this.#state = WORKING
    this.#startedAt = nowMs
    const cancel = this.#inner.fetch(this.x, this.#req, this)
    if (this.#givenUp === undefined) this.#cancel = cancel
    else cancel(this.#givenUp)
  }

  #waited(nowMs: number): void {
    const { spans } = this.x
    const ms = nowMs - this.#startedAt
    spans[QUEUE] = (spans[QUEUE] as number) + ms
    this.#limiter.queueSeconds.record(ms / 1000)
    if (this.#deadline !== undefined) this.#limiter.wheel.disarm(this.#deadline)
  }
}
