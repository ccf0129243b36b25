/**
 * A try of one of the rare requests that undici cannot send: those whose content has trailers, and OPTIONS *. Node's
 * own client sends it, on a connection of its own that is closed afterwards, within the bounds of the endpoint's pool.
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { asGatewayError, GatewayError } from '../core/errors.ts'
import { CONNECT, QUEUE, WAIT } from '../core/exchange.ts'
import { endToEnd, type HeaderList, hasHeader } from '../core/headers.ts'
import type { RequestHead } from '../core/message.ts'
import type { Reader } from '../core/origin.ts'
import { Deadline } from '../core/wheel.ts'
import type { AttemptPlan, Try } from './attempt.ts'
import type { Endpoint } from './endpoint.ts'
import { HEADER_KEY, spent, upstreamFailure } from './failure.ts'
import { IncomingAnswer } from './incoming-answer.ts'
import { connectError } from './line.ts'
import { checkFields } from './policy/answer.ts'
import type { Caller } from './pool.ts'

export function isForNode({ path, body, headers }: RequestHead): boolean {
  if (body === null || body.lengthBytes !== undefined) return path === '*'
  return hasHeader(headers, 'trailer')
}

export class NodeAttempt implements Try, Caller {
  readonly endpoint: Endpoint
  readonly req: RequestHead
  readonly to: Reader
  readonly spans: Float64Array
  ahead: Caller | undefined = undefined
  behind: Caller | undefined = undefined
  isQueued = false
  readonly #deadlineAt: number
  readonly #plan: AttemptPlan
  readonly #deadline: Deadline
  #request: ClientRequest | undefined = undefined
  #upload: Readable | undefined = undefined
  #answer: IncomingAnswer | undefined = undefined
  #isConnected = false
  #isOver = false
  #startedAt = 0
  /** When the time for this try is over. */
  #endsAt = Number.POSITIVE_INFINITY
  /** When a byte of the upload last moved. */
  #movedAt = 0

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
    const { clock, wheel, timeouts, tryMs } = this.#plan
    const now = clock.now()
    this.#startedAt = now
    this.#endsAt = now + tryMs
    wheel.arm(this.#deadline, Math.min(now + timeouts.connect, this.#endsAt))
    if (!this.endpoint.pool.admit(this)) this.#fail(new GatewayError('upstream_busy', this.endpoint.pool.fullness))
  }

  cancel(why: GatewayError): void {
    if (this.#answer !== undefined) this.#answer.abort(why)
    else if (!this.#isOver) this.endpoint.countFailure(why.code)
    this.#letGo()
  }

  dispatchOn(): void {
    const { clock } = this.#plan
    const now = clock.now()
    this.spans[QUEUE] = (this.spans[QUEUE] as number) + (now - this.#startedAt)
    this.#startedAt = now
    const leftMs = Math.min(this.#deadlineAt, this.#endsAt) - now
    if (leftMs <= 0) {
      this.endpoint.pool.release()
      this.#failed(spent(this.#deadlineAt, this.#endsAt))
      return
    }
    try {
      this.#request = this.#send(leftMs)
    } catch (thrown) {
      this.endpoint.pool.release()
      this.#fail(asGatewayError(thrown))
    }
  }

  #send(leftMs: number): ClientRequest {
    const { isTls, hostname, port, socketPath, authority } = this.endpoint.address
    const { method, path, query, headers, body } = this.#plan.withBudget(this.req, leftMs)
    const list = ['Host', this.req.authority === '' ? authority : this.req.authority, 'Connection', 'close', ...headers]
    if (body !== null) list.push('Transfer-Encoding', 'chunked')
    const fault = checkFields(list)
    if (fault !== undefined) throw new GatewayError('internal', fault)
    const servername = isIP(hostname) === 0 ? hostname : ''
    const target = socketPath === undefined ? { host: hostname, port, servername } : { socketPath }
    const maxHeaderSize = this.endpoint.pool.headerBytes
    const options = {
      maxHeaderSize,
      ...target,
      ...this.endpoint.tls,
      method,
      path: path + query,
      headers: list,
      agent: false as const,
    }
    const request = isTls ? httpsRequest(options) : httpRequest(options)
    request.on('socket', (socket) => this.#connecting(socket, isTls ? 'secureConnect' : 'connect'))
    request.on('information', (info) => this.#interim(info.statusCode, info.rawHeaders))
    request.on('response', (answer) => this.#answered(answer))
    request.on('upgrade', (_answer, socket) => {
      socket.destroy()
      this.#failed(new GatewayError('bad_response', '101 without an upgrade'))
    })
    request.on('error', (error) => this.#failed(this.#translate(error)))
    request.on('close', () => {
      this.endpoint.pool.release()
      this.#upload?.destroy()
      this.#failed(new GatewayError('connection_closed'))
    })
    if (body === null) request.end()
    return request
  }

  #connecting(socket: Socket, event: string): void {
    socket.once(event, () => {
      const { clock, wheel, timeouts } = this.#plan
      if (this.#isOver) return
      const now = clock.now()
      this.#isConnected = true
      this.spans[CONNECT] = (this.spans[CONNECT] as number) + (now - this.#startedAt)
      this.#startedAt = this.#movedAt = now
      wheel.arm(this.#deadline, Math.min(now + timeouts.response, this.#endsAt))
      if (this.req.body !== null) this.#pump(this.#request as ClientRequest, this.req.body.open())
    })
  }

  /** Sends the content once there is a connection: until then another attempt can have it. */
  #pump(request: ClientRequest, upload: Readable): void {
    this.#upload = upload
    upload.on('data', (chunk: Buffer) => {
      this.#movedAt = this.#plan.clock.now()
      if (!request.write(chunk)) upload.pause()
    })
    request.on('drain', () => upload.resume())
    upload.on('error', (error) => this.#failed(asGatewayError(error)))
    upload.on('end', () => {
      this.#movedAt = this.#plan.clock.now()
      request.addTrailers(pairs(this.req.body?.trailers ?? []))
      request.end()
    })
    upload.resume()
  }

  #interim(status: number, list: HeaderList): void {
    if (this.#isOver || status < 102) return
    const fault = checkFields(list)
    if (fault === undefined) this.to.interim(status, endToEnd(list))
    else this.#failed(new GatewayError('bad_response', fault))
  }

  #answered(answer: IncomingMessage): void {
    if (this.#isOver) return
    const { clock, wheel, timeouts } = this.#plan
    const now = clock.now()
    this.spans[WAIT] = (this.spans[WAIT] as number) + (now - this.#startedAt)
    this.endpoint.requestSeconds.record((now - this.#movedAt) / 1000)
    wheel.disarm(this.#deadline)
    this.#isOver = true
    // An answer may come before the whole request: then nobody reads the rest of it.
    answer.once('close', () => this.#request?.destroy())
    this.#answer = new IncomingAnswer(answer, this.to, { clock, wheel, idleMs: timeouts.idle, endpoint: this.endpoint })
    this.#answer.start()
  }

  #translate(error: Error): GatewayError {
    if (this.#isConnected) {
      const { headerBytes } = this.endpoint.pool
      return upstreamFailure(error, {
        isSent: true,
        isAnswering: false,
        isKept: false,
        headerBytes,
        headerKey: HEADER_KEY,
      })
    }
    return connectError(error, this.endpoint.address.isTls ? 'https:' : 'http:')
  }

  #failed(why: GatewayError): void {
    if (this.#isOver) return
    this.#letGo()
    this.#fail(why)
  }

  #fail(why: GatewayError): void {
    this.#close()
    this.endpoint.countFailure(why.code)
    this.to.fail(why)
  }

  #letGo(): void {
    this.#close()
    this.endpoint.pool.withdraw(this)
    this.#request?.destroy()
    this.#upload?.destroy()
  }

  #close(): void {
    // What ends without an answer has waited all the same: it must not look like our own time.
    if (!this.#isOver) {
      const span = this.#isConnected ? WAIT : this.#request === undefined ? QUEUE : CONNECT
      this.spans[span] = (this.spans[span] as number) + (this.#plan.clock.now() - this.#startedAt)
    }
    this.#isOver = true
    this.#plan.wheel.disarm(this.#deadline)
  }

  #expire(): void {
    const { clock, wheel, timeouts } = this.#plan
    const now = clock.now()
    if (!this.#isConnected) {
      this.#failed(new GatewayError(this.isQueued ? 'upstream_busy' : 'connect_timeout', `${timeouts.connect} ms`))
      return
    }
    const isClientSlow = this.#upload?.readableEnded === false && !this.#upload.isPaused()
    const at = Math.min((isClientSlow ? now : this.#movedAt) + timeouts.response, this.#endsAt)
    if (at > now) wheel.arm(this.#deadline, at)
    else this.#failed(new GatewayError('response_timeout', `after ${timeouts.response} ms`))
  }
}

function pairs(list: HeaderList): [string, string][] {
  return Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i] as string, list[2 * i + 1] as string])
}
