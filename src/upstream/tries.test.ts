import { once } from 'node:events'
import { createServer } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import {
  BareUpstream,
  NotingReader,
  type Options,
  RawBackend,
  type Script,
  TestBody,
  until,
} from '../../test/hardening/bare-upstream.ts'
import { VirtualClock } from '../../test/harness/clock.ts'
import { GatewayError } from '../core/errors.ts'

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

const serving: Script = async (connection) => {
  for (;;) {
    await connection.take()
    connection.write(ok)
  }
}

/** Takes requests and never answers. */
const silent: Script = async (connection) => void (await connection.take('never'))

async function rig(t: Test, scripts: readonly (Script | string | object)[], options: Options = {}) {
  const backends: RawBackend[] = []
  const urls: unknown[] = []
  for (const script of scripts) {
    if (typeof script !== 'function') {
      urls.push(script)
      continue
    }
    const backend = await new RawBackend(script as Script).listen()
    backends.push(backend)
    urls.push(backend.url)
  }
  const bare = new BareUpstream(urls, options)
  t.teardown(async () => {
    bare.origin.check()
    bare.close()
    await Promise.all(backends.map((backend) => backend.close()))
  })
  return { backends, bare }
}

/** A port where nothing listens. */
async function deadUrl(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

t.test('requests are spread over the endpoints by weight', async (t) => {
  const backends = await Promise.all([1, 2].map(() => new RawBackend(serving).listen()))
  const bare = new BareUpstream([
    { url: backends[0]?.url, weight: 3 },
    { url: backends[1]?.url, weight: 1 },
  ])
  t.teardown(async () => {
    bare.close()
    await Promise.all(backends.map((backend) => backend.close()))
  })
  for (let i = 0; i < 40; i++) await bare.get()
  t.same(
    bare.upstream.snapshot().endpoints.map(({ requests }) => requests),
    [{ '2xx': 30 }, { '2xx': 10 }],
  )
})

t.test('a refused connection is tried again at another endpoint', async (t) => {
  const dead = await deadUrl()
  const { bare } = await rig(t, [dead, serving])
  for (let i = 0; i < 4; i++) {
    const { reader, x } = bare.fetch({ method: 'POST', body: new TestBody(['ab'], 2) })
    await reader.over
    t.equal(reader.body, 'ok')
    t.ok(x.tries <= 2)
  }
  t.equal(bare.metric('gateway_retries_total', { upstream: 'up', reason: 'connect' }), 2)
  bare.origin.check({ finished: true })
})

t.test('attempts are bounded, and with one endpoint it is tried again itself', async (t) => {
  const dead = await deadUrl()
  for (const [retry, tries] of [
    [true, 2],
    [{ attempts: 5 }, 5],
    [false, 1],
    [{ on: ['unsent'] }, 1],
  ] as const) {
    const { bare } = await rig(t, [dead], { retry })
    const { reader, x } = bare.fetch()
    await reader.over
    t.equal(reader.failure?.code, 'connect_failed')
    t.equal(x.tries, tries)
  }
})

t.test('a name that does not resolve is a failure to connect', async (t) => {
  const { bare } = await rig(t, ['http://does-not-exist.invalid'], { retry: false })
  t.equal((await bare.get()).failure?.code, 'connect_failed')
})

t.test('TLS with a peer that has none, or no valid certificate, fails as such', async (t) => {
  const plain = await new RawBackend(async (connection) => {
    connection.socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
  }).listen()
  t.teardown(() => plain.close())
  const { bare } = await rig(t, [`https://127.0.0.1:${plain.port}`], { retry: false })
  t.equal((await bare.get()).failure?.code, 'tls_failed')
})

t.test('what may have reached the backend is not sent again', async (t) => {
  const { bare, backends } = await rig(t, [
    async (connection) => {
      await connection.take()
      connection.socket.end()
    },
  ])
  const { reader, x } = bare.fetch({ method: 'GET' })
  await reader.over
  t.equal(reader.failure?.code, 'connection_closed')
  t.equal(x.tries, 1)
  t.equal(backends[0]?.connections.length, 1)
})

t.test('a connection that does not come in time is given up and tried elsewhere', async (t) => {
  const clock = new VirtualClock()
  // A TLS handshake that is never answered.
  const hanging = await new RawBackend(silent).listen()
  t.teardown(() => hanging.close())
  const { bare } = await rig(t, [`https://127.0.0.1:${hanging.port}`, serving], { clock })
  const { reader, x } = bare.fetch()
  await until(() => hanging.connections[0]?.received !== '' && hanging.connections.length === 1)
  clock.advance(2_100)
  await reader.over
  t.equal(reader.body, 'ok')
  t.equal(x.tries, 2)
  await until(() => hanging.connections[0]?.isClosed === true)
  t.match(bare.upstream.snapshot().endpoints, [{ requests: { connect_timeout: 1 } }, { requests: { '2xx': 1 } }])
  await until(() => bare.upstream.snapshot().endpoints[0]?.outstanding === 0)
  t.match(bare.upstream.snapshot().endpoints, [{ connections: { open: 0, connecting: 0 } }])
})

t.test('beyond its connections requests wait, beyond its queue they are refused at once', async (t) => {
  const upstream = { pool: { connections: 2, queue: 3 } }
  const { bare, backends } = await rig(t, [silent], { upstream })
  const all = Array.from({ length: 7 }, () => bare.fetch())
  await until(() => backends[0]?.connections.length === 2)
  const refused = all.filter(({ reader }) => reader.failure?.code === 'upstream_busy')
  t.same(
    refused.map(({ x }) => x.tries),
    [1, 1],
  )
  t.match(bare.upstream.snapshot().endpoints, [{ outstanding: 5, queued: 3 }])
  for (const { cancel } of all) cancel(new GatewayError('client_gone'))
  t.match(bare.upstream.snapshot().endpoints, [{ queued: 0 }])
  await until(() => bare.upstream.snapshot().endpoints[0]?.outstanding === 0)
  t.equal(backends[0]?.connections.length, 2)
})

t.test('a request that finds no place at one endpoint is sent to another that has one', async (t) => {
  const { bare } = await rig(t, [silent, serving], { upstream: { pool: { connections: 1, queue: 0 } } })
  const stuck = bare.fetch()
  t.equal((await bare.get()).body, 'ok')
  const { reader, x } = bare.fetch({ method: 'POST', body: new TestBody(['ab'], 2) })
  await reader.over
  t.equal(reader.body, 'ok')
  t.equal(x.tries, 2)
  t.equal(bare.metric('gateway_retries_total', { upstream: 'up', reason: 'connect' }), 1)
  stuck.cancel(new GatewayError('client_gone'))
})

t.test('where no endpoint has a place, a request is refused at once', async (t) => {
  const { bare, backends } = await rig(t, [silent, silent], {
    upstream: { pool: { connections: 1, queue: 0 } },
    retry: { attempts: 5 },
  })
  const stuck = [bare.fetch(), bare.fetch()]
  const { reader, x } = bare.fetch()
  t.equal(reader.failure?.code, 'upstream_busy')
  t.equal(x.tries, 1)
  await until(() => backends.every(({ connections }) => connections[0]?.received.endsWith('\r\n\r\n') === true))
  for (const { cancel } of stuck) cancel(new GatewayError('client_gone'))
})

t.test('a request for which no connection comes free in time is sent to an endpoint that has one', async (t) => {
  const clock = new VirtualClock()
  const { bare, backends } = await rig(t, [silent, serving], { clock, upstream: { pool: { connections: 1 } } })
  const stuck = bare.fetch()
  await until(() => backends[0]?.connections[0]?.received.endsWith('\r\n\r\n') === true)
  t.equal((await bare.get()).body, 'ok')
  const { reader, x } = bare.fetch()
  clock.advance(2_100)
  await reader.over
  t.equal(reader.body, 'ok')
  t.equal(x.tries, 2)
  stuck.cancel(new GatewayError('client_gone'))
})

t.test('those that wait are served in order as connections come free', async (t) => {
  const seen: string[] = []
  const { bare } = await rig(
    t,
    [
      async (connection) => {
        for (;;) {
          seen.push((await connection.take()).split(' ')[1] as string)
          connection.write(ok)
        }
      },
    ],
    { upstream: { pool: { connections: 1, queue: 100 } } },
  )
  const all = Array.from({ length: 20 }, (_, i) => bare.fetch({ path: `/${i}` }))
  all[7]?.cancel(new GatewayError('client_gone'))
  await Promise.all(all.filter((_, i) => i !== 7).map(({ reader }) => reader.over))
  t.same(
    seen,
    Array.from({ length: 20 }, (_, i) => `/${i}`).filter((path) => path !== '/7'),
  )
  t.ok((all[19]?.x.spans[2] ?? 0) > 0)
})

t.test('waiting for a free connection ends with the connect timeout', async (t) => {
  const clock = new VirtualClock()
  const { bare, backends } = await rig(t, [silent], { clock, upstream: { pool: { connections: 1 } } })
  const first = bare.fetch()
  const second = bare.fetch()
  await until(() => backends[0]?.connections[0]?.received.endsWith('\r\n\r\n') === true)
  clock.advance(2_100)
  t.equal(second.reader.failure?.code, 'upstream_busy')
  t.equal(first.reader.failure, undefined)
  first.cancel(new GatewayError('client_gone'))
})

t.test('a reload keeps the connections, and the last user closes them', async (t) => {
  const { bare, backends } = await rig(t, [serving])
  await bare.get()
  const lease = bare.keep.lease()
  const { Upstream } = await import('./index.ts')
  const { upstreamSchema } = await import('./schema.ts')
  const config = upstreamSchema.parse({ endpoints: [backends[0]?.url] })
  const next = new Upstream('up', config, { ...bare.deps, lease })
  bare.deps.lease.release()
  await turn()
  t.equal(backends[0]?.connections[0]?.isClosed, false)
  t.match(next.snapshot().endpoints, [{ connections: { open: 1 } }])
  t.equal((await bare.get()).body, 'ok', 'requests of the old configuration still go through')
  lease.release()
  await until(() => backends[0]?.connections.every(({ isClosed }) => isClosed) === true)
  t.equal((await bare.get()).body, 'ok', 'even after the end, for those still under way')
  await until(() => backends[0]?.connections.every(({ isClosed }) => isClosed) === true)
})

t.test('gauges and counters say how the pool is doing', async (t) => {
  const { bare, backends } = await rig(t, [serving])
  await bare.get()
  const text = await bare.registry.text()
  const labels = `upstream="up",endpoint="127.0.0.1:${backends[0]?.port}"`
  for (const line of [
    `gateway_pool_connections{${labels},state="idle"} 1`,
    `gateway_pool_queued{${labels}} 0`,
    `gateway_upstream_outstanding{${labels}} 0`,
    `gateway_upstream_requests_total{${labels},outcome="2xx"} 1`,
    `gateway_upstream_request_seconds_count{${labels}} 1`,
    `gateway_upstream_connect_seconds_count{${labels}} 1`,
    `gateway_tunnels{${labels}} 0`,
  ]) {
    t.ok(text.includes(line), line)
  }
})

t.test(
  'a request that is made from within an answer goes out a moment later, not from within undici’s parser',
  async (t) => {
    const { bare } = await rig(t, [serving])
    await bare.get()
    const reader = new NotingReader()
    let second: ReturnType<typeof bare.fetch> | undefined
    let waiting = 0
    reader.onHead = () => {
      second = bare.fetch({ method: 'GET' })
      waiting = bare.upstream.snapshot().endpoints[0]?.queued ?? 0
    }
    bare.fetch({ method: 'GET' }, reader)
    await reader.over
    t.equal(waiting, 1)
    await second?.reader.over
    t.equal(second?.reader.body, 'ok')
  },
)
