/** One try as its reader: passes what comes on to the run, and once it has won, to whoever asked. */
import type { BodySource } from '../core/body.ts'
import { GatewayError } from '../core/errors.ts'
import type { HeaderList } from '../core/headers.ts'
import type { RequestHead, ResponseHead } from '../core/message.ts'
import type { Reader } from '../core/origin.ts'
import { Attempt, type AttemptPlan, type Try } from './attempt.ts'
import type { Endpoint } from './endpoint.ts'
import { isForNode, NodeAttempt } from './node-attempt.ts'

/** What a leg tells. */
export interface LegOwner {
  readonly to: Reader
  interim(leg: Leg, status: number, headers: HeaderList): void
  answered(leg: Leg, res: ResponseHead, source: BodySource): void
  failed(leg: Leg, why: GatewayError): void
}

/** Of an answer that nobody wants, read to its end so that its connection can be kept; beyond, the connection goes. */
const MAX_DISCARDED_BYTES = 64 * 1024

export class Leg implements Reader {
  readonly endpoint: Endpoint
  readonly previous: Leg | undefined
  readonly startedAt: number
  readonly isHedge: boolean
  /** What the endpoint's breaker wants back with the outcome. */
  readonly ticket: number
  /** No answer and no failure yet. */
  isWaiting = true
  isWinner = false
  readonly #owner: LegOwner
  #try: Try | undefined = undefined
  #isOver = false
  /** Bytes still to be read of an answer that nobody wants; -1 for one that is wanted. */
  #discardable = -1

  constructor(
    owner: LegOwner,
    endpoint: Endpoint,
    previous: Leg | undefined,
    startedAt: number,
    isHedge: boolean,
    ticket: number,
  ) {
    this.#owner = owner
    this.endpoint = endpoint
    this.previous = previous
    this.startedAt = startedAt
    this.isHedge = isHedge
    this.ticket = ticket
  }

  start(plan: AttemptPlan, req: RequestHead, spans: Float64Array, deadlineAt: number): void {
    this.#try = isForNode(req)
      ? new NodeAttempt(plan, this.endpoint, req, this, spans, deadlineAt)
      : new Attempt(plan, this.endpoint, req, this, spans, deadlineAt)
    this.#try.start()
  }

  /** Nothing is heard of it any more. */
  giveUp(why: GatewayError): void {
    if (this.#isOver) return
    this.#isOver = true
    this.isWaiting = false
    this.#try?.cancel(why)
  }

  /** Its answer will not be used. */
  discard(source: BodySource): void {
    this.#discardable = MAX_DISCARDED_BYTES
    source.resume()
  }

  interim(status: number, headers: HeaderList): void {
    if (!this.#isOver) this.#owner.interim(this, status, headers)
  }

  head(res: ResponseHead, source: BodySource): void {
    if (this.#isOver) return
    this.isWaiting = false
    this.#owner.answered(this, res, source)
  }

  write(chunk: Uint8Array): boolean {
    if (this.isWinner) return this.#owner.to.write(chunk)
    this.#discardable -= chunk.byteLength
    if (this.#discardable < 0) this.giveUp(new GatewayError('superseded', 'the rest of an answer that is not used'))
    return true
  }

  end(trailers?: HeaderList): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.isWinner) this.#owner.to.end(trailers)
  }

  fail(why: GatewayError): void {
    if (this.#isOver) return
    this.#isOver = true
    this.isWaiting = false
    if (this.#discardable < 0) this.#owner.failed(this, why)
  }
}
