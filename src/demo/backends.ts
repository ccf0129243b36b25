/**
 * The applications that `gateway demo` puts behind the gateway: what a slow legacy system looks like from outside, in
 * small. Each runs on a port of its own, so that it is a real upstream over a real connection.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock, Random } from '../core/clock.ts'
import { echo } from './echo.ts'

export interface Backend {
  readonly name: BackendName
  readonly url: string
  readonly about: string
}

export type BackendName = 'fast-1' | 'fast-2' | 'steady' | 'slow' | 'flaky' | 'events' | 'echo' | 'files'

type Handler = (req: IncomingMessage, res: ServerResponse) => void

interface Kind {
  readonly about: string
  readonly handle: Handler
  readonly upgrade?: (req: IncomingMessage, socket: Duplex, head: Buffer) => void
}

/** Share of the flaky backend's answers that are 503. */
const FLAKY_SHARE = 0.2
const EVENT_INTERVAL_MS = 1_000
const DOWNLOAD_BYTES = 64 * 2 ** 20
const CHUNK_BYTES = 65_536

export class Backends {
  readonly list: readonly Backend[]
  readonly #running: readonly Running[]

  private constructor(list: readonly Backend[], running: readonly Running[]) {
    this.list = list
    this.#running = running
  }

  /** @throws when a port of 127.0.0.1 is taken; nothing is left open then */
  static async start(portOf: (index: number) => number, clock: Clock, random: Random): Promise<Backends> {
    const running: Running[] = []
    const list: Backend[] = []
    try {
      for (const [name, kind] of kinds(clock, random)) {
        const server = createServer(kind.handle)
        running.push({ server, sockets: track(server) })
        if (kind.upgrade !== undefined) server.on('upgrade', kind.upgrade)
        const port = await listen(server, portOf(list.length))
        list.push({ name, url: `http://127.0.0.1:${port}`, about: kind.about })
      }
    } catch (error) {
      await closeAll(running)
      throw error
    }
    return new Backends(list, running)
  }

  async close(): Promise<void> {
    await closeAll(this.#running)
  }
}

interface Running {
  readonly server: Server
  readonly sockets: ReadonlySet<Socket>
}

/** The server itself forgets connections that became WebSockets. */
function track(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  return sockets
}

function kinds(clock: Clock, random: Random): readonly (readonly [BackendName, Kind])[] {
  return [
    ['fast-1', { about: 'answers after 5 ms', handle: after(clock, () => 5, greet('fast-1')) }],
    ['fast-2', { about: 'answers after 5 ms', handle: after(clock, () => 5, greet('fast-2')) }],
    ['steady', { about: 'answers after 80 ms', handle: after(clock, () => 80, greet('steady')) }],
    ['slow', { about: 'answers after 300 to 500 ms', handle: after(clock, () => 300 + 200 * random(), greet('slow')) }],
    ['flaky', { about: 'answers 503 one time in five', handle: after(clock, () => 20, flaky(random)) }],
    ['events', { about: 'sends an event every second', handle: events(clock) }],
    ['echo', { about: 'sends WebSocket messages back', handle: refuseHttp, upgrade: echo }],
    ['files', { about: 'serves downloads, takes uploads', handle: files }],
  ]
}

/** Answers late, as applications do. */
function after(clock: Clock, delayMs: () => number, handle: Handler): Handler {
  return (req, res) => {
    const timer = clock.after(delayMs(), () => handle(req, res))
    res.on('close', () => timer.cancel())
    req.resume()
  }
}

/** Shows the request as it arrived: what rewrites and header edits did is there to see. */
function greet(name: BackendName): Handler {
  return (req, res) => json(res, 200, { backend: name, method: req.method, target: req.url, headers: req.headers })
}

function flaky(random: Random): Handler {
  const well = greet('flaky')
  return (req, res) => {
    if (random() >= FLAKY_SHARE) well(req, res)
    else json(res, 503, { backend: 'flaky', error: 'try again' })
  }
}

function json(res: ServerResponse, status: number, value: unknown): void {
  const body = Buffer.from(`${JSON.stringify(value, null, 2)}\n`)
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': body.byteLength })
  res.end(body)
}

function events(clock: Clock): Handler {
  return (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
    let count = 0
    const tick = () => res.write(`id: ${++count}\ndata: ${new Date(clock.wall()).toISOString()}\n\n`)
    tick()
    const timer = clock.every(EVENT_INTERVAL_MS, tick)
    res.on('close', () => timer.cancel())
  }
}

/** `GET` sends 64 MiB, anything with a body counts it. */
function files(req: IncomingMessage, res: ServerResponse): void {
  if (req.method === 'GET' || req.method === 'HEAD') {
    res.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': DOWNLOAD_BYTES })
    if (req.method === 'HEAD') res.end()
    else download(res)
    return
  }
  let received = 0
  req.on('data', (chunk: Buffer) => {
    received += chunk.byteLength
  })
  req.on('end', () => json(res, 200, { backend: 'files', received }))
}

function download(res: ServerResponse): void {
  const chunk = Buffer.alloc(CHUNK_BYTES)
  let left = DOWNLOAD_BYTES
  const more = () => {
    while (left > 0) {
      left -= CHUNK_BYTES
      if (!res.write(chunk)) return
    }
    res.end()
  }
  res.on('drain', more)
  more()
}

function refuseHttp(_req: IncomingMessage, res: ServerResponse): void {
  res.writeHead(426, { Upgrade: 'websocket', Connection: 'Upgrade', 'Content-Type': 'text/plain' })
  res.end('this backend speaks WebSocket only\n')
}

async function listen(server: Server, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(port, '127.0.0.1', resolve)
  await promise
  server.removeListener('error', reject)
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}

async function closeAll(running: readonly Running[]): Promise<void> {
  await Promise.all(
    running.map(({ server, sockets }) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
      return promise
    }),
  )
}
