/**
 * One accepted connection: whose turn it is on it, whether it may be used again, and how it is closed so that the
 * client still reads its answer. Requests that a client pipelines take turns: RFC 9112 §9.3.2 wants their answers in
 * order, and only safe methods could be worked on side by side.
 *
 * A client may end its side after a whole request and wait for the answer (RFC 9112 §9.6; `nc`, older HTTP libraries and
 * health checkers do): it gets it. The same FIN comes from a client that has closed for good, and TCP tells the two apart
 * only when something is sent: by the answer, or by a keep-alive probe once its kernel has forgotten the connection (a
 * minute, tcp_fin_timeout). A reset, and an end in the middle of a request, mean that nobody waits any more.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../core/clock.ts'
import { Deadline, type Wheel } from '../core/wheel.ts'
import type { Identity } from './policy/forwarded.ts'
import type { Texts } from './texts.ts'

/** An exchange that holds the connection or waits for it. */
export interface Occupant {
  /** Its turn has come. */
  start(): void
  /** The connection is gone. */
  closed(): void
}

/** What connections share with their listener. */
export interface ConnectionOwner {
  readonly clock: Clock
  readonly wheel: Wheel
  /** True once the listener drains: every answer is the last of its connection. */
  readonly isDraining: boolean
  /** How long a client may take no byte of an answer. */
  readonly stallMs: number
  readonly texts: Texts
}

/** More requests ahead of their answers than any client pipelines; after so many the connection takes no more. */
const MAX_WAITING = 256
/** RFC 9112 §9.6: how long and how much to read on after the last answer, so that no reset overtakes it. */
const LINGER_MS = 1000
const LINGER_BYTES = 1024 * 1024
const LINGER_STEP_MS = 100
/** How soon, and from then on each second, a client that has ended its side is asked whether it is still there. */
const PROBE_MS = 5000

export class Connection {
  readonly socket: Socket
  readonly address: string
  readonly owner: ConnectionOwner
  current: Occupant | undefined = undefined
  /** No further request is taken from it. */
  isClosing = false
  /** A refusal is queued behind the answers that are due: it closes the connection, they don't. */
  hasParting = false
  /** The newest response, finished or not: what is written raw has to wait for it. */
  last: ServerResponse | undefined = undefined
  idleSince: number
  /** The client has ended its side: what it has asked for is answered, and nothing more will come. */
  hasEnded = false
  /** Whether a timer for a connection that never sent anything is set on the socket. */
  hasFirstTimer = false
  /** The last identity worked out here, and what it was worked out from. */
  identity: Identity | undefined = undefined
  identityKey = ''
  trusted = false
  /** Which configuration `trusted` belongs to. */
  trustedBy: unknown = undefined
  #waiting: Occupant[] | undefined = undefined
  #deadline: Deadline | undefined = undefined
  #isLingering = false
  #lingerEnd = 0
  #mark = 0

  constructor(socket: Socket, address: string, owner: ConnectionOwner) {
    this.socket = socket
    this.address = address
    this.owner = owner
    this.idleSince = owner.clock.now()
    // Fields and reason phrases are bytes (RFC 9110 §5.5, obs-text); node and http-proxy-3 write some heads without saying so.
    socket.setDefaultEncoding('latin1')
  }

  get isBusy(): boolean {
    return this.current !== undefined || this.hasWaiting
  }

  /** Whether answers are under way that have not left yet. */
  get hasUnsent(): boolean {
    return this.last !== undefined && !this.last.writableFinished
  }

  /** Whether the answer that goes out now is the last one on this connection. */
  get isLastAnswer(): boolean {
    if (!this.isClosing && !this.owner.isDraining) return false
    return !this.hasParting && !this.hasWaiting
  }

  /** Whether requests wait for their turn. */
  get hasWaiting(): boolean {
    return this.#waiting !== undefined && this.#waiting.length > 0
  }

  /** The client has ended its side. */
  ended(): void {
    if (this.isClosing && !this.isBusy) return
    this.hasEnded = true
    this.isClosing = true
    if (this.isBusy) this.socket.setKeepAlive(true, PROBE_MS)
  }

  /** Lets `occupant` start now, or when those before it are done. */
  enter(occupant: Occupant): void {
    if (!this.isBusy) {
      this.current = occupant
      occupant.start()
      return
    }
    this.#waiting ??= []
    this.#waiting.push(occupant)
    if (this.#waiting.length >= MAX_WAITING) this.isClosing = true
  }

  /** The current occupant's answer has been handed over. */
  leave(): void {
    this.current = undefined
    this.idleSince = this.owner.clock.now()
    if (this.hasWaiting) process.nextTick(startNext, this)
  }

  next(): void {
    if (this.current !== undefined || this.socket.destroyed) return
    const occupant = this.#waiting?.shift()
    if (occupant === undefined) return
    this.current = occupant
    occupant.start()
  }

  /** The socket has closed. */
  closed(): void {
    if (this.#deadline !== undefined) this.owner.wheel.disarm(this.#deadline)
    this.isClosing = true
    this.#waiting = undefined
    const { current } = this
    this.current = undefined
    this.last = undefined
    current?.closed()
  }

  /** Node closes the socket behind the last answer; this makes it linger instead. */
  lingerWhenDone(): void {
    this.isClosing = true
    this.socket.destroySoon = () => this.linger()
  }

  /** Ends our side and reads on for a while: closing with unread bytes would send a reset that overtakes the answer. */
  linger(): void {
    if (this.#isLingering || this.socket.destroyed) return
    this.#startLingering()
    this.socket.end()
    this.socket.resume()
  }

  /** Closes when what was written has left, but soon. */
  closeSoon(): void {
    this.#startLingering()
    this.socket.end(() => this.socket.destroy())
  }

  /** Closes at once, with a reset where there can be one: for content that a mere end would complete. */
  reset(): void {
    this.isClosing = true
    if (this.address === 'unix') this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  #startLingering(): void {
    this.isClosing = true
    this.#isLingering = true
    this.#lingerEnd = this.owner.clock.now() + LINGER_MS
    this.#mark = this.socket.bytesRead
    this.#arm(LINGER_STEP_MS)
  }

  /** Watches that the client takes what is written. */
  watchWrites(): void {
    if (this.#isLingering || (this.#deadline !== undefined && this.#deadline.slot >= 0)) return
    this.#mark = this.#taken()
    this.#arm(this.owner.stallMs)
  }

  #taken(): number {
    return this.socket.bytesWritten - this.socket.writableLength
  }

  #arm(afterMs: number): void {
    const { clock, wheel } = this.owner
    this.#deadline ??= new Deadline(() => this.#expired())
    wheel.disarm(this.#deadline)
    wheel.arm(this.#deadline, clock.now() + afterMs)
  }

  #expired(): void {
    const { socket } = this
    if (this.#isLingering) {
      const isOver = this.owner.clock.now() >= this.#lingerEnd || socket.bytesRead - this.#mark > LINGER_BYTES
      if (isOver) socket.destroy()
      else this.#arm(LINGER_STEP_MS)
      return
    }
    if (socket.writableLength === 0) return
    const taken = this.#taken()
    if (taken === this.#mark) {
      socket.destroy()
      return
    }
    this.#mark = taken
    this.#arm(this.owner.stallMs)
  }
}

function startNext(connection: Connection): void {
  connection.next()
}
