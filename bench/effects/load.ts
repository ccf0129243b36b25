/**
 * The load: a process of its own, so that nobody else's work delays what it sends. Requests go out when they are due,
 * whatever became of those before; latency counts from then (no coordinated omission). Each takes a free kept connection
 * or makes a new one, and leaves (closing the connection) when its answer takes longer than a user would wait.
 */
import { connect, type Socket } from 'node:net'
import { AnswerReader } from './answer-reader.ts'
import { serve } from './calls.ts'
import { type Arrival, type Phase, schedule, seeded } from './schedule.ts'
import { type PhaseSummary, percentile, Tally } from './tally.ts'

export interface LoadPlan {
  /** Asked in turn, on 127.0.0.1. */
  readonly ports: readonly number[]
  readonly phases: readonly Phase[]
  /** Date.now() of the first moment: soon, so that whoever acts during the load agrees on its time. */
  readonly startAt: number
  readonly spacing?: 'poisson' | 'fixed'
  /** How long users wait. */
  readonly timeoutMs: number
}

export interface LoadResult {
  readonly phases: Readonly<Record<string, PhaseSummary>>
  /** How late requests were sent: what the load itself adds to latencies. */
  readonly lagP99Ms: number
  readonly connections: number
}

interface Waiting {
  readonly arrival: Arrival
  readonly connection: Connection
  isOver: boolean
}

/** One connection, with one request at a time. */
class Connection {
  readonly port: number
  readonly #load: Load
  readonly #socket: Socket
  readonly #reader = new AnswerReader()
  #waiting: Waiting | undefined
  #error: string | undefined

  constructor(port: number, load: Load) {
    this.port = port
    this.#load = load
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (chunk: Buffer) => this.#data(chunk))
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#error = error.code === 'ECONNREFUSED' ? 'refused' : 'reset'
    })
    this.#socket.on('close', () => this.#closed())
  }

  send(waiting: Waiting, request: string): void {
    this.#waiting = waiting
    this.#socket.write(request, 'latin1')
  }

  leave(): void {
    this.#waiting = undefined
    this.#socket.destroy()
  }

  #data(chunk: Buffer): void {
    if (!this.#reader.read(chunk)) return
    const { status, keepsAlive } = this.#reader
    this.#reader.reset()
    this.#end(failureOf(status))
    if (keepsAlive) this.#load.free(this)
    else this.#socket.destroy()
  }

  #closed(): void {
    this.#load.gone(this)
    if (this.#error === undefined && this.#reader.close()) this.#end(failureOf(this.#reader.status))
    else if (this.#reader.hasBegun) this.#end('truncated')
    else this.#end(this.#error ?? 'closed')
  }

  #end(failure: string | undefined): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting !== undefined) this.#load.over(waiting, failure)
  }
}

class Load {
  readonly #plan: LoadPlan
  readonly #due: readonly Arrival[]
  readonly #tally = new Tally()
  /** By port; the one used last is used first. */
  readonly #free = new Map<number, Connection[]>()
  readonly #open = new Set<Connection>()
  readonly #lags: number[] = []
  /** In the order in which their users will have waited long enough. */
  readonly #waiting: Waiting[] = []
  readonly #requests = new Map<string, string>()
  #connections = 0
  #sent = 0
  #oldest = 0
  #startMs = 0

  constructor(plan: LoadPlan) {
    this.#plan = plan
    this.#due = schedule(plan.phases, plan.spacing ?? 'poisson', seeded(1))
    for (const port of plan.ports) this.#free.set(port, [])
  }

  async run(): Promise<LoadResult> {
    const seconds = this.#plan.phases.reduce((sum, phase) => sum + phase.seconds, 0)
    this.#startMs = performance.now() + this.#plan.startAt - Date.now()
    await new Promise<void>((done) => {
      const timer = setInterval(() => {
        this.#sendDue()
        this.#leaveLate()
        if (this.#tally.size < this.#due.length || this.#now() < seconds * 1000) return
        clearInterval(timer)
        done()
      }, 1)
    })
    for (const connection of this.#open) connection.leave()
    return {
      phases: this.#tally.summary(this.#plan.phases),
      lagP99Ms: percentile(Float64Array.from(this.#lags).sort(), 0.99),
      connections: this.#connections,
    }
  }

  free(connection: Connection): void {
    this.#free.get(connection.port)?.push(connection)
  }

  gone(connection: Connection): void {
    this.#open.delete(connection)
    const free = this.#free.get(connection.port) ?? []
    const at = free.indexOf(connection)
    if (at >= 0) free.splice(at, 1)
  }

  over(waiting: Waiting, failure: string | undefined): void {
    waiting.isOver = true
    const { arrival } = waiting
    if (failure === undefined) this.#tally.ok(arrival, this.#now() - arrival.dueMs)
    else this.#tally.failed(arrival, failure)
  }

  #now(): number {
    return performance.now() - this.#startMs
  }

  #sendDue(): void {
    const nowMs = this.#now()
    for (let arrival = this.#due[this.#sent]; arrival !== undefined && arrival.dueMs <= nowMs; ) {
      const { ports } = this.#plan
      this.#send(arrival, ports[arrival.stream.instance ?? this.#sent % ports.length] ?? 0)
      arrival = this.#due[++this.#sent]
    }
  }

  #send(arrival: Arrival, port: number): void {
    const kept = arrival.stream.isFresh === true ? undefined : this.#free.get(port)?.pop()
    const connection = kept ?? this.#connect(port)
    const waiting = { arrival, connection, isOver: false }
    this.#waiting.push(waiting)
    connection.send(waiting, this.#request(arrival))
    // Many at once are late by intent: they are sent as fast as can be.
    if (arrival.stream.atOnce === undefined) this.#lags.push(this.#now() - arrival.dueMs)
  }

  #connect(port: number): Connection {
    const connection = new Connection(port, this)
    this.#open.add(connection)
    this.#connections++
    return connection
  }

  #leaveLate(): void {
    const latestMs = this.#now() - this.#plan.timeoutMs
    for (let waiting = this.#waiting[this.#oldest]; waiting !== undefined; waiting = this.#waiting[++this.#oldest]) {
      if (waiting.isOver) continue
      if (waiting.arrival.dueMs > latestMs) return
      waiting.connection.leave()
      this.over(waiting, 'timeout')
    }
  }

  #request({ stream, path }: Arrival): string {
    const key = `${stream.class} ${path}`
    let request = this.#requests.get(key)
    if (request === undefined) {
      const headers = Object.entries({ host: 'app.test', accept: '*/*', ...stream.headers })
      request = `GET ${path} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
      this.#requests.set(key, request)
    }
    return request
  }
}

/** Undefined: nothing went wrong. */
function failureOf(status: number): string | undefined {
  return status >= 200 && status < 400 ? undefined : `status ${status}`
}

serve({ ready: () => undefined, run: (plan: LoadPlan) => new Load(plan).run() })
