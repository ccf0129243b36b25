/**
 * An answer that node's own client read, passed on by the origin protocol: what a backend says instead of opening a
 * WebSocket, and what comes back for the rare requests that undici cannot send.
 */
import type { IncomingMessage } from 'node:http'
import type { BodySource } from '../core/body.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Reader } from '../core/origin.ts'
import { Deadline, type Wheel } from '../core/wheel.ts'
import type { Endpoint } from './endpoint.ts'
import { checkFields, readAnswer, trailersOf } from './policy/answer.ts'

export interface AnswerParts {
  readonly clock: Clock
  readonly wheel: Wheel
  /** Time without a byte while the reader wants some. */
  readonly idleMs: number
  readonly endpoint: Endpoint
}

export class IncomingAnswer implements BodySource {
  readonly #answer: IncomingMessage
  readonly #to: Reader
  readonly #parts: AnswerParts
  readonly #deadline: Deadline
  #isOver = false
  #isPaused = false
  #movedAt: number

  constructor(answer: IncomingMessage, to: Reader, parts: AnswerParts) {
    this.#answer = answer
    this.#to = to
    this.#parts = parts
    this.#movedAt = parts.clock.now()
    this.#deadline = new Deadline(() => this.#expire())
  }

  /** Tells the reader. */
  start(): void {
    const answer = this.#answer
    const { wheel, idleMs } = this.#parts
    answer.on('error', nothing)
    const head = readAnswer(answer.statusCode ?? 0, answer.statusMessage ?? '', answer.rawHeaders)
    if (typeof head === 'string') {
      this.#fail(new GatewayError('bad_response', head))
      return
    }
    answer.on('data', (chunk: Buffer) => this.#write(chunk))
    answer.on('end', () => this.#end())
    answer.on('close', () => this.#fail(new GatewayError('truncated', 'the connection closed')))
    wheel.arm(this.#deadline, this.#movedAt + idleMs)
    this.#to.head(head, this)
  }

  pause(): void {
    this.#isPaused = true
    this.#answer.pause()
  }

  resume(): void {
    if (this.#isOver) return
    this.#isPaused = false
    this.#movedAt = this.#parts.clock.now()
    this.#answer.resume()
  }

  abort(why: GatewayError): void {
    if (this.#isOver) return
    this.#parts.endpoint.countFailure(why.code)
    this.#close()
    this.#answer.destroy()
  }

  #write(chunk: Buffer): void {
    if (this.#isOver) return
    this.#movedAt = this.#parts.clock.now()
    if (!this.#to.write(chunk)) this.pause()
  }

  #end(): void {
    if (this.#isOver) return
    const { rawTrailers, statusCode = 0 } = this.#answer
    const fault = checkFields(rawTrailers)
    if (fault !== undefined) {
      this.#fail(new GatewayError('bad_response', `trailers: ${fault}`))
      return
    }
    this.#close()
    this.#parts.endpoint.countAnswer(statusCode)
    this.#to.end(trailersOf(rawTrailers))
  }

  #fail(why: GatewayError): void {
    if (this.#isOver) return
    this.#close()
    this.#parts.endpoint.countFailure(why.code)
    this.#answer.destroy()
    this.#to.fail(why)
  }

  #expire(): void {
    const { clock, wheel, idleMs } = this.#parts
    const at = (this.#isPaused ? clock.now() : this.#movedAt) + idleMs
    if (at > clock.now()) wheel.arm(this.#deadline, at)
    else this.#fail(new GatewayError('idle_timeout', `after ${idleMs} ms`))
  }

  #close(): void {
    this.#isOver = true
    this.#parts.wheel.disarm(this.#deadline)
  }
}

function nothing(): void {}
