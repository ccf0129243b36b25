/**
 * The simulated backends of a scenario: real HTTP servers in one process, with behaviour that can be changed while they
 * serve. Each counts the requests that reach it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { serve } from './calls.ts'
import { Station } from './station.ts'

export interface Behaviour {
  /** Time until an answer. A request for `/ms/NN` takes NN instead. */
  readonly ms: number
  /** That share of the answers takes `ms` instead. */
  readonly slow?: { readonly share: number; readonly ms: number }
  /** In place of `ms`: a queue before that many workers. Work goes on when nobody waits for it any more. */
  readonly capacity?: { readonly workers: number; readonly workMs: number }
  /** failing: 503 at once. hanging: no answer, ever. */
  readonly state?: 'serving' | 'failing' | 'hanging'
  /**
   * Connections are closed after this idle time, and, in that share of the requests that reuse one, just as the request
   * arrives: the keep-alive race, in which the request was sent but never looked at.
   */
  readonly closing?: { readonly idleMs: number; readonly share: number }
  /** Fields of good answers. */
  readonly headers?: Readonly<Record<string, string>>
}

export interface Counts {
  /** Requests that were looked at, health checks apart. */
  readonly reached: number
  readonly checks: number
  /** Requests that met a connection about to close. */
  readonly raced: number
}

const body = 'x'.repeat(1024)

class Backend {
  readonly #host: string
  #server: Server | undefined
  #behaviour: Behaviour
  #station: Station | undefined
  readonly #sockets = new Set<Socket>()
  readonly #served = new WeakSet<Socket>()
  #port = 0
  #turn = 0
  #reached = 0
  #checks = 0
  #raced = 0

  constructor(host: string, behaviour: Behaviour) {
    this.#host = host
    this.#behaviour = behaviour
    this.change(behaviour)
  }

  get port(): number {
    return this.#port
  }

  get counts(): Counts {
    return { reached: this.#reached, checks: this.#checks, raced: this.#raced }
  }

  change(behaviour: Behaviour): void {
    this.#behaviour = behaviour
    const { capacity } = behaviour
    if (capacity !== undefined) this.#station ??= new Station(capacity.workers, capacity.workMs)
  }

  async up(port = this.#port): Promise<void> {
    // No time of Node's own, which it would announce, so that clients know: many a backend does not say when it closes.
    const server = createServer({ keepAliveTimeout: 0 })
    server.on('request', (req, res) => this.#answer(req, res))
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    await new Promise<void>((done, failed) => {
      server.once('error', failed)
      server.listen({ port, host: this.#host, backlog: 4096 }, done)
    })
    this.#server = server
    this.#port = (server.address() as AddressInfo).port
  }

  /** As when its process is killed: nothing listens, connections break. */
  down(): void {
    this.#server?.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #answer(req: IncomingMessage, res: ServerResponse): void {
    const { closing, state, headers } = this.#behaviour
    if (closing !== undefined && this.#served.has(req.socket) && Math.random() < closing.share) {
      this.#raced++
      req.socket.resetAndDestroy()
      return
    }
    this.#served.add(req.socket)
    if (closing !== undefined) closeWhenIdle(req.socket, res, closing.idleMs)
    if (req.url === '/healthz') this.#checks++
    else this.#reached++
    if (state === 'hanging') return
    if (state === 'failing') {
      res.writeHead(503, { 'content-length': 0 }).end()
      return
    }
    const fields = { ...headers, 'content-length': body.length }
    setTimeout(() => res.writeHead(200, fields).end(body), this.#timeMs(req.url ?? ''))
  }

  #timeMs(path: string): number {
    const { ms, slow } = this.#behaviour
    if (path === '/healthz') return ms
    if (this.#station !== undefined) {
      const nowMs = performance.now()
      return Math.ceil(this.#station.doneAtMs(nowMs) - nowMs)
    }
    if (path.startsWith('/ms/')) return Number(path.slice(4))
    // Every 50th rather than one in 50: the share is exact in short runs, too.
    if (slow !== undefined && ++this.#turn % Math.round(1 / slow.share) === 0) return slow.ms
    return ms
  }
}

/** Once this answer has gone out, unless another request comes first. */
function closeWhenIdle(socket: Socket, res: ServerResponse, idleMs: number): void {
  socket.setTimeout(0)
  // Node closes a connection when its time is over and nobody objects.
  res.once('finish', () => socket.setTimeout(idleMs))
}

const backends: Backend[] = []
const delay = monitorEventLoopDelay({ resolution: 5 })
delay.enable()

function at(index: number): Backend {
  const backend = backends[index]
  if (backend === undefined) throw new Error(`no backend ${index}`)
  return backend
}

serve({
  async open({ host, port, behaviour }: { host: string; port: number; behaviour: Behaviour }): Promise<number> {
    const backend = new Backend(host, behaviour)
    await backend.up(port)
    backends.push(backend)
    return backend.port
  },
  change: ({ index, behaviour }: { index: number; behaviour: Behaviour }) => at(index).change(behaviour),
  up: (index: number) => at(index).up(),
  down: (index: number) => at(index).down(),
  counts: () => backends.map(({ counts }) => counts),
  /** How long this process kept timers waiting, beyond the resolution of the measurement. */
  lagP99Ms: () => Math.max(0, delay.percentile(99) / 1e6 - 5),
})
