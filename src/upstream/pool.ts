/**
 * The connections to one endpoint: an undici pool behind a bounded queue of our own. undici's queue has no bound and
 * keeps requests whose client has gone; here a request that gives up leaves at once, and undici is handed no more
 * than it has connections for.
 */
import type { EventEmitter } from 'node:events'
import { type buildConnector, type Client, Pool } from 'undici'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Histogram } from '../core/metrics.ts'
import { Line, LineClient, type LineOwner } from './line.ts'

/** A request that wants a connection. */
export interface Caller {
  /** A place is free: dispatch now. `release` is to be called once, when undici has let go of the request. */
  dispatchOn(pool: Pool): void
  /** Links of the queue. */
  ahead: Caller | undefined
  behind: Caller | undefined
  isQueued: boolean
}

/**
 * How deep in undici's parser the stack is, over all pools. The parser does not bear being entered twice, and a dispatch
 * may read what has come on an idle connection: whoever asks for one from within an answer has it a moment later.
 */
export interface ParserTurn {
  depth: number
}

export interface PoolSettings {
  /** http://host:port, as undici wants it. */
  readonly origin: string
  readonly connections: number
  readonly queue: number
  readonly idleMs: number
  /** Of an answer's header section at most. */
  readonly headerBytes: number
  readonly connector: buildConnector.connector
  readonly turn: ParserTurn
}

export class EndpointPool implements LineOwner {
  readonly clock: Clock
  readonly connectSeconds: Histogram
  readonly connector: buildConnector.connector
  readonly turn: ParserTurn
  connecting = 0
  open = 0
  /** Handed to undici and not yet let go of. */
  running = 0
  queued = 0
  /** WebSockets to this endpoint. */
  tunnels = 0
  readonly #settings: PoolSettings
  readonly #log: Log
  #pool: Pool | undefined = undefined
  #first: Caller | undefined = undefined
  #last: Caller | undefined = undefined
  #isRetired = false
  #isPumping = false

  constructor(settings: PoolSettings, clock: Clock, connectSeconds: Histogram, log: Log) {
    this.#settings = settings
    this.clock = clock
    this.connectSeconds = connectSeconds
    this.connector = settings.connector
    this.turn = settings.turn
    this.#log = log
  }

  /** Why `admit` turns somebody away. */
  get fullness(): string {
    const { origin, connections, queue } = this.#settings
    return `${origin} has its ${connections} connections in use (\`pool.connections\`) and ${queue} waiting (\`pool.queue\`)`
  }

  get headerBytes(): number {
    return this.#settings.headerBytes
  }

  /** Requests that are sent or waiting, tunnels included. */
  get outstanding(): number {
    return this.running + this.queued + this.tunnels
  }

  /** The next caller would be turned away. */
  get isFull(): boolean {
    return this.running >= this.#settings.connections && this.queued >= this.#settings.queue
  }

  /** Dispatches now, or when a connection comes free. False: too many wait already. */
  admit(caller: Caller): boolean {
    const hasRoom = this.running < this.#settings.connections && this.#first === undefined
    if (hasRoom && this.turn.depth === 0) {
      this.#dispatch(caller)
      return true
    }
    if (hasRoom) this.#pumpSoon()
    else if (this.queued >= this.#settings.queue) return false
    caller.isQueued = true
    caller.ahead = this.#last
    if (this.#last === undefined) this.#first = caller
    else this.#last.behind = caller
    this.#last = caller
    this.queued++
    return true
  }

  /** Takes a caller out of the queue again. False when it is not there. */
  withdraw(caller: Caller): boolean {
    if (!caller.isQueued) return false
    const { ahead, behind } = caller
    if (ahead === undefined) this.#first = behind
    else ahead.behind = behind
    if (behind === undefined) this.#last = ahead
    else behind.ahead = ahead
    caller.ahead = undefined
    caller.behind = undefined
    caller.isQueued = false
    this.queued--
    return true
  }

  /** undici has let go of a request. */
  release(): void {
    this.running--
    if (this.#first !== undefined) this.#pumpSoon()
    else if (this.#isRetired && this.running === 0) this.#closeSoon()
  }

  /** Nobody will ask for this pool any more, but requests under way may: they still get their connections. */
  retire(): void {
    this.#isRetired = true
    if (this.running === 0 && this.queued === 0) this.#closeSoon()
  }

  #dispatch(caller: Caller): void {
    this.running++
    this.#pool ??= this.#make()
    caller.dispatchOn(this.#pool)
  }

  // Not in the same turn: undici's parser may be on the stack, and it does not bear being entered twice.
  #pumpSoon(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    queueMicrotask(() => {
      this.#isPumping = false
      while (this.#first !== undefined && this.running < this.#settings.connections) {
        const next = this.#first
        this.withdraw(next)
        this.#dispatch(next)
      }
    })
  }

  #closeSoon(): void {
    queueMicrotask(() => {
      if (this.running > 0 || this.queued > 0) return
      const pool = this.#pool
      this.#pool = undefined
      pool?.close().catch((error: unknown) => this.#report(error))
    })
  }

  #make(): Pool {
    const { origin, connections, idleMs, headerBytes } = this.#settings
    const pool = new Pool(origin, {
      connections,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: idleMs,
      keepAliveMaxTimeout: idleMs,
      // Deadlines are ours: undici's timers are half a second coarse.
      headersTimeout: 0,
      bodyTimeout: 0,
      strictContentLength: true,
      maxHeaderSize: headerBytes,
      factory: (from: URL, options: object) => this.#client(from.origin, options as Client.Options),
    })
    return this.#heard(pool)
  }

  #client(origin: string, options: Client.Options): LineClient {
    return this.#heard(new LineClient(origin, options, new Line(this)))
  }

  /** An error event that nobody listens to would end the process. undici's types don't know of it. */
  #heard<T extends EventEmitter>(emitter: T): T {
    ;(emitter as EventEmitter).on('error', (error: unknown) => this.#report(error))
    return emitter
  }

  #report(error: unknown): void {
    const { message, stack } = error instanceof Error ? error : new GatewayError('internal', String(error))
    this.#log.error({ endpoint: this.#settings.origin, error: stack ?? message }, 'a connection pool failed')
  }
}
