/**
 * The data path, all of it:
 *
 *   request ─▶ admit ─▶ origin( fallback ▷ cache ▷ edits: send ─▶ tries ▷ endpoints ─▶ store ) ─▶ deliver ─▶ client
 *              any may answer at once                                                          finish, once, always
 *
 * An exchange runs down the `admit` steps of its plan (plan.ts), hands itself to the origin as its reader, and is driven
 * from there by callbacks.
 */
import type { BodyFilter, BodySource } from './core/body.ts'
import { wholeBody } from './core/body.ts'
import type { Downstream, DownstreamOwner, TunnelOwner } from './core/downstream.ts'
import { asGatewayError, GatewayError } from './core/errors.ts'
import {
  ADMIT,
  BODY,
  CONNECT,
  type Exchange,
  LOOKUP,
  OVERHEAD,
  type Peer,
  QUEUE,
  type RouteInfo,
  spans,
  WAIT,
} from './core/exchange.ts'
import { type HeaderList, headerValue } from './core/headers.ts'
import type { RequestHead, ResponseHead } from './core/message.ts'
import type { Cancel, Reader } from './core/origin.ts'
import { NORMAL } from './core/priority.ts'
import { problem, type Reply, reasonOf } from './core/reply.ts'
import type { Stored } from './core/stored.ts'
import { Deadline } from './core/wheel.ts'
import { type ChainOwner, FilterChain } from './filters.ts'
import type { Plan } from './plan.ts'
import type { Step } from './steps.ts'

/** An exchange with its client: what stages see, what origins drive, what the downstream reports to. */
export class Client implements Exchange, Reader, ChainOwner, DownstreamOwner, TunnelOwner {
  readonly plan: Plan
  readonly id: string
  readonly request: RequestHead
  readonly peer: Peer
  readonly captures: readonly string[]
  readonly startedAt: number
  readonly spans: Float64Array
  readonly slots: unknown[]
  headAt = 0
  status = 0
  sentBytes = 0
  outcome: GatewayError | undefined = undefined
  endpoint = ''
  tries = 0
  cache = ''
  stored: Stored | undefined = undefined
  instead: Uint8Array | undefined = undefined
  readonly deadlineAt: number
  priority: number
  hedged = false
  affinity = ''
  fallback = ''
  refusedBy = ''
  /** False once the exchange is over: nothing may touch it any more. */
  open = true
  /** How to give up on what is under way. */
  cancel: Cancel | undefined = undefined
  readonly #down: Downstream
  #isHeadSent = false
  /** Nothing more is expected of the origin: it has ended, or was given up. */
  #isOver = false
  /** Why it was given up, for a fetch that has not yet returned its Cancel. */
  #givenUp: GatewayError | undefined = undefined
  #source: BodySource = wholeBody
  #filters: FilterChain | undefined = undefined
  #bodyAt = 0
  #total: Deadline | undefined = undefined

  constructor(plan: Plan, request: RequestHead, peer: Peer, captures: readonly string[], id: string, down: Downstream) {
    this.plan = plan
    this.request = request
    this.peer = peer
    this.captures = captures
    this.id = id
    this.startedAt = down.startedAt
    this.deadlineAt = this.startedAt + plan.totalMs
    this.priority = NORMAL
    this.spans = new Float64Array(spans.length)
    this.slots = plan.slots === 0 ? noSlots : new Array(plan.slots)
    this.#down = down
    down.attach(this)
  }

  get route(): RouteInfo {
    return this.plan.route
  }

  /** Takes the request through its plan. Called once. */
  start(): void {
    const { totalMs, platform, bodyBytes } = this.plan
    if (totalMs !== Number.POSITIVE_INFINITY) {
      this.#total = new Deadline(() => this.giveUp(new GatewayError('total_timeout', `after ${totalMs} ms`)))
      platform.wheel.arm(this.#total, this.deadlineAt)
    }
    const { body } = this.request
    if (body !== null && bodyBytes !== undefined) {
      if (body.lengthBytes !== undefined && body.lengthBytes > bodyBytes) {
        this.fail(new GatewayError('body_too_large', `${body.lengthBytes} bytes announced, ${bodyBytes} allowed`))
        return
      }
      body.limit(bodyBytes)
    }
    this.#admit(0)
  }

  #admit(from: number): void {
    const { admit } = this.plan
    for (let i = from; i < admit.length; i++) {
      let verdict: Reply | undefined | Promise<Reply | undefined>
      try {
        verdict = (admit[i] as Step<'admit'>).admit(this)
      } catch (thrown) {
        this.fault(thrown)
        return
      }
      if (verdict === undefined) continue
      if (!(verdict instanceof Promise)) {
        this.answer(verdict)
        return
      }
      // The only place where a request waits before its origin.
      verdict.then(
        (reply) => {
          if (!this.open || this.#isOver) return
          if (reply === undefined) this.#admit(i + 1)
          else this.answer(reply)
        },
        (thrown: unknown) => {
          // Meanwhile the exchange may have been answered for another reason: then this is only worth a line.
          if (this.#isOver) this.#report(asGatewayError(thrown))
          else this.fault(thrown)
        },
      )
      return
    }
    if (admit.length > 0) this.spans[ADMIT] = this.plan.platform.clock.now() - this.startedAt
    this.#fetch()
  }

  #fetch(): void {
    let cancel: Cancel
    try {
      cancel = this.#open()
    } catch (thrown) {
      this.fault(thrown)
      return
    }
    if (this.#givenUp !== undefined) cancel(this.#givenUp)
    else if (this.open && !this.#isOver) this.cancel = cancel
  }

  #open(): Cancel {
    const { handshake } = this.#down
    const { origin, tunnel } = this.plan
    if (handshake === undefined) {
      if (this.request.body !== null) this.#down.continue()
      return origin.fetch(this, this.request, this)
    }
    if (tunnel === undefined) throw new GatewayError('upgrade_refused', 'the route has no upstream')
    return tunnel.open(this, this.request, handshake, this)
  }

  /** Answers without an origin, or instead of one that failed before its head. */
  answer(reply: Reply): void {
    if (!this.open || this.#isHeadSent) return
    const { body, headers } = reply
    const list = headers.slice()
    if (body !== undefined && headerValue(list, 'content-length') === undefined) {
      list.push('Content-Length', String(body.byteLength))
    } else if (body === undefined && mayHaveBody(reply.status)) {
      list.push('Content-Length', '0')
    }
    this.head({ status: reply.status, reason: reasonOf(reply.status), headers: list }, wholeBody)
    if (!this.open) return
    if (body !== undefined && body.byteLength > 0 && this.request.method !== 'HEAD') this.write(body)
    this.end()
  }

  interim(status: number, headers: HeaderList): void {
    if (this.open && !this.#isHeadSent) this.#down.interim(status, headers)
  }

  head(res: ResponseHead, source: BodySource): void {
    if (!this.open) return
    this.#source = source
    const { deliver } = this.plan
    if (deliver.length > 0) {
      try {
        this.#deliver(deliver, res, source)
      } catch (thrown) {
        source.abort(asGatewayError(thrown))
        this.#broken(thrown)
        return
      }
    }
    this.status = res.status
    this.#isHeadSent = true
    this.headAt = this.#bodyAt = this.plan.platform.clock.now()
    this.#down.head(res.status, res.reason, res.headers, this.#source === wholeBody)
  }

  #deliver(steps: readonly Step<'deliver'>[], res: ResponseHead, source: BodySource): void {
    let filters: BodyFilter[] | undefined
    for (const step of steps) {
      const filter = step.deliver(this, res)
      if (filter === undefined) continue
      filters ??= []
      filters.push(filter)
    }
    if (filters === undefined) return
    this.#filters = new FilterChain(filters, source, this)
    this.#source = this.#filters
  }

  write(chunk: Uint8Array): boolean {
    if (!this.open) return true
    return this.#filters === undefined ? this.send(chunk) : this.#filters.write(chunk)
  }

  end(trailers?: HeaderList): void {
    if (!this.open) return
    this.#isOver = true
    this.cancel = undefined
    if (this.#filters === undefined) this.complete(trailers)
    else this.#filters.end(trailers)
  }

  /** The answer cannot be had, or broke off. Before the head the client is told; after it the truncation is visible. */
  fail(why: GatewayError): void {
    if (!this.open) return
    this.#isOver = true
    this.cancel = undefined
    this.outcome ??= why
    if (this.#isHeadSent) {
      this.#down.abort()
      this.#close()
      return
    }
    this.answer(problem(why, this.id, this.request.headers))
  }

  /** Bytes for the client, after every filter. */
  send(chunk: Uint8Array): boolean {
    if (!this.open) return true
    this.sentBytes += chunk.byteLength
    this.plan.platform.buffers.passed(chunk.byteLength)
    return this.#down.write(chunk)
  }

  /** The end of the answer, after every filter. */
  complete(trailers?: HeaderList): void {
    if (!this.open) return
    // May find that it cannot be ended, and say `gone` from within.
    this.#down.end(trailers)
    this.#close()
  }

  drained(): void {
    if (this.open) this.#source.resume()
  }

  gone(why = new GatewayError('client_gone')): void {
    if (!this.open) return
    this.#letGo(why)
    this.#close()
  }

  /** Ends the exchange from our side: cancels what is under way, then answers or breaks off. */
  giveUp(why: GatewayError): void {
    if (!this.open) return
    this.#letGo(why)
    this.fail(why)
  }

  #letGo(why: GatewayError): void {
    this.outcome ??= why
    if (this.#isOver) return
    const { cancel } = this
    this.#isOver = true
    this.#givenUp = why
    this.cancel = undefined
    cancel?.(why)
  }

  opened(): void {
    if (!this.open) return
    this.status = 101
    this.#isHeadSent = true
    this.headAt = this.#bodyAt = this.plan.platform.clock.now()
    if (this.#total !== undefined) this.plan.platform.wheel.disarm(this.#total)
  }

  closed(sentBytes: number): void {
    if (!this.open) return
    this.sentBytes = sentBytes
    this.#isOver = true
    this.#close()
  }

  /** A step or a filter threw: a GatewayError is its answer, anything else a fault of ours. */
  fault(thrown: unknown): void {
    const why = asGatewayError(thrown)
    if (why.code === 'internal') this.#report(why)
    this.giveUp(why)
  }

  /** A step threw while an answer was going out: its own steps can't be trusted with another one. */
  #broken(thrown: unknown): void {
    const why = asGatewayError(thrown)
    if (why.code === 'internal') this.#report(why)
    this.outcome = why
    this.#isOver = true
    const reply = problem(why, this.id, this.request.headers)
    const body = reply.body as Uint8Array
    this.status = reply.status
    this.#isHeadSent = true
    this.headAt = this.#bodyAt = this.plan.platform.clock.now()
    const headers = [...reply.headers, 'Content-Length', String(body.byteLength)]
    this.#down.head(reply.status, reasonOf(reply.status), headers, true)
    if (this.request.method !== 'HEAD') this.send(body)
    this.complete()
  }

  #report(why: GatewayError): void {
    this.plan.platform.log.error({ request_id: this.id, route: this.route.name, error: why.stack }, 'a stage failed')
  }

  #close(): void {
    if (!this.open) return
    this.open = false
    this.cancel = undefined
    const { platform, finish } = this.plan
    if (this.#total !== undefined) platform.wheel.disarm(this.#total)
    if (this.#filters !== undefined && this.outcome !== undefined) this.#filters.abort(this.outcome)
    const now = platform.clock.now()
    const s = this.spans
    if (this.#isHeadSent) s[BODY] = now - this.#bodyAt
    const elsewhere =
      (s[LOOKUP] as number) + (s[QUEUE] as number) + (s[CONNECT] as number) + (s[WAIT] as number) + (s[BODY] as number)
    s[OVERHEAD] = Math.max(0, now - this.startedAt - elsewhere)
    for (let i = 0; i < finish.length; i++) {
      try {
        ;(finish[i] as Step<'finish'>).finish(this)
      } catch (thrown) {
        this.#report(asGatewayError(thrown))
      }
    }
  }
}

const noSlots: unknown[] = []

/** RFC 9110 §6.4.1: answers that never have content, and so no Content-Length of 0 either. */
function mayHaveBody(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 304
}
