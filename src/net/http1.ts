/**
 * HTTP/1.1 on a listener's connections: node's parser in its strict mode, the guard behind it, and an exchange for
 * every request that can be read in exactly one way. Everything else is refused, and its connection closed.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../core/clock.ts'
import type { Downstream } from '../core/downstream.ts'
import { type ErrorCode, GatewayError } from '../core/errors.ts'
import type { Peer } from '../core/exchange.ts'
import type { HeaderList } from '../core/headers.ts'
import type { Log } from '../core/log.ts'
import type { RequestHead } from '../core/message.ts'
import type { Counter, Gauge, Metrics } from '../core/metrics.ts'
import type { PassingBuffers } from '../core/passing-buffers.ts'
import type { Wheel } from '../core/wheel.ts'
import { plainAddress } from './address.ts'
import { Connection, type ConnectionOwner } from './connection.ts'
import { Http1Downstream, type Starter } from './downstream.ts'
import { Identities } from './identity.ts'
import { connectionsSpec, connectionsTotalSpec, rejectedConnectionsSpec } from './metrics.ts'
import { type Accepted, checkRequest, type GuardLimits, type Refusal } from './policy/guard.ts'
import { handshakeFault } from './policy/websocket.ts'
import { Refusals, rawReply } from './refusal.ts'
import { type BodyLimits, IncomingBody } from './request-body.ts'
import type { ListenerConfig } from './schema.ts'
import { errorCodeOf, makeServer, methodAt, type ParserError } from './server.ts'
import { Texts } from './texts.ts'
import { Turns } from './turns.ts'
import { UpgradeDownstream } from './upgrade.ts'

export type Entry = (request: RequestHead, peer: Peer, down: Downstream) => void

export interface ListenerDeps {
  readonly clock: Clock
  readonly wheel: Wheel
  readonly buffers: PassingBuffers
  readonly log: Log
  readonly metrics: Metrics
  readonly entry: Entry
}

export class Http1 implements ConnectionOwner, Starter {
  readonly server: Server
  readonly clock: Clock
  readonly wheel: Wheel
  readonly texts = new Texts()
  readonly buffers: PassingBuffers
  isDraining = false
  stallMs = 0
  readonly #deps: ListenerDeps
  readonly #connections = new Map<Duplex, Connection>()
  /** Lets go of a response that has left, and with it of its request: an idle connection must be cheap. */
  readonly #release: (this: ServerResponse) => void
  readonly #whenEmpty: (() => void)[] = []
  readonly #refusals: Refusals
  readonly #turns = new Turns<Http1Downstream>((down) => this.#begin(down))
  readonly #open: Gauge
  readonly #total: Counter
  #config: ListenerConfig
  #identities: Identities
  #guard: GuardLimits
  #body: BodyLimits

  constructor(config: ListenerConfig, deps: ListenerDeps) {
    this.#deps = deps
    const connections = this.#connections
    this.#release = function released(): void {
      const connection = connections.get(this.req.socket)
      if (connection?.last === this) connection.last = undefined
    }
    this.clock = deps.clock
    this.wheel = deps.wheel
    this.buffers = deps.buffers
    const listener = config.address
    this.#refusals = new Refusals(deps.clock, deps.log, deps.metrics, listener)
    this.#open = deps.metrics.gauge(connectionsSpec, { listener })
    this.#total = deps.metrics.counter(connectionsTotalSpec, { listener })
    const rejected = deps.metrics.counter(rejectedConnectionsSpec, { listener })
    this.#config = config
    this.#identities = new Identities([])
    this.#guard = { headerCount: 0, encodedSlashes: 'refuse' }
    this.#body = { maxBytes: 0, minRate: 0, trailerCount: 0 }
    this.server = makeServer()
    this.update(config)
    this.server.on('connection', (socket) => this.#connected(socket))
    this.server.on('drop', () => {
      rejected.value++
    })
    this.server.on('request', (incoming, response) => this.#request(incoming, response))
    // Node's own 100 and 417 are ours to send: both arrive here as any other request.
    this.server.on('checkContinue', (incoming, response) => this.#request(incoming, response))
    this.server.on('checkExpectation', (incoming, response) => this.#request(incoming, response))
    this.server.on('upgrade', (incoming, socket, head) => this.#upgrade(incoming, socket, head))
    this.server.on('connect', (incoming, socket) => this.#connect(incoming, socket))
    this.server.on('clientError', (error, socket) => this.#clientError(error, socket))
    this.server.on('timeout', (socket) => this.#idle(socket))
  }

  /** New limits hold for what arrives from now on; `max_connections` and timeouts at once. */
  update(config: ListenerConfig): void {
    const { limits } = config
    this.#config = config
    this.#identities = new Identities(config.trusted_proxies)
    this.#guard = { headerCount: limits.header_count, encodedSlashes: config.encoded_slashes }
    this.#body = { maxBytes: limits.body_size, minRate: limits.body_min_rate, trailerCount: limits.header_count }
    this.stallMs = limits.idle_timeout
    const { server } = this
    server.headersTimeout = limits.header_timeout
    server.keepAliveTimeout = limits.idle_timeout
    server.maxConnections = limits.max_connections
    // Read by node for each new connection; its type declarations only know it as an option.
    Object.assign(server, { maxHeaderSize: limits.header_size })
  }

  get connections(): IterableIterator<Connection> {
    return this.#connections.values()
  }

  /** Resolves when no connection is open. */
  empty(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#whenEmpty.push(resolve))
  }

  get size(): number {
    return this.#connections.size
  }

  #connected(socket: Socket): void {
    const connection = new Connection(socket, plainAddress(socket.remoteAddress), this)
    this.#connections.set(socket, connection)
    this.#open.value++
    this.#total.value++
    // Node takes its own listener away for upgrades and after the first error; an unheard one ends the process.
    socket.on('error', ignore)
    socket.on('end', () => connection.ended())
    socket.on('close', () => {
      this.#connections.delete(socket)
      this.#open.value--
      connection.closed()
      if (this.#connections.size > 0) return
      for (const resolve of this.#whenEmpty.splice(0)) resolve()
    })
  }

  #request(incoming: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(incoming.socket)
    // After a refusal, or the last answer, nothing that follows on the connection counts as a request.
    if (connection === undefined || connection.isClosing) return
    if (connection.hasFirstTimer) {
      connection.hasFirstTimer = false
      connection.socket.setTimeout(0)
    }
    connection.last = response
    response.on('finish', this.#release)
    const verdict = this.#check(incoming)
    if (verdict.refused !== undefined) {
      this.#refuse(connection, incoming, response, verdict.refused, verdict.detail)
      return
    }
    const { length } = verdict
    const body =
      length === 0
        ? null
        : new IncomingBody(incoming, length < 0 ? undefined : length, this.#body, this.clock, this.wheel, this.buffers)
    connection.enter(new Http1Downstream(connection, incoming, response, body, verdict, this))
  }

  /** Its turn on the connection has come. */
  begin(down: Http1Downstream): void {
    this.#turns.add(down)
  }

  /** Its turn among all connections has come, too. */
  #begin(down: Http1Downstream): void {
    if (down.isOver || down.accepted === undefined) return
    this.#enter(down.connection, down.incoming, down.accepted, down.body, down)
  }

  #check(incoming: IncomingMessage): Accepted | Refusal {
    const line = { method: incoming.method ?? '', target: incoming.url ?? '', version: incoming.httpVersion }
    return checkRequest(line, incoming.rawHeaders, this.#guard)
  }

  #enter(
    connection: Connection,
    incoming: IncomingMessage,
    accepted: Accepted,
    body: IncomingBody | null,
    down: Downstream,
  ): void {
    const headers = incoming.rawHeaders
    const { peer, scheme } = this.#identities.of(connection, accepted.authority, headers)
    const head: RequestHead = {
      method: incoming.method as string,
      scheme,
      authority: accepted.authority,
      host: accepted.host,
      path: accepted.path,
      query: accepted.query,
      headers,
      body,
    }
    try {
      this.#deps.entry(head, peer, down)
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown.stack : String(thrown)
      this.#deps.log.error({ listener: this.#config.address, error }, 'an exchange could not be started')
      down.head(500, 'Internal Server Error', ['Content-Length', '0'], true)
      down.end()
    }
  }

  #refuse(
    connection: Connection,
    incoming: IncomingMessage,
    response: ServerResponse,
    code: ErrorCode,
    detail: string,
  ): void {
    this.#refusals.note(code, detail, connection.address)
    const reply = this.#refusals.reply(code, incoming.rawHeaders)
    connection.hasParting = true
    connection.lingerWhenDone()
    response.writeHead(reply.status, reply.headers)
    if (incoming.method === 'HEAD') response.end()
    else response.end(reply.body)
  }

  #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const connection = this.#connections.get(socket)
    if (connection === undefined || connection.isClosing || connection.isBusy || connection.hasUnsent) {
      // RFC 9112 §9.3.2 has clients wait with it. Answers before it are under way on a socket node has let go of.
      if (connection !== undefined) this.#refusals.note('upgrade_refused', 'pipelined upgrade', connection.address)
      socket.destroy()
      return
    }
    const verdict = this.#check(incoming)
    if (verdict.refused !== undefined) {
      this.#refuseRaw(connection, verdict.refused, verdict.detail, incoming.rawHeaders)
      return
    }
    const fault = handshakeFault(incoming.method ?? '', verdict.length !== 0, incoming.rawHeaders)
    if (fault !== undefined) {
      this.#refuseRaw(connection, 'upgrade_refused', fault, incoming.rawHeaders)
      return
    }
    connection.socket.setTimeout(0)
    connection.isClosing = true
    const down = new UpgradeDownstream(connection, incoming, head)
    connection.current = down
    this.#enter(connection, incoming, verdict, null, down)
  }

  #connect(incoming: IncomingMessage, socket: Duplex): void {
    const connection = this.#connections.get(socket)
    if (connection === undefined || connection.isClosing || connection.isBusy || connection.hasUnsent) {
      socket.destroy()
      return
    }
    this.#refuseRaw(connection, 'method_refused', 'CONNECT', incoming.rawHeaders)
  }

  /** What the parser could not read, a header section that came too late, or an error of the socket. */
  #clientError(error: ParserError, socket: Duplex): void {
    const connection = this.#connections.get(socket)
    const code = errorCodeOf(error.code)
    if (connection === undefined || code === undefined) {
      socket.destroy(error)
      return
    }
    if (code === 'request_timeout' && connection.socket.bytesRead === 0) {
      // Nothing was ever sent on it: an idle connection like others, not a slow request.
      connection.hasFirstTimer = true
      const { idle_timeout, header_timeout } = this.#config.limits
      connection.socket.setTimeout(Math.max(1, idle_timeout - header_timeout))
      return
    }
    const { current } = connection
    if (current instanceof Http1Downstream && current.body !== null && !current.incoming.complete) {
      // It is the content of the current request that is broken: its exchange says so, once.
      connection.isClosing = true
      current.body.fail(new GatewayError(code === 'bad_request' ? 'bad_framing' : code, error.reason ?? error.message))
      return
    }
    if (connection.isClosing) return
    const method = error.code === 'HPE_INVALID_METHOD' ? methodAt(error.rawPacket, error.bytesParsed) : undefined
    if (method !== undefined) this.#refuseRaw(connection, 'method_unsupported', method, [])
    else this.#refuseRaw(connection, code, error.reason ?? error.message, [])
  }

  /** Behind the answers that are still due; without a response object, since node has none for it. */
  #refuseRaw(connection: Connection, code: ErrorCode, detail: string, headers: HeaderList): void {
    this.#refusals.note(code, detail, connection.address)
    const bytes = rawReply(this.#refusals.reply(code, headers))
    const send = (): void => {
      if (connection.socket.writable) connection.socket.write(bytes)
      connection.linger()
    }
    connection.isClosing = true
    connection.hasParting = true
    if (connection.hasUnsent) connection.last?.once('finish', send)
    else send()
  }

  #idle(socket: Socket): void {
    const connection = this.#connections.get(socket)
    if (connection === undefined || !connection.isBusy) socket.destroy()
    else socket.setTimeout(0)
  }
}

function ignore(): void {}
