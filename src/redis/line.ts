/**
 * Commands over one connection, each bounded in time. States: up; down (no connection, or tripped), in which commands
 * fail at once. Answers on a connection come in order: when one is late and nothing has arrived since it was asked
 * for, all that were asked later are late as well. So one timeout trips the line, a PING is sent after it, and its
 * answer, however late, is what brings the line back. A cluster's servers answer independently: there a few timeouts
 * in short order trip it, for a while.
 */
import { Cluster } from 'ioredis'
import type { Clock, Timer } from '../core/clock.ts'
import { InFlight } from '../core/in-flight.ts'
import type { Log } from '../core/log.ts'
import type { Counter, Histogram, Metrics } from '../core/metrics.ts'
import { type CommandArgument, SharedStateError } from '../core/shared-state.ts'
import { Deadline, type Wheel } from '../core/wheel.ts'
import type { Client } from './client.ts'
import type { Health } from './health.ts'
import { commandCount, commandDuration } from './metrics.ts'

export interface LineDeps {
  readonly clock: Clock
  readonly wheel: Wheel
  readonly log: Log
  readonly metrics: Metrics
  readonly health: Health
}

type Outcome = 'ok' | 'timeout' | 'down' | 'refused'

/** An expiry that comes this late tells of our own event loop: the answer may lie in the socket, unread. */
const OWN_STALL_MS = 30
/** What answers that are unread after a stall of our own get. */
const GRACE_MS = 10
/** In a cluster: timeouts, less a part of the answers since, that trip the line, and for how long. */
const STRIKES = 3
const FORGIVEN_PER_ANSWER = 0.2
const CLUSTER_PAUSE_MS = 1000
/** Error answers of a server that cannot serve now. */
const unable = /^(?:LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|READONLY)\b/

class Pending {
  readonly number: number
  readonly recorder: Recorder
  readonly sentAt: number
  readonly deadline: Deadline
  readonly promise: Promise<unknown>
  dueAt = 0
  isSettled = false
  #resolve: (value: unknown) => void = () => {}
  #reject: (error: SharedStateError) => void = () => {}

  constructor(number: number, recorder: Recorder, sentAt: number, expire: (pending: Pending) => void) {
    this.number = number
    this.recorder = recorder
    this.sentAt = sentAt
    this.deadline = new Deadline(() => expire(this))
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  resolve(value: unknown): void {
    this.isSettled = true
    this.#resolve(value)
  }

  reject(reason: Exclude<Outcome, 'ok'>, detail: string): void {
    this.isSettled = true
    this.recorder.outcomes[reason].value++
    this.#reject(new SharedStateError(reason, detail))
  }
}

interface Recorder {
  readonly outcomes: Readonly<Record<Outcome, Counter>>
  readonly duration: Histogram
}

export class Line {
  readonly name: string
  readonly #client: Client
  readonly #deps: LineDeps
  readonly #pending = new InFlight<Pending, number>()
  readonly #recorders = new Map<string, Recorder>()
  #calls = 0
  #isReady = false
  #isTripped = false
  #isClosed = false
  #strikes = 0
  #lastAnswerAt = Number.NEGATIVE_INFINITY
  #why = 'not connected yet'
  #timer: Timer | undefined = undefined

  constructor(name: string, client: Client, deps: LineDeps) {
    this.name = name
    this.#client = client
    this.#deps = deps
    client.on('ready', () => this.#connected())
    client.on('error', (error: Error) => {
      this.#why = error.message
    })
    client.on('close', () => this.#disconnected())
    client.on('end', () => this.#ended())
  }

  get isUp(): boolean {
    return this.#isReady && !this.#isTripped
  }

  /** @param label what its metrics are counted under */
  call(label: string, command: string, args: readonly CommandArgument[], timeoutMs: number): Promise<unknown> {
    const now = this.#deps.clock.now()
    const pending = new Pending(this.#calls++, this.#recorder(label), now, (late) => this.#expired(late))
    if (!this.isUp) {
      pending.reject('down', this.#why)
      return pending.promise
    }
    this.#pending.set(pending.number, pending)
    pending.dueAt = now + timeoutMs
    this.#deps.wheel.arm(pending.deadline, pending.dueAt)
    this.#client.callBuffer(command.toUpperCase(), ...args.map(sendable)).then(
      (value) => this.#answered(pending, value),
      (error: Error) => this.#failed(pending, error),
    )
    return pending.promise
  }

  close(): void {
    this.#isClosed = true
    this.#why = 'closed'
    this.#timer?.cancel()
    this.#cutOff()
    this.#isReady = false
    this.#client.disconnect()
  }

  #answered(pending: Pending, value: unknown): void {
    this.#heard()
    if (pending.isSettled) return
    this.#settle(pending)
    pending.recorder.outcomes.ok.value++
    pending.recorder.duration.record((this.#lastAnswerAt - pending.sentAt) / 1000)
    pending.resolve(value)
  }

  #failed(pending: Pending, error: Error): void {
    const isAnswer = error.name === 'ReplyError'
    if (isAnswer) this.#heard()
    if (pending.isSettled) return
    this.#settle(pending)
    pending.reject(isAnswer && !unable.test(error.message) ? 'refused' : 'down', error.message)
  }

  #heard(): void {
    this.#lastAnswerAt = this.#deps.clock.now()
    this.#strikes = Math.max(0, this.#strikes - FORGIVEN_PER_ANSWER)
  }

  #settle(pending: Pending): void {
    this.#pending.delete(pending.number)
    this.#deps.wheel.disarm(pending.deadline)
  }

  #expired(pending: Pending): void {
    const { clock, wheel } = this.#deps
    const now = clock.now()
    if (now - pending.dueAt > OWN_STALL_MS) {
      pending.dueAt = now + GRACE_MS
      wheel.arm(pending.deadline, pending.dueAt)
      return
    }
    this.#pending.delete(pending.number)
    const why = `no answer within ${Math.round(now - pending.sentAt)} ms`
    pending.reject('timeout', why)
    if (!(this.#client instanceof Cluster)) {
      if (this.#lastAnswerAt < pending.sentAt) this.#trip(why)
    } else if (++this.#strikes >= STRIKES) this.#trip(why)
  }

  #trip(why: string): void {
    if (this.#isTripped || !this.#isReady) return
    this.#isTripped = true
    this.#why = why
    this.#deps.health.down(this.name, why)
    this.#cutOff()
    if (!(this.#client instanceof Cluster)) this.#probe()
    else this.#timer = this.#deps.clock.after(CLUSTER_PAUSE_MS, () => this.#probe())
  }

  /** A connection that closes meanwhile ends the state in its own way. */
  #probe(): void {
    this.#client.call('PING').then(
      () => this.#recovered(),
      (error: Error) => {
        if (error.name === 'ReplyError') this.#recovered()
      },
    )
  }

  #recovered(): void {
    if (!this.#isReady || !this.#isTripped) return
    this.#isTripped = false
    this.#strikes = 0
    this.#deps.health.up(this.name)
  }

  #connected(): void {
    if (this.#isClosed) return
    this.#isReady = true
    this.#isTripped = false
    this.#strikes = 0
    this.#deps.health.up(this.name)
  }

  #disconnected(): void {
    if (this.#isClosed) return
    if (this.#isReady) this.#why = 'the connection was lost'
    this.#isReady = false
    this.#timer?.cancel()
    this.#deps.health.down(this.name, this.#why)
    this.#cutOff()
  }

  /** ioredis gave up, which it does only where it cannot so much as begin to connect. */
  #ended(): void {
    if (this.#isClosed) return
    this.#disconnected()
    this.#timer = this.#deps.clock.after(CLUSTER_PAUSE_MS, () => {
      this.#client.connect().catch((error: Error) => {
        this.#why = error.message
      })
    })
  }

  #cutOff(): void {
    for (const pending of this.#pending.values()) {
      this.#pending.delete(pending.number)
      this.#deps.wheel.disarm(pending.deadline)
      pending.reject('down', this.#why)
    }
  }

  #recorder(label: string): Recorder {
    let recorder = this.#recorders.get(label)
    if (recorder === undefined) {
      const { metrics } = this.#deps
      const count = (outcome: Outcome) => metrics.counter(commandCount, { command: label, outcome })
      recorder = {
        outcomes: { ok: count('ok'), timeout: count('timeout'), down: count('down'), refused: count('refused') },
        duration: metrics.histogram(commandDuration, { command: label }),
      }
      this.#recorders.set(label, recorder)
    }
    return recorder
  }
}

/** ioredis takes bytes as Buffers only, and writes other arrays as text. */
function sendable(argument: CommandArgument): string | number | Buffer {
  if (typeof argument !== 'object' || Buffer.isBuffer(argument)) return argument
  return Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength)
}
