/** A reload of 2000 routes over 400 upstreams while requests are served: nobody may notice, nor does memory grow. */
import { Agent, createServer, request } from 'node:http'
import { performance } from 'node:perf_hooks'
import t, { type Test } from 'tap'
import { freePorts, type Ports, SpawnedGateway, until } from './spawned.ts'

const RATE = 1000
/** Reloads after the first two: what one of them left behind would show by then. */
const MORE = 10

/** A thousand requests a second, each sent when it is due, whatever became of those before. */
class SteadyLoad {
  latenciesMs: number[] = []
  failures: string[] = []
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 })
  readonly #timer: NodeJS.Timeout
  readonly #ports: Ports
  readonly #startedAt = performance.now()
  #sent = 0

  constructor(ports: Ports) {
    this.#ports = ports
    this.#timer = setInterval(() => {
      const due = ((performance.now() - this.#startedAt) * RATE) / 1000
      while (this.#sent < due) this.#one(this.#sent++)
    }, 1)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#agent.destroy()
  }

  /** What has been measured since the last call. */
  take(): { p99: number; most: number; failures: string[] } {
    const sorted = this.latenciesMs.sort((a, b) => a - b)
    const { failures } = this
    this.latenciesMs = []
    this.failures = []
    return { p99: sorted[Math.floor(sorted.length * 0.99)] ?? 0, most: sorted.at(-1) ?? 0, failures }
  }

  #one(n: number): void {
    const startedAt = performance.now()
    const path = `/section-${n % 2000}/x`
    const asked = request({ port: this.#ports.port, host: '127.0.0.1', agent: this.#agent, path }, (answer) => {
      answer.resume()
      answer.once('end', () => {
        this.latenciesMs.push(performance.now() - startedAt)
        if (answer.statusCode !== 200) this.failures.push(String(answer.statusCode))
      })
    })
    asked.once('error', (error) => this.failures.push(String(error)))
    asked.end()
  }
}

async function origin(t: Test): Promise<number> {
  const server = createServer((_request, response) => response.end('answer'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function config(origin: number, version: number, ports: Ports): string {
  const lines = [
    `listeners: [{address: '127.0.0.1:${ports.port}'}]`,
    `admin: {address: '127.0.0.1:${ports.admin}'}`,
    'logs: {access: false}',
    'upstreams:',
  ]
  for (let u = 0; u < 400; u++) lines.push(`  up-${u}: {endpoints: ["http://127.0.0.1:${origin}"]}`)
  lines.push('routes:')
  for (let r = 0; r < 2000; r++) {
    lines.push(`  - name: route-${r}`, `    match: {path: /section-${r}/*}`, `    upstream: up-${r % 400}`)
    lines.push('    timeouts: {total: 30s}', `    response_headers: {set: {x-version: "${version}"}}`)
  }
  return `${lines.join('\n')}\n`
}

function asked(port: number, method: string, path: string): Promise<{ status: number; bytes: number; ms: number }> {
  const startedAt = performance.now()
  return new Promise((resolve, reject) => {
    const req = request({ port, host: '127.0.0.1', agent: false, method, path }, (answer) => {
      let bytes = 0
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.byteLength
      })
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, bytes, ms: performance.now() - startedAt }))
    })
    req.once('error', reject)
    req.end()
  })
}

t.test(
  'reloads of 2000 routes hold nobody up, fail nobody and leave nothing behind',
  { timeout: 300_000 },
  async (t) => {
    const port = await origin(t)
    const ports = await freePorts()
    const gateway = await SpawnedGateway.start(t, () => config(port, 0, ports), { ports })
    const load = new SteadyLoad(ports)
    t.teardown(() => load.stop())
    const reload = async (version: number) => {
      gateway.rewrite(config(port, version, ports))
      const report = await asked(ports.admin, 'POST', '/api/v1/reload')
      t.equal(report.status, 200)
      return report.ms
    }
    await until('the code is warm', () => load.latenciesMs.length > 3000)
    load.take()
    const tookMs = [await reload(1), await reload(2)]
    const { p99, most, failures } = load.take()
    t.comment(`reloads ${tookMs.map(Math.round)} ms; p99 ${p99.toFixed(1)} ms, most ${most.toFixed(1)} ms`)
    t.strictSame(failures, [])
    // Before, whoever asked in that time waited to the end of it.
    t.ok(p99 < Math.max(...tookMs) / 3, `p99 ${p99} ms`)

    const scrape = await asked(ports.admin, 'GET', '/metrics')
    const during = load.take()
    t.comment(`/metrics: ${scrape.bytes} bytes in ${Math.round(scrape.ms)} ms; most ${during.most.toFixed(1)} ms`)
    t.ok(during.most < scrape.ms, 'requests are answered while the page is written')

    const early = gateway.memory().nowBytes
    for (let version = 3; version <= 2 + MORE; version++) await reload(version)
    const late = gateway.memory().nowBytes
    const all = load.take()
    t.comment(
      `memory ${early >> 20} MiB, then ${late >> 20} MiB; p99 ${all.p99.toFixed(1)} ms, most ${all.most.toFixed(1)}`,
    )
    t.strictSame(all.failures, [])
    t.ok(late < early * 1.5, `${early} bytes after two reloads, ${late} after ${MORE} more`)
  },
)
