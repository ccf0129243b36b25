/**
 * WebSockets: the handshake goes to an endpoint as any request would, and after a 101 that answers it the two
 * connections are joined, byte for byte (RFC 6455 §4). http-proxy-3 makes the request and joins the sockets.
 *
 * Left alone, http-proxy-3 would accept any 101, end the client's socket on errors (nobody could be answered then),
 * and pass other answers on without backpressure and without noticing their truncation. So its listeners are taken off
 * the request as soon as they are registered, and the one for the upgrade is called once the handshake is found right.
 * Quiet WebSockets are normal: no idle timeout applies; TCP keep-alive, which http-proxy-3 turns on, finds dead peers.
 */
import { type ClientRequest, type IncomingMessage, maxHeaderSize } from 'node:http'
import type { Socket } from 'node:net'
import { ProxyServer, type ServerOptions } from 'http-proxy-3'
import type { Handshake, Tunnel, TunnelOwner } from '../core/downstream.ts'
import { asGatewayError, GatewayError } from '../core/errors.ts'
import { CONNECT, type Exchange, WAIT } from '../core/exchange.ts'
import type { RequestHead } from '../core/message.ts'
import type { Cancel } from '../core/origin.ts'
import { Deadline } from '../core/wheel.ts'
import type { Endpoint } from './endpoint.ts'
import { upstreamFailure } from './failure.ts'
import { acceptFault, handshakeAnswer, handshakeFields } from './handshake.ts'
import { IncomingAnswer } from './incoming-answer.ts'
import { connectError } from './line.ts'
import { decideRetry } from './policy/retry.ts'
import type { Tries } from './tries.ts'

/** How long one side of a tunnel may outlive the other. */
const LINGER_MS = 30_000

export class WebSocketTunnel implements Tunnel {
  readonly tries: Tries
  readonly proxy: ProxyServer
  readonly #prepare: (x: Exchange, req: RequestHead) => RequestHead

  constructor(tries: Tries, prepare: (x: Exchange, req: RequestHead) => RequestHead) {
    this.tries = tries
    this.#prepare = prepare
    this.proxy = new ProxyServer()
    // Errors of joined sockets, which end the tunnel in any case; unheard, they would end the process.
    this.proxy.on('error', nothing)
  }

  open(x: Exchange, req: RequestHead, handshake: Handshake, to: TunnelOwner): Cancel {
    let head: RequestHead
    try {
      head = this.#prepare(x, req)
    } catch (thrown) {
      to.fail(asGatewayError(thrown))
      return nothing
    }
    const joint = new Joint(this, x, head, handshake, to)
    joint.start()
    return (why) => joint.cancel(why)
  }
}

/** One WebSocket, from its handshake to its end. */
class Joint {
  readonly #tunnel: WebSocketTunnel
  readonly #x: Exchange
  readonly #head: RequestHead
  readonly #handshake: Handshake
  readonly #to: TunnelOwner
  readonly #deadline: Deadline
  readonly #tried: Endpoint[] = []
  #request: ClientRequest | undefined = undefined
  #backend: Socket | undefined = undefined
  #answer: IncomingAnswer | undefined = undefined
  #startedAt = 0
  /** When this try began. */
  #begunAt = 0
  #ticket = 0
  #isConnected = false
  /** Reported to its owner, or given up. */
  #isOver = false
  #sentBefore = 0

  constructor(tunnel: WebSocketTunnel, x: Exchange, head: RequestHead, handshake: Handshake, to: TunnelOwner) {
    this.#tunnel = tunnel
    this.#x = x
    this.#head = head
    this.#handshake = handshake
    this.#to = to
    this.#deadline = new Deadline(() => this.#expire())
  }

  start(): void {
    const { tries } = this.#tunnel
    const { set, clock } = tries
    const tried = this.#tried
    const now = clock.now()
    // A WebSocket may change things: it goes where unsafe methods go.
    const hash = tries.hashOf(this.#x, this.#head)
    const isTried = tried.length === 0 ? undefined : (each: Endpoint) => tried.includes(each)
    const kept =
      tried.length > 0 ? undefined : set.sticky?.choose(this.#head.headers, (each) => set.isUsable(false, each)).use
    const endpoint = kept ?? set.choose(false, hash, now, isTried) ?? set.choose(false, hash, now)
    if (endpoint === undefined) {
      this.#fail(set.refusal(false))
      return
    }
    this.#ticket = set.begin(endpoint, now)
    tried.push(endpoint)
    this.#x.tries++
    this.#x.endpoint = endpoint.label
    this.#startedAt = this.#begunAt = now
    tries.wheel.arm(this.#deadline, now + tries.timeouts.connect)
    try {
      this.#send(endpoint)
    } catch (thrown) {
      this.#failed(endpoint, asGatewayError(thrown))
    }
  }

  cancel(why: GatewayError): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#answer === undefined && this.#backend === undefined) {
      this.#waited()
      const endpoint = this.#tried.at(-1)
      const { set, clock } = this.#tunnel.tries
      const now = clock.now()
      if (endpoint !== undefined) set.abandoned(endpoint, this.#ticket, now, now - this.#begunAt)
    }
    this.#answer?.abort(why)
    this.#request?.destroy()
    this.#backend?.destroy()
  }

  #send(endpoint: Endpoint): void {
    const { incoming, socket } = this.#handshake
    const { proxy } = this.#tunnel
    incoming.headers = handshakeFields(this.#head, endpoint.address.authority)
    let request: ClientRequest | undefined
    proxy.once('proxyReqWs', (made) => {
      request = made
      // As it is: http-proxy-3 would join it with the target's and fold slashes.
      made.path = this.#head.path + this.#head.query
    })
    proxy.ws(incoming, socket as Socket, noBytes, targetOf(endpoint), nothing)
    if (request === undefined) throw new GatewayError('internal', 'http-proxy-3 refused the handshake')
    this.#request = request
    const join = request.listeners('upgrade')[0] as (answer: IncomingMessage, backend: Socket, bytes: Buffer) => void
    for (const event of ['upgrade', 'response', 'error']) request.removeAllListeners(event)
    request.on('socket', (made) => this.#connecting(made, endpoint))
    request.on('upgrade', (answer, backend, bytes) => {
      this.#upgraded(endpoint, answer, backend as Socket, () => join(answer, backend as Socket, bytes))
    })
    request.on('response', (answer) => this.#answered(endpoint, answer))
    request.on('error', (error) => this.#broken(endpoint, error))
  }

  #connecting(socket: Socket, endpoint: Endpoint): void {
    socket.once(endpoint.address.isTls ? 'secureConnect' : 'connect', () => {
      const { clock, wheel, timeouts } = this.#tunnel.tries
      const now = clock.now()
      this.#isConnected = true
      this.#x.spans[CONNECT] = (this.#x.spans[CONNECT] as number) + (now - this.#startedAt)
      this.#startedAt = now
      if (!this.#isOver) wheel.arm(this.#deadline, now + timeouts.response)
    })
  }

  /** Notes the time since the last step: of connecting, or of waiting for the answer. */
  #waited(): void {
    const now = this.#tunnel.tries.clock.now()
    const span = this.#isConnected ? WAIT : CONNECT
    this.#x.spans[span] = (this.#x.spans[span] as number) + (now - this.#startedAt)
    this.#startedAt = now
    this.#tunnel.tries.wheel.disarm(this.#deadline)
  }

  #upgraded(endpoint: Endpoint, answer: IncomingMessage, backend: Socket, join: () => void): void {
    backend.on('error', nothing)
    if (this.#isOver) {
      backend.destroy()
      return
    }
    this.#waited()
    const fault = acceptFault(this.#head.headers, answer.rawHeaders)
    if (fault !== undefined) {
      backend.destroy()
      this.#failed(endpoint, new GatewayError('bad_response', fault))
      return
    }
    const { socket, head } = this.#handshake
    if (head.length > 0) socket.unshift(head)
    answer.headers = handshakeAnswer(answer.rawHeaders)
    this.#backend = backend
    this.#sentBefore = (socket as Socket).bytesWritten
    this.#learn(endpoint, 101)
    endpoint.countAnswer(101)
    endpoint.pool.tunnels++
    join()
    this.#watch(endpoint, socket as Socket, backend)
    this.#to.opened()
  }

  #learn(endpoint: Endpoint, status: number): void {
    const { set, clock } = this.#tunnel.tries
    const now = clock.now()
    set.answered(endpoint, this.#ticket, now, now - this.#begunAt, status, 0)
  }

  /** The end of one side is soon the end of the other. */
  #watch(endpoint: Endpoint, client: Socket, backend: Socket): void {
    const { wheel, clock } = this.#tunnel.tries
    const linger = new Deadline(() => {
      client.destroy()
      backend.destroy()
    })
    const armLinger = () => wheel.arm(linger, clock.now() + LINGER_MS)
    let closed = 0
    const close = () => {
      closed++
      if (closed === 2) {
        wheel.disarm(linger)
        return
      }
      endpoint.pool.tunnels--
      armLinger()
      if (this.#isOver) return
      this.#isOver = true
      this.#to.closed(client.bytesWritten - this.#sentBefore)
    }
    for (const socket of [client, backend]) {
      socket.once('close', close)
      socket.once('end', armLinger)
    }
    // Its bytes have left or never will: ending, as http-proxy-3 does, would wait for the backend's leave.
    client.once('close', () => backend.destroySoon())
  }

  /** The backend will not switch protocols: its answer is passed on as that of any request. */
  #answered(endpoint: Endpoint, answer: IncomingMessage): void {
    if (this.#isOver) {
      answer.destroy()
      return
    }
    this.#waited()
    this.#learn(endpoint, answer.statusCode ?? 0)
    const { clock, wheel, timeouts } = this.#tunnel.tries
    this.#answer = new IncomingAnswer(answer, this.#to, { clock, wheel, idleMs: timeouts.idle, endpoint })
    this.#answer.start()
  }

  #broken(endpoint: Endpoint, error: Error): void {
    if (this.#isOver || this.#answer !== undefined) return
    const { isTls } = endpoint.address
    const why = this.#isConnected
      ? upstreamFailure(error, handshaking)
      : connectError(error, isTls ? 'https:' : 'http:')
    this.#failed(endpoint, why)
  }

  #failed(endpoint: Endpoint, why: GatewayError): void {
    const { tries } = this.#tunnel
    const now = tries.clock.now()
    endpoint.countFailure(why.code)
    tries.set.failed(endpoint, this.#ticket, now, now - this.#begunAt, why)
    this.#waited()
    this.#request?.removeAllListeners('error').on('error', nothing).destroy()
    const decision = decideRetry(tries.retry, why, {
      attempt: this.#tried.length,
      stale: 0,
      isIdempotent: false,
      isBodyGone: false,
    })
    if (!decision.retry) {
      this.#fail(why)
      return
    }
    tries.countRetry(decision.because)
    this.#isConnected = false
    this.start()
  }

  #fail(why: GatewayError): void {
    this.#isOver = true
    this.#tunnel.tries.wheel.disarm(this.#deadline)
    this.#to.fail(why)
  }

  #expire(): void {
    const { timeouts } = this.#tunnel.tries
    const why = this.#isConnected
      ? new GatewayError('response_timeout', `no handshake after ${timeouts.response} ms`)
      : new GatewayError('connect_timeout', `no connection in ${timeouts.connect} ms`)
    const endpoint = this.#tried.at(-1)
    if (endpoint !== undefined) this.#failed(endpoint, why)
  }
}

const noBytes = Buffer.alloc(0)

function nothing(): void {}

function targetOf({ address, tls }: Endpoint): ServerOptions {
  const { rejectUnauthorized, ...material } = tls
  const { isTls, hostname, port, socketPath } = address
  const target = { protocol: isTls ? 'https:' : 'http:', host: hostname, hostname, port, socketPath }
  return {
    target,
    secure: rejectUnauthorized,
    ssl: { ...material },
    toProxy: true,
  } as unknown as ServerOptions
}

/** http-proxy-3 makes the request, with the bounds of the process. */
const handshaking = {
  isSent: true,
  isAnswering: false,
  isKept: false,
  headerBytes: maxHeaderSize,
  headerKey: 'that of WebSocket handshakes: `--max-http-header-size` of Node',
}
