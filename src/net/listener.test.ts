import { once } from 'node:events'
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { bareListener, CountingMetrics, describe, RawClient } from '../../test/hardening/bare-listener.ts'
import { systemClock } from '../core/clock.ts'
import type { Downstream, Handshake } from '../core/downstream.ts'
import { silentLog } from '../core/log.ts'
import { PassingBuffers } from '../core/passing-buffers.ts'
import { Wheel } from '../core/wheel.ts'
import { Listener } from './listener.ts'
import { listenerSchema } from './schema.ts'

const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const handshake =
  'GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n'

const holding = (_request: unknown, _peer: unknown, down: Downstream): void => down.attach({ drained() {}, gone() {} })

function finish(down: Downstream | undefined): void {
  down?.head(200, 'OK', ['Content-Length', '2'])
  down?.write(Buffer.from('hi'))
  down?.end()
}

function makeListener(address: string): Listener {
  return new Listener(listenerSchema.parse({ address }), {
    clock: systemClock,
    wheel: new Wheel(systemClock),
    buffers: new PassingBuffers(() => {}),
    log: silentLog,
    metrics: new CountingMetrics(),
    entry: describe,
  })
}

t.test('port 0 is a free port, and the address says which', async (t) => {
  const bare = await bareListener()
  t.teardown(() => bare.close())
  t.match(bare.listener.address, /^127\.0\.0\.1:[1-9]\d+$/)
  t.match(await bare.client().send(request).until('GET a / 0'), /200 OK/)
})

t.test('every address of the machine can be listened on', async (t) => {
  const listener = makeListener(':0')
  await listener.listen()
  t.match(listener.address, /^(\[::\]|0\.0\.0\.0):\d+$/)
  await listener.close()
})

t.test('an address that cannot be bound is an error, not a crash', async (t) => {
  const listener = makeListener('192.0.2.1:0')
  await t.rejects(listener.listen(), { code: 'EADDRNOTAVAIL' })
  await listener.close()
})

t.test('a second instance can bind the port while the first drains', async (t) => {
  const bare = await bareListener()
  t.teardown(() => bare.close())
  const second = makeListener(`127.0.0.1:${bare.port}`)
  await second.listen()
  await second.close()
})

t.test('a unix socket is listened on, a stale one replaced, a live one left alone, and the file removed', async (t) => {
  // The limit for such paths is short, and the folder of a test may be deep.
  const folder = mkdtempSync(join(tmpdir(), 'gateway-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'gateway.sock')
  const stale = createServer()
  stale.listen(path)
  await once(stale, 'listening')
  const live = makeListener(`unix:${path}`)
  await t.rejects(live.listen(), { code: 'EADDRINUSE' })
  // Node removes the file when it closes; a process that dies does not.
  renameSync(path, `${path}.kept`)
  stale.close()
  await once(stale, 'close')
  renameSync(`${path}.kept`, path)

  const listener = makeListener(`unix:${path}`)
  await listener.listen()
  t.equal(listener.address, `unix:${path}`)
  const client = new RawClient(connect(path))
  t.match(await client.send(request).until('GET a / 0'), /200 OK/)
  client.socket.destroy()
  await listener.close()
  t.notOk(existsSync(path))
})

t.test('a request line without the rest of its section is answered with 408 after header_timeout', async (t) => {
  const bare = await bareListener({ limits: { header_timeout: '100ms' } })
  t.teardown(() => bare.close())
  t.match(await bare.client().send('GET / HTTP/1.1\r\nHost: a\r\nX: ').closed(), /^HTTP\/1\.1 408 .*Connection: close/s)
  t.match(await bare.client().send(`${request}GET /2 HTTP/1.1\r\n`).closed(), /^HTTP\/1\.1 200 .*HTTP\/1\.1 408 /s)
})

t.test('a connection that never sends anything is closed after idle_timeout, without a word', async (t) => {
  const bare = await bareListener({ limits: { header_timeout: '100ms', idle_timeout: '200ms' } })
  t.teardown(() => bare.close())
  t.equal(await bare.client().closed(), '')
})

t.test('a first request that comes after header_timeout is served, and may take its time', async (t) => {
  const bare = await bareListener({ limits: { header_timeout: '100ms', idle_timeout: '1s' } }, holding)
  t.teardown(() => bare.close())
  const client = bare.client()
  const early = bare.client().send('GET / HTTP/1.1\r\n')
  await early.closed()
  client.send(request)
  await bare.saw(1)
  finish(bare.seen[0]?.down)
  t.match(await client.until('hi'), /200 OK/)
})

t.test('a connection without a further request is closed after idle_timeout', async (t) => {
  const bare = await bareListener({ limits: { idle_timeout: '100ms' } })
  t.teardown(() => bare.close())
  t.match(await bare.client().send(request).closed(), /^HTTP\/1\.1 200 .*GET a \/ 0$/s)
})

t.test('connections beyond max_connections are closed when they arrive, and counted', async (t) => {
  const bare = await bareListener({ limits: { max_connections: 1 } })
  t.teardown(() => bare.close())
  const first = bare.client()
  await first.send(request).until('GET a / 0')
  t.equal(await bare.client().closed(), '')
  t.equal(bare.metrics.value('gateway_rejected_connections_total{}'), 1)
  t.equal(bare.metrics.value('gateway_connections{}'), 1)
  bare.listener.update(bare.configure({ limits: { max_connections: 2 } }))
  await bare.client().send(request).until('GET a / 0')
  t.equal(bare.metrics.value('gateway_connections_total{}'), 2)
})

t.test('refusals are counted by code, and logged once a minute', async (t) => {
  const bare = await bareListener()
  t.teardown(() => bare.close())
  for (const bytes of ['GARBAGE\r\n\r\n', 'GET /.. HTTP/1.1\r\nHost: a\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n']) {
    await bare.client().send(bytes).closed()
  }
  for (const code of ['bad_request', 'bad_target', 'bad_host']) {
    t.equal(bare.metrics.value(`gateway_refused_requests_total{${code}}`), 1, code)
  }
  t.equal(bare.logged.length, 1)
})

t.test('a refusal is a problem with a request id, in the form the client accepts', async (t) => {
  const bare = await bareListener()
  t.teardown(() => bare.close())
  const json = await bare.client().send('GET /.. HTTP/1.1\r\nHost: a\r\n\r\n').closed()
  t.match(json, /application\/problem\+json\r\n.*X-Request-Id: \S+\r\n.*"code":"bad_target"/s)
  t.notMatch(json, /root|path:/, 'no internals')
  const text = await bare.client().send('GET /.. HTTP/1.1\r\nHost: a\r\nAccept: text/plain\r\n\r\n').closed()
  t.match(text, /text\/plain/)
  const head = await bare.client().send('HEAD /.. HTTP/1.1\r\nHost: a\r\n\r\n').closed()
  t.match(head, /Content-Length: [1-9]\d*\r\n.*\r\n\r\n$/s)
})

t.test('answers that are due go out before a refusal does', async (t) => {
  for (const rest of ['GARBAGE\r\n\r\n', 'GET /.. HTTP/1.1\r\nHost: a\r\n\r\n']) {
    const bare = await bareListener({}, holding)
    t.teardown(() => bare.close())
    const client = bare.client().send(request + request + rest)
    await bare.saw(1)
    finish(bare.seen[0]?.down)
    await bare.saw(2)
    finish(bare.seen[1]?.down)
    const received = await client.closed()
    t.same(received.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 400'])
    t.equal(received.match(/Connection: close/g)?.length, 1)
  }
})

t.test('a CONNECT or upgrade behind a request that is not answered yet ends the connection', async (t) => {
  for (const rest of ['CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', handshake]) {
    const bare = await bareListener({}, holding)
    t.teardown(() => bare.close())
    t.equal(
      await bare
        .client()
        .send(request + rest)
        .closed(),
      '',
    )
    t.equal(bare.seen.length, 1)
  }
})

t.test('more pipelined requests than anybody sends end the connection, after those that were taken', async (t) => {
  const bare = await bareListener({}, holding)
  t.teardown(() => bare.close())
  const client = bare.client().send(request.repeat(1000))
  await bare.saw(1)
  for (let i = 0; ; i++) {
    finish(bare.seen[i]?.down)
    await Promise.race([bare.saw(i + 2), client.closed()])
    if (client.isEnded || bare.seen.length < i + 2) break
  }
  t.equal(bare.seen.length, 257)
  t.equal(client.received.match(/hi/g)?.length, 257)
})

t.test('new limits and trusted proxies hold for requests on connections that are open', async (t) => {
  const bare = await bareListener()
  t.teardown(() => bare.close())
  const client = bare.client()
  const claim = 'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n'
  await client.send(claim).until('GET a / 0')
  t.match(bare.seen[0]?.peer, { address: '127.0.0.1', client: '127.0.0.1', trusted: false })
  bare.listener.update(bare.configure({ trusted_proxies: ['127.0.0.0/8'], limits: { header_count: 2 } }))
  client.send(claim)
  await bare.saw(2)
  t.match(bare.seen[1]?.peer, { client: '192.0.2.9', trusted: true })
  client.send('GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\n\r\n')
  t.match(await client.closed(), /HTTP\/1\.1 431 /)
})

t.test('a peer is worked out anew for each Host of a connection', async (t) => {
  const bare = await bareListener()
  t.teardown(() => bare.close())
  const client = bare.client()
  for (const host of ['a', 'a', 'b']) client.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  await client.until('GET b / 0')
  t.same(
    bare.seen.map(({ peer }) => peer.forwarded[5]),
    ['a', 'a', 'b'],
  )
  t.equal(bare.seen[0]?.peer, bare.seen[1]?.peer)
})

t.test('draining lets exchanges end, tells their clients, and closes idle connections', async (t) => {
  const bare = await bareListener({}, holding)
  t.teardown(() => bare.close())
  const idle = bare.client()
  const busy = bare.client().send(request)
  await bare.saw(1)
  const drained = bare.listener.drain(30_000)
  t.equal(await idle.closed(), '')
  await t.rejects(
    new Promise((_, reject) => {
      connect(bare.port, '127.0.0.1').once('error', reject)
    }),
    { code: 'ECONNREFUSED' },
  )
  finish(bare.seen[0]?.down)
  t.match(await busy.closed(), /Connection: close.*hi$/s)
  await drained
})

t.test('a request that is sent while the listener begins to drain is answered', async (t) => {
  const bare = await bareListener()
  t.teardown(() => bare.close())
  const client = bare.client()
  await client.send(request).until('GET a / 0')
  const drained = bare.listener.drain(30_000)
  client.send('GET /late HTTP/1.1\r\nHost: a\r\n\r\n')
  t.match(await client.closed(), /GET a \/late 0$/)
  await drained
})

t.test('connections that wait to be accepted when the listener begins to drain are not reset', async (t) => {
  const bare = await bareListener()
  t.teardown(() => bare.close())
  const connected = new Int32Array(new SharedArrayBuffer(4))
  const clients = new Worker(
    `const { connect } = require('node:net')
    const { workerData: { port, connected }, parentPort } = require('node:worker_threads')
    for (let i = 0; i < 50; i++) {
      let end = 'closed'
      const socket = connect(port, '127.0.0.1', () => {
        Atomics.add(connected, 0, 1)
        Atomics.notify(connected, 0)
      })
      socket.on('error', (error) => { end = error.code }).on('close', () => parentPort.postMessage(end)).resume()
    }`,
    { eval: true, workerData: { port: bare.port, connected } },
  )
  t.teardown(() => clients.terminate())
  const ends: string[] = []
  const all = new Promise<void>((resolve) => {
    clients.on('message', (end: string) => {
      if (ends.push(end) === 50) resolve()
    })
  })
  for (let n = 0; n < 50; n = Atomics.load(connected, 0)) Atomics.wait(connected, 0, n, 10_000)
  await bare.listener.drain(30_000)
  await all
  t.same(ends, Array(50).fill('closed'))
})

t.test('what is left at the deadline of draining is cut off', async (t) => {
  const bare = await bareListener({}, holding)
  t.teardown(() => bare.close())
  const client = bare.client().send(request)
  await bare.saw(1)
  await bare.listener.drain(100)
  t.equal(await client.closed(), '')
  t.equal(bare.listener.connections, 0)
})

t.test('a WebSocket handshake is handed over with its socket and the bytes behind it', async (t) => {
  let taken: Handshake | undefined
  const bare = await bareListener({}, (_request, _peer, down) => {
    down.attach({ drained() {}, gone() {} })
    taken = down.handshake
  })
  t.teardown(() => bare.close())
  const client = bare.client().send(`${handshake}early`)
  await bare.saw(1)
  t.match(bare.seen[0]?.request, { method: 'GET', path: '/chat', body: null })
  t.equal(String(taken?.head), 'early')
  t.equal(taken?.incoming.headers['sec-websocket-version'], '13')
  taken?.socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\nframes')
  await client.until('frames')
  taken?.socket.destroy()
  await client.closed()
})

t.test('a handshake that gets a plain answer is told so, and its connection closed', async (t) => {
  const bare = await bareListener()
  t.teardown(() => bare.close())
  const received = await bare.client().send(`${handshake}early`).closed()
  t.match(received, /^HTTP\/1\.1 200 OK\r\n.*Connection: close\r\n.*GET a \/chat 0$/s)
})

t.test('a client that leaves during its handshake is noticed', async (t) => {
  let left: (() => void) | undefined
  const isGone = new Promise<void>((resolve) => {
    left = resolve
  })
  const bare = await bareListener({}, (_request, _peer, down) => {
    down.attach({ drained() {}, gone: () => left?.() })
    down.handshake?.socket.resume()
  })
  t.teardown(() => bare.close())
  const client = bare.client().send(handshake)
  await bare.saw(1)
  client.socket.resetAndDestroy()
  await isGone
  t.equal(bare.seen.length, 1)
})

t.test('a socket of a handshake that fails does not end the process', async (t) => {
  const bare = await bareListener({}, holding)
  t.teardown(() => bare.close())
  bare.client().send(handshake)
  await bare.saw(1)
  bare.seen[0]?.down.handshake?.socket.destroy(new Error('broken'))
  await bare.client().send(request)
  await bare.saw(2)
})
