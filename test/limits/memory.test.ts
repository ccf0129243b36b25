/**
 * Memory that bodies and connections may cost, measured on the gateway's own process. Bytes are made on the way and
 * dropped on arrival; each side first refuses to read, so that a gateway which buffers would have to show it.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { MIB, SpawnedGateway, until } from './spawned.ts'

const GIB = 2 ** 30
const chunk = Buffer.alloc(64 * 1024, 'x')

/** Writes a body as fast as its reader takes it, and counts. */
class Flood {
  writtenBytes = 0
  readonly #to: Writable
  readonly #bytes: number

  constructor(to: Writable, bytes: number) {
    this.#to = to
    this.#bytes = bytes
    to.on('drain', () => this.#more())
    this.#more()
  }

  #more(): void {
    while (this.writtenBytes < this.#bytes) {
      this.writtenBytes += chunk.byteLength
      if (!this.#to.write(chunk)) return
    }
    this.#to.end()
  }

  /** Resolves once nobody takes more: half a second without progress. */
  async stalled(): Promise<void> {
    for (let before = -1; before !== this.writtenBytes; ) {
      before = this.writtenBytes
      await pause(500)
    }
  }
}

async function counted(body: Readable): Promise<number> {
  let bytes = 0
  for await (const part of body) bytes += (part as Buffer).byteLength
  return bytes
}

/** An origin that hands each exchange to the test. */
async function originFor(
  t: Test,
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<number> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const config = (origin: number) => (ports: { port: number; admin: number }) =>
  `
listeners:
  - address: 127.0.0.1:${ports.port}
    limits: {body_size: 2GiB, max_connections: 11000}
admin: {address: 127.0.0.1:${ports.admin}}
logs: {access: false}
routes:
  - upstream: http://127.0.0.1:${origin}
`

t.test(
  'a download of 1 GiB to a client that first reads nothing stays below 200 MB',
  { timeout: 110_000 },
  async (t) => {
    let flood: Flood | undefined
    const origin = await originFor(t, (_request, response) => {
      response.writeHead(200, { 'content-length': String(GIB) })
      flood = new Flood(response, GIB)
    })
    const gateway = await SpawnedGateway.start(t, config(origin))
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      request({ port: gateway.port, host: '127.0.0.1', agent: false }, resolve).once('error', reject).end()
    })
    await until('the origin answers', () => flood !== undefined)
    await flood?.stalled()
    t.ok((flood?.writtenBytes ?? GIB) < 64 * MIB, 'the origin was held back')
    t.equal(await counted(answer), GIB, 'every byte arrived')
    const { peakBytes } = gateway.memory()
    t.ok(peakBytes < 200e6, `peak resident memory: ${Math.round(peakBytes / 1e6)} MB`)
  },
)

t.test(
  'an upload of 1 GiB to an origin that first reads nothing stays below 200 MB',
  { timeout: 110_000 },
  async (t) => {
    let arrived: [IncomingMessage, ServerResponse] | undefined
    const origin = await originFor(t, (request, response) => {
      arrived = [request, response]
    })
    const gateway = await SpawnedGateway.start(t, config(origin))
    const upload = request({
      port: gateway.port,
      host: '127.0.0.1',
      agent: false,
      method: 'POST',
      headers: { 'content-length': String(GIB) },
    })
    const status = new Promise<number | undefined>((resolve, reject) => {
      upload.once('error', reject)
      upload.once('response', (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
    })
    const flood = new Flood(upload, GIB)
    await until('the origin sees the request', () => arrived !== undefined)
    await flood.stalled()
    t.ok(flood.writtenBytes < 64 * MIB, 'the client was held back')
    const [body, response] = arrived as [IncomingMessage, ServerResponse]
    t.equal(await counted(body), GIB, 'every byte arrived')
    response.end()
    t.equal(await status, 200)
    const { peakBytes } = gateway.memory()
    t.ok(peakBytes < 200e6, `peak resident memory: ${Math.round(peakBytes / 1e6)} MB`)
  },
)

/** Connections that each had an answer and then stay. */
class Idlers {
  readonly #sockets: Socket[] = []
  answered = 0
  closed = 0

  async open(port: number, count: number): Promise<void> {
    // In groups: a listen queue holds a few hundred.
    for (let group = 0; group < count; group += 200) {
      const expected = group + 200
      for (let i = 0; i < 200; i++) this.#sockets.push(this.#one(port))
      await until(`${expected} connections have their answer`, () => this.answered + this.closed >= expected)
    }
  }

  #one(port: number): Socket {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: idle\r\n\r\n'))
    socket.once('data', () => {
      this.answered++
    })
    socket.on('error', () => {})
    socket.once('close', () => {
      this.closed++
    })
    return socket
  }

  end(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

t.test('10 000 idle connections stay open below 300 MB', { timeout: 110_000 }, async (t) => {
  const origin = await originFor(t, (_request, response) => response.end('ok'))
  const gateway = await SpawnedGateway.start(t, config(origin))
  const idlers = new Idlers()
  t.teardown(() => idlers.end())
  await idlers.open(gateway.port, 10_000)
  t.equal(idlers.closed, 0, 'none was closed')
  t.equal(idlers.answered, 10_000)
  const { peakBytes, nowBytes } = gateway.memory()
  t.ok(
    peakBytes < 300e6,
    `resident memory: ${Math.round(nowBytes / 1e6)} MB, at most ${Math.round(peakBytes / 1e6)} MB`,
  )
})
