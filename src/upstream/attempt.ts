/**
 * One try: one request on one endpoint, and the answer to it. It is the handler that undici calls, and translates
 * between undici's callbacks and the origin protocol (core/origin.ts).
 *
 *   waiting ──▶ sent ──▶ answering ──▶ over
 *      └──────────┴───────────┴─────────▲       failed, given up or too late
 */
import type { Readable } from 'node:stream'
import type { Dispatcher, Pool } from 'undici'
import type { BodySource } from '../core/body.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { CONNECT, QUEUE, WAIT } from '../core/exchange.ts'
import { endToEnd, type HeaderList } from '../core/headers.ts'
import type { RequestHead } from '../core/message.ts'
import type { Reader } from '../core/origin.ts'
import { Deadline, type Wheel } from '../core/wheel.ts'
import { dispatchOptions } from './dispatch-options.ts'
import type { Endpoint } from './endpoint.ts'
import { HEADER_KEY, spent, upstreamFailure } from './failure.ts'
import type { Line, LineUser } from './line.ts'
import { checkFields, decodeFields, type RawFields, readAnswer, trailersOf } from './policy/answer.ts'
import type { Caller } from './pool.ts'
import type { TimeoutsConfig } from './schema-tries.ts'

/** One try, whichever client sends it. */
export interface Try {
  start(): void
  /** Gives the answer up. */
  cancel(why: GatewayError): void
}

/** What the tries of one route share. */
export interface AttemptPlan {
  readonly clock: Clock
  readonly wheel: Wheel
  readonly timeouts: TimeoutsConfig
  /** Time for one try until its answer's header section is here, in milliseconds; Infinity for no limit of its own. */
  readonly tryMs: number
  /** The request, telling the backend how much time is left for it. */
  withBudget(req: RequestHead, leftMs: number): RequestHead
}

const WAITING = 0
const SENT = 1
const ANSWERING = 2
const OVER = 3

export class Attempt implements Try, Dispatcher.DispatchHandler, BodySource, Caller, LineUser {
  readonly endpoint: Endpoint
  readonly req: RequestHead
  readonly to: Reader
  readonly spans: Float64Array
  ahead: Caller | undefined = undefined
  behind: Caller | undefined = undefined
  isQueued = false
  line: Line | undefined = undefined
  isRefused = false
  readonly #deadlineAt: number
  readonly #plan: AttemptPlan
  readonly #deadline: Deadline
  #state = WAITING
  #controller: Dispatcher.DispatchController | undefined = undefined
  #upload: Readable | null = null
  /** undici has the request. */
  #isDispatched = false
  #isUploading = false
  #hasInterim = false
  #startedAt = 0
  /** When the time for this try is over. */
  #endsAt = Number.POSITIVE_INFINITY
  /** When the last byte of the request was written. */
  #sentAt = 0
  /** When a byte last moved, in the direction that is waited for. */
  #movedAt = 0
  #status = 0
  #isPaused = false
  /** Chunks that came although the reader had paused. */
  #held: Buffer[] | undefined = undefined
  /** The end came while chunks were held. */
  #isEnded = false
  #trailers: HeaderList | undefined = undefined

  /**
   * @param spans where its times are added: those of the exchange
   * @param deadlineAt when the time for the request as a whole is over
   */
  constructor(
    plan: AttemptPlan,
    endpoint: Endpoint,
    req: RequestHead,
    to: Reader,
    spans: Float64Array,
    deadlineAt: number,
  ) {
    this.#plan = plan
    this.#deadlineAt = deadlineAt
    this.endpoint = endpoint
    this.req = req
    this.to = to
    this.spans = spans
    this.#deadline = new Deadline(() => this.#expire())
  }

  start(): void {
    const { endpoint } = this
    const { clock, wheel, timeouts, tryMs } = this.#plan
    const now = clock.now()
    this.#startedAt = now
    this.#endsAt = now + tryMs
    wheel.arm(this.#deadline, Math.min(now + timeouts.connect, this.#endsAt))
    if (endpoint.pool.admit(this)) return
    this.#fail(new GatewayError('upstream_busy', endpoint.pool.fullness))
  }

  cancel(why: GatewayError): void {
    if (this.#state === OVER) return
    this.endpoint.countFailure(why.code)
    this.#letGo(why)
  }

  dispatchOn(pool: Pool): void {
    this.#isDispatched = true
    const endsAt = Math.min(this.#deadlineAt, this.#endsAt)
    let req = this.req
    if (endsAt !== Number.POSITIVE_INFINITY) {
      const leftMs = endsAt - this.#plan.clock.now()
      if (leftMs <= 0) {
        this.#release()
        this.#giveUp(spent(this.#deadlineAt, this.#endsAt))
        return
      }
      req = this.#plan.withBudget(req, leftMs)
    }
    this.#upload = req.body?.open() ?? null
    pool.dispatch(dispatchOptions(req, this.endpoint, this.#upload), this)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // To throw is how undici lets a request go without closing the connection it would have used.
    if (this.#state !== WAITING) throw goneError
    const now = this.#plan.clock.now()
    const line = this.line as Line
    const connectMs = line.uses === 0 ? Math.min(line.connectMs, now - this.#startedAt) : 0
    const { spans } = this
    spans[CONNECT] = (spans[CONNECT] as number) + connectMs
    spans[QUEUE] = (spans[QUEUE] as number) + (now - this.#startedAt - connectMs)
    line.uses++
    this.#controller = controller
    this.#state = SENT
    this.#isUploading = this.#upload !== null
    this.#startedAt = this.#sentAt = this.#movedAt = now
    this.#plan.wheel.arm(this.#deadline, Math.min(now + this.#plan.timeouts.response, this.#endsAt))
  }

  onBodySent(): void {
    this.#movedAt = this.#plan.clock.now()
  }

  onRequestSent(): void {
    if (!this.#isUploading) return
    this.#isUploading = false
    this.#sentAt = this.#movedAt = this.#plan.clock.now()
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _headers: unknown, text = ''): void {
    const { turn } = this.endpoint.pool
    turn.depth++
    try {
      this.#start(controller, status, text)
    } finally {
      turn.depth--
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { turn } = this.endpoint.pool
    turn.depth++
    try {
      this.#data(controller, chunk)
    } finally {
      turn.depth--
    }
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const { turn } = this.endpoint.pool
    turn.depth++
    try {
      this.#end(controller)
    } finally {
      turn.depth--
    }
  }

  onResponseError(controller: Dispatcher.DispatchController | null, error: Error): void {
    const { turn } = this.endpoint.pool
    turn.depth++
    try {
      this.#error(controller, error)
    } finally {
      turn.depth--
    }
  }

  #start(controller: Dispatcher.DispatchController, status: number, text: string): void {
    if (this.#state !== SENT) return
    const list = decodeFields(controller.rawHeaders as unknown as RawFields)
    if (status >= 102 && status < 200) {
      const fault = checkFields(list)
      this.#hasInterim = true
      if (fault === undefined) this.to.interim(status, endToEnd(list))
      else this.#refuse(fault)
      return
    }
    const head = readAnswer(status, text, list)
    if (typeof head === 'string') {
      this.#refuse(head)
      return
    }
    const { clock, wheel, timeouts } = this.#plan
    const now = clock.now()
    const { spans } = this
    spans[WAIT] = (spans[WAIT] as number) + (now - this.#startedAt)
    this.endpoint.requestSeconds.record((now - this.#sentAt) / 1000)
    this.#state = ANSWERING
    this.#status = status
    this.#movedAt = now
    wheel.arm(this.#deadline, now + timeouts.idle)
    this.to.head(head, this)
  }

  #data(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    // undici flushes its parser with nothing, and hands that on.
    if (this.#state !== ANSWERING || chunk.byteLength === 0) return
    this.#movedAt = this.#plan.clock.now()
    if (this.#isPaused || this.#held !== undefined) {
      this.#held ??= []
      this.#held.push(chunk)
      controller.pause()
    } else if (!this.to.write(chunk)) {
      this.#isPaused = true
      controller.pause()
    }
  }

  #end(controller: Dispatcher.DispatchController): void {
    this.#release()
    if (this.#state !== ANSWERING) return
    // undici takes a reset for the end of an answer without a length; bytes may be missing.
    if (this.line?.isBroken === true) {
      this.#fail(new GatewayError('truncated', 'the connection broke'))
      return
    }
    const trailers = decodeFields(controller.rawTrailers as unknown as RawFields)
    const fault = checkFields(trailers)
    if (fault !== undefined) {
      this.#fail(new GatewayError('bad_response', `trailers: ${fault}`))
      return
    }
    this.#trailers = trailersOf(trailers)
    if (this.#held === undefined) this.#finish()
    else this.#isEnded = true
  }

  #error(controller: Dispatcher.DispatchController | null, error: Error): void {
    this.isRefused = controller === null
    this.#release()
    if (this.#state === OVER) return
    const progress = {
      isSent: this.#state !== WAITING,
      isAnswering: this.#state === ANSWERING,
      isKept: (this.line?.uses ?? 0) > 1 && !this.#hasInterim,
      headerBytes: this.endpoint.pool.headerBytes,
      headerKey: HEADER_KEY,
    }
    this.#fail(upstreamFailure(error, progress))
  }

  pause(): void {
    this.#isPaused = true
    if (!this.#isEnded) this.#controller?.pause()
  }

  resume(): void {
    if (!this.#isPaused || this.#state !== ANSWERING) return
    this.#isPaused = false
    this.#movedAt = this.#plan.clock.now()
    // Not in the same turn: undici's parser may be on the stack, of this connection or another.
    queueMicrotask(() => this.#flow())
  }

  abort(why: GatewayError): void {
    this.cancel(why)
  }

  /** Lets what was held go first, then the connection. */
  #flow(): void {
    const held = this.#held
    while (held !== undefined && held.length > 0) {
      if (this.#isPaused || this.#state !== ANSWERING) return
      if (!this.to.write(held.shift() as Buffer)) this.#isPaused = true
    }
    if (this.#state !== ANSWERING) return
    this.#held = undefined
    if (this.#isEnded) this.#finish()
    else if (!this.#isPaused) this.#controller?.resume()
  }

  #expire(): void {
    const { clock, wheel, timeouts } = this.#plan
    const now = clock.now()
    if (this.#state === WAITING) {
      this.#giveUp(this.#noConnection())
    } else if (this.#state === SENT) {
      // Time counts from the last progress of the upload, and not while it is the client who has nothing to send.
      const isClientSlow = this.#isUploading && this.#upload?.isPaused() === false
      const at = Math.min((isClientSlow ? now : this.#movedAt) + timeouts.response, this.#endsAt)
      if (at > now) wheel.arm(this.#deadline, at)
      else this.#giveUp(new GatewayError('response_timeout', this.#patience(now)))
    } else {
      // While the reader has paused, it is the client who is slow.
      const at = (this.#isPaused ? now : this.#movedAt) + timeouts.idle
      if (at > now) wheel.arm(this.#deadline, at)
      else this.#giveUp(new GatewayError('idle_timeout', `after ${timeouts.idle} ms`))
    }
  }

  #patience(now: number): string {
    const { timeouts, tryMs } = this.#plan
    return now >= this.#endsAt ? `${tryMs} ms for one try are over` : `after ${timeouts.response} ms`
  }

  #noConnection(): GatewayError {
    const connect = Math.min(this.#plan.timeouts.connect, this.#plan.tryMs)
    return this.line === undefined
      ? new GatewayError('upstream_busy', `no connection to ${this.endpoint.label} came free in ${connect} ms`)
      : new GatewayError('connect_timeout', `no connection to ${this.endpoint.label} in ${connect} ms`)
  }

  #refuse(fault: string): void {
    this.#giveUp(new GatewayError('bad_response', fault))
  }

  /** Ends it from our side, with a reason that the reader is told. */
  #giveUp(why: GatewayError): void {
    this.#letGo(why)
    this.#report(why)
  }

  #fail(why: GatewayError): void {
    this.#close()
    this.#upload?.destroy()
    this.#report(why)
  }

  #report(why: GatewayError): void {
    this.endpoint.countFailure(why.code)
    this.to.fail(why)
  }

  #finish(): void {
    this.#close()
    this.endpoint.countAnswer(this.#status)
    this.to.end(this.#trailers)
  }

  /** Has undici forget about it, wherever it is. */
  #letGo(why: GatewayError): void {
    this.#close()
    this.#held = undefined
    if (this.#controller !== undefined) this.#controller.abort(why)
    else if (!this.endpoint.pool.withdraw(this)) this.line?.abandon(why)
    this.#upload?.destroy()
  }

  #close(): void {
    // What ends without an answer has waited all the same: it must not look like our own time.
    if (this.#state === WAITING || this.#state === SENT) {
      const span = this.#state === SENT ? WAIT : this.line === undefined ? QUEUE : CONNECT
      this.spans[span] = (this.spans[span] as number) + (this.#plan.clock.now() - this.#startedAt)
    }
    this.#state = OVER
    this.#plan.wheel.disarm(this.#deadline)
  }

  #release(): void {
    if (!this.#isDispatched) return
    this.#isDispatched = false
    this.endpoint.pool.release()
  }
}

/** What onRequestStart throws for a request that was given up while it waited. */
const goneError = new GatewayError('client_gone', 'given up before a connection was there')
