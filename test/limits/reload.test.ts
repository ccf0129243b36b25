/** Changing the configuration and changing the process, under load: no request may notice. */
import { Agent, createServer, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { freePorts, type Ports, SpawnedGateway, until } from './spawned.ts'

/** Kept connections, each asking again as soon as it was answered; and one in eight requests on a new connection. */
class Load {
  readonly failures: string[] = []
  /** Answers by the value of `x-version`. */
  readonly answers = new Map<string, number>()
  readonly #kept = new Agent({ keepAlive: true })
  readonly #fresh = new Agent({ keepAlive: false })
  readonly #port: number
  readonly #askers: Promise<void>[]
  #isOver = false

  constructor(port: number, connections: number) {
    this.#port = port
    this.#askers = Array.from({ length: connections }, () => this.#ask())
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#askers)
    this.#kept.destroy()
  }

  async #ask(): Promise<void> {
    for (let n = 0; !this.#isOver; n++) {
      try {
        const version = await this.#one(n % 8 === 0 ? this.#fresh : this.#kept)
        this.answers.set(version, (this.answers.get(version) ?? 0) + 1)
      } catch (error) {
        this.failures.push(String(error))
      }
    }
  }

  #one(agent: Agent): Promise<string> {
    return new Promise((resolve, reject) => {
      const asked = request({ port: this.#port, host: '127.0.0.1', agent, path: '/' }, (answer) => {
        let body = ''
        answer.setEncoding('utf8')
        answer.on('data', (part: string) => {
          body += part
        })
        answer.once('error', reject)
        answer.once('end', () => {
          if (answer.statusCode === 200 && body === 'whole answer') resolve(String(answer.headers['x-version']))
          else reject(new Error(`${answer.statusCode}: ${body}`))
        })
      })
      asked.once('error', reject)
      asked.end()
    })
  }
}

/** Answers in two parts, some milliseconds apart, so that requests are under way at every moment. */
async function slowOrigin(t: Test): Promise<number> {
  const server = createServer((_request, response) => {
    response.write('whole ')
    setTimeout(() => response.end('answer'), 5)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const config = (origin: number, version: string, ports: Ports) => `
listeners:
  - address: 127.0.0.1:${ports.port}
admin: {address: 127.0.0.1:${ports.admin}}
logs: {access: false}
routes:
  - upstream: http://127.0.0.1:${origin}
    response_headers: {set: {x-version: "${version}"}}
`

t.test('reloading once a second for 20 s under load fails no request', { timeout: 90_000 }, async (t) => {
  const origin = await slowOrigin(t)
  const ports = await freePorts()
  const gateway = await SpawnedGateway.start(t, () => config(origin, '0', ports), { ports })
  const load = new Load(gateway.port, 16)
  for (let version = 1; version <= 20; version++) {
    gateway.rewrite(config(origin, String(version), ports))
    gateway.signal('SIGHUP')
    await pause(1000)
  }
  await until('the last configuration answers', () => load.answers.has('20'))
  await load.stop()
  t.strictSame(load.failures, [])
  for (let version = 1; version <= 20; version++)
    t.ok(load.answers.has(String(version)), `configuration ${version} was used`)
})

t.test(
  'a second instance takes over the port while the first drains, and no request fails',
  { timeout: 60_000 },
  async (t) => {
    const origin = await slowOrigin(t)
    const ports = await freePorts()
    const first = await SpawnedGateway.start(t, () => config(origin, 'first', ports), { ports })
    const load = new Load(ports.port, 16)
    await until('the first instance answers', () => load.answers.has('first'))
    const others = { port: ports.port, admin: (await freePorts()).admin }
    await SpawnedGateway.start(t, () => config(origin, 'second', others), { ports: others })
    first.signal('SIGTERM')
    t.equal(await first.exited, 0, 'the first instance ends by itself, cleanly')
    const before = load.answers.get('second') ?? 0
    await until('the second instance answers alone', () => (load.answers.get('second') ?? 0) > before + 200)
    await load.stop()
    t.strictSame(load.failures, [])
  },
)
