/** Requests that are answered here, without an exchange: what is said to the client, counted and logged. */
import { STATUS_CODES } from 'node:http'
import type { Clock } from '../core/clock.ts'
import { type ErrorCode, GatewayError } from '../core/errors.ts'
import type { HeaderList } from '../core/headers.ts'
import type { Log } from '../core/log.ts'
import type { Counter, MetricSpec, Metrics } from '../core/metrics.ts'
import { problem, type Reply } from '../core/reply.ts'

export const refusedRequestsSpec: MetricSpec = {
  name: 'gateway_refused_requests_total',
  help: 'Requests that a listener answered itself because they could not be read in exactly one way, by error code.',
  type: 'counter',
  labels: ['listener', 'code'],
}

const LOG_INTERVAL_MS = 60_000
const allowed = ['Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS']
/** RFC 6455 §4.2.2: which version would do. */
const webSocketVersion = ['Sec-WebSocket-Version', '13']

export class Refusals {
  readonly #clock: Clock
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #listener: string
  readonly #counters = new Map<string, Counter>()
  #loggedAt = Number.NEGATIVE_INFINITY
  #unlogged = 0
  #number = 0

  constructor(clock: Clock, log: Log, metrics: Metrics, listener: string) {
    this.#clock = clock
    this.#log = log
    this.#metrics = metrics
    this.#listener = listener
  }

  /** Counts it, and logs one a minute: whoever sends garbage must not fill the disk with it. */
  note(code: ErrorCode, detail: string, address: string): void {
    let counter = this.#counters.get(code)
    if (counter === undefined) {
      counter = this.#metrics.counter(refusedRequestsSpec, { listener: this.#listener, code })
      this.#counters.set(code, counter)
    }
    counter.value++
    const now = this.#clock.now()
    if (now - this.#loggedAt < LOG_INTERVAL_MS) {
      this.#unlogged++
      return
    }
    this.#log.warn(
      { listener: this.#listener, code, detail: detail.slice(0, 200), client: address, unlogged: this.#unlogged },
      'request refused',
    )
    this.#loggedAt = now
    this.#unlogged = 0
  }

  /** The answer, with the fields that close the connection. */
  reply(code: ErrorCode, headers: HeaderList): Reply {
    const extra = code === 'method_refused' ? allowed : code === 'upgrade_refused' ? webSocketVersion : []
    const id = `${this.#clock.wall().toString(36)}-${(this.#number++).toString(36)}`
    const { status, headers: fields, body } = problem(new GatewayError(code, '', extra), id, headers)
    const length = String(body?.byteLength ?? 0)
    return { status, headers: [...fields, 'Content-Length', length, 'Connection', 'close'], body }
  }
}

/** A reply as bytes, for connections on which no response object can be had. */
export function rawReply(reply: Reply): Buffer {
  let text = `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? ''}\r\n`
  for (let i = 0; i < reply.headers.length; i += 2) text += `${reply.headers[i]}: ${reply.headers[i + 1]}\r\n`
  const head = Buffer.from(`${text}\r\n`, 'latin1')
  return reply.body === undefined ? head : Buffer.concat([head, reply.body])
}
