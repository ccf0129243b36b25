/**
 * One line of a pool: an undici client and the connection that it has now, if any. Makes the connections itself, so
 * that a failure has its exact name, and remembers what undici does not say: how long connecting took, whether the
 * connection was used before, and whether it broke.
 */
import type { Socket } from 'node:net'
import { type buildConnector, Client, type Dispatcher } from 'undici'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Histogram } from '../core/metrics.ts'
import { collectReason } from './reason-phrase.ts'

/** What a line reports to and is set up from. */
export interface LineOwner {
  readonly clock: Clock
  readonly connectSeconds: Histogram
  readonly connector: buildConnector.connector
  connecting: number
  /** Connections that are established. */
  open: number
}

/** What a line hands its requests to: the handlers that undici calls. */
export interface LineUser {
  line: Line | undefined
  /** undici would not even take the request; the line itself is as good as before. */
  readonly isRefused: boolean
}

export class Line {
  readonly #owner: LineOwner
  #socket: Socket | undefined = undefined
  isConnecting = false
  /** Clock time at which the connection was begun, and how long it took. */
  connectedAt = 0
  connectMs = 0
  /** Requests that were sent on this connection. */
  uses = 0
  /** The connection ended with an error, such as a reset: whatever it brought may not be all. */
  isBroken = false
  /** Why we ourselves gave up on a connection being made. */
  #abandoned: GatewayError | undefined = undefined

  constructor(owner: LineOwner) {
    this.#owner = owner
  }

  readonly connect: buildConnector.connector = (options, callback) => {
    const owner = this.#owner
    const startedAt = owner.clock.now()
    this.isConnecting = true
    this.isBroken = false
    this.uses = 0
    this.#abandoned = undefined
    owner.connecting++
    const made = owner.connector(options, (error: Error | null, socket: Socket | null) => {
      owner.connecting--
      this.isConnecting = false
      if (error !== null || socket === null) {
        this.#socket = undefined
        callback(this.#abandoned ?? connectError(error, options.protocol), null)
        return
      }
      this.connectedAt = owner.clock.now()
      this.connectMs = this.connectedAt - startedAt
      owner.connectSeconds.record(this.connectMs / 1000)
      owner.open++
      socket.once('close', () => {
        owner.open--
      })
      callback(null, socket as never)
      collectReason(socket)
    }) as unknown as Socket
    this.#socket = made
    made.once('error', () => {
      if (this.#socket === made) this.isBroken = true
    })
  }

  /** Gives up on a connection that is being made: whoever waits for it has gone. */
  abandon(why: GatewayError): void {
    if (!this.isConnecting) return
    this.#abandoned = why
    this.#socket?.destroy(why)
  }
}

/** undici's client for one connection at a time, which knows its line. */
export class LineClient extends Client {
  readonly line: Line

  constructor(origin: string, options: Client.Options, line: Line) {
    super(origin, { ...options, connect: line.connect })
    this.line = line
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: LineUser & Dispatcher.DispatchHandler): boolean {
    handler.line = this.line
    // A pool takes false for "busy until I say otherwise", and a client that refused a request never says so.
    return super.dispatch(options, handler) || handler.isRefused
  }
}

/** Names the failure: refused and unreachable, an unknown name, a handshake that did not succeed. */
export function connectError(error: (Error & { code?: string }) | null, protocol: string): GatewayError {
  if (error instanceof GatewayError) return error
  const code = error?.code ?? ''
  const detail = error === null ? 'no connection' : detailOf(error)
  if (code === 'ETIMEDOUT' || code === 'UND_ERR_CONNECT_TIMEOUT') return new GatewayError('connect_timeout', detail)
  if (protocol === 'https:' && !systemFailures.has(code)) return new GatewayError('tls_failed', detail)
  return new GatewayError('connect_failed', detail)
}

/** Failures below TLS; a reset in the middle of a handshake counts as one of TLS. */
const systemFailures = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EHOSTDOWN',
  'EADDRNOTAVAIL',
  'EMFILE',
  'ENFILE',
  'EACCES',
  'EPERM',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EAI_NODATA',
  'ENODATA',
])

function detailOf(error: Error): string {
  // Several addresses were tried: each has its own failure, and the outer message is empty.
  if (error instanceof AggregateError) return error.errors.map(String).join('; ')
  return error.message
}
