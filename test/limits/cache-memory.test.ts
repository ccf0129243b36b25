/**
 * Memory that the cache costs when far more is asked for than its budget holds, measured on the gateway's own process. The
 * same with two million keys, and what it does to the event loop: `npm run bench:cache-memory`.
 */
import { Agent, createServer, get } from 'node:http'
import t from 'tap'
import { MIB, SpawnedGateway } from './spawned.ts'

const BUDGET_BYTES = 32 * MIB
const BODY_BYTES = 16_384
const KEYS = 10_000
const CLIENTS = 16
const body = Buffer.alloc(BODY_BYTES, 'x')

async function askAll(port: number, paths: Iterator<string>): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })
  const ask = (path: string) =>
    new Promise<void>((resolve, reject) => {
      get({ agent, port, path, host: '127.0.0.1' }, (answer) => {
        answer.resume()
        answer.once('end', () => (answer.statusCode === 200 ? resolve() : reject(new Error(`${answer.statusCode}`))))
      }).once('error', reject)
    })
  const client = async () => {
    for (let next = paths.next(); next.done !== true; next = paths.next()) await ask(next.value)
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  agent.destroy()
}

function* keys(prefix: string, count: number): Generator<string> {
  for (let i = 0; i < count; i++) yield `${prefix}${i}`
}

t.test('10 000 keys of 16 kB go through a cache of 32 MiB within 1.5 times that', { timeout: 110_000 }, async (t) => {
  const server = createServer((request, response) => {
    const kept = request.url?.startsWith('/kept/') === true ? 'max-age=3600' : 'no-store'
    response.writeHead(200, { 'cache-control': kept, 'content-length': BODY_BYTES }).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as { port: number }
  let admin = 0
  const gateway = await SpawnedGateway.start(t, (ports) => {
    admin = ports.admin
    return `
listeners: [{address: '127.0.0.1:${ports.port}'}]
admin: {address: '127.0.0.1:${ports.admin}'}
logs: {access: false}
cache: {memory: ${BUDGET_BYTES / MIB}MiB}
routes: [{upstream: 'http://127.0.0.1:${port}', cache: true}]
`
  })
  await askAll(gateway.port, keys('/passed/', 1000))
  const before = gateway.memory().nowBytes
  await askAll(gateway.port, keys('/kept/', KEYS))
  const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text()
  const read = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
  const [objects, bytes, evictions] = ['objects', 'bytes', 'evictions_total'].map((name) =>
    read(`gateway_cache_${name}`),
  )
  t.equal((objects ?? 0) + (evictions ?? 0), KEYS, 'every one was kept, and left when its time had come')
  t.ok((bytes ?? Number.NaN) <= BUDGET_BYTES)
  t.ok((objects ?? 0) * BODY_BYTES > BUDGET_BYTES / 2, `${objects} fit`)
  const grown = gateway.memory().peakBytes - before
  // 100 MB: garbage that a collector may leave for a while, whatever the budget is. All of it would take twice as much.
  t.ok(grown <= 1.5 * BUDGET_BYTES + 100e6, `${Math.round(grown / 1e6)} MB more than without a cache`)
})
