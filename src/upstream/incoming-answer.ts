/**
 * An answer that node's own client read, passed on by the origin protocol: what a backend says instead of opening a
 * WebSocket, and what comes back for the rare requests that undici cannot send.
 */
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Cancel, Reader } from '../core/origin.ts'
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

/** Tells `to` the answer. */
export function passOn(answer: IncomingMessage, to: Reader, parts: AnswerParts): Cancel {
  const { clock, wheel, idleMs, endpoint } = parts
  const status = answer.statusCode ?? 0
  let isOver = false
  let isPaused = false
  let movedAt = clock.now()
  const close = () => {
    isOver = true
    wheel.disarm(deadline)
  }
  const fail = (why: GatewayError) => {
    if (isOver) return
    close()
    endpoint.countFailure(why.code)
    answer.destroy()
    to.fail(why)
  }
  const deadline = new Deadline(() => {
    const at = (isPaused ? clock.now() : movedAt) + idleMs
    if (at > clock.now()) wheel.arm(deadline, at)
    else fail(new GatewayError('idle_timeout', `after ${idleMs} ms`))
  })
  const cancel: Cancel = () => {
    if (isOver) return
    close()
    answer.destroy()
  }
  answer.on('error', nothing)
  const head = readAnswer(status, answer.statusMessage ?? '', answer.rawHeaders)
  if (typeof head === 'string') {
    fail(new GatewayError('bad_response', head))
    return cancel
  }
  answer.on('data', (chunk: Buffer) => {
    movedAt = clock.now()
    if (isOver || to.write(chunk)) return
    isPaused = true
    answer.pause()
  })
  answer.on('end', () => {
    if (isOver) return
    const fault = checkFields(answer.rawTrailers)
    if (fault !== undefined) {
      fail(new GatewayError('bad_response', `trailers: ${fault}`))
      return
    }
    close()
    endpoint.countAnswer(status)
    to.end(trailersOf(answer.rawTrailers))
  })
  answer.on('close', () => fail(new GatewayError('truncated', 'the connection closed')))
  wheel.arm(deadline, movedAt + idleMs)
  to.head(head, {
    pause() {
      isPaused = true
      answer.pause()
    },
    resume() {
      if (isOver) return
      isPaused = false
      movedAt = clock.now()
      answer.resume()
    },
    abort: cancel,
  })
  return cancel
}

function nothing(): void {}
