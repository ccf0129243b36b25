/** The demo's backends behave as the demo says they do. */
import t from 'tap'
import { WebSocket } from 'ws'
import { systemClock } from '../core/clock.ts'
import { type BackendName, Backends } from './backends.ts'

interface Teardown {
  teardown(task: () => Promise<void>): unknown
}

async function start(test: Teardown, random = () => 0.5) {
  const backends = await Backends.start(() => 0, systemClock, random)
  test.teardown(() => backends.close())
  return (name: BackendName) => backends.list.find((backend) => backend.name === name)?.url ?? ''
}

t.test('fast, steady and slow backends show the request that reached them', async (t) => {
  const url = await start(t)
  for (const name of ['fast-1', 'fast-2', 'steady', 'slow'] as const) {
    const answer = await fetch(`${url(name)}/cart?x=1`, { headers: { 'x-seen': 'yes' } })
    t.match(await answer.json(), { backend: name, method: 'GET', target: '/cart?x=1', headers: { 'x-seen': 'yes' } })
  }
})

t.test('the flaky backend fails for one draw in five', async (t) => {
  const draws = [0.19, 0.2, 0.99]
  const url = await start(t, () => draws.shift() ?? 0)
  const statuses: number[] = []
  for (let i = 0; i < 3; i++) {
    const answer = await fetch(url('flaky'))
    await answer.arrayBuffer()
    statuses.push(answer.status)
  }
  t.same(statuses, [503, 200, 200])
})

t.test('the events backend sends its first event at once', async (t) => {
  const url = await start(t)
  const abort = new AbortController()
  const answer = await fetch(url('events'), { signal: abort.signal })
  t.equal(answer.headers.get('content-type'), 'text/event-stream')
  const first = await answer.body?.getReader().read()
  t.match(Buffer.from(first?.value ?? []).toString(), /^id: 1\ndata: \d{4}-/)
  abort.abort()
})

t.test('the file backend sends 64 MiB and counts uploads', async (t) => {
  const url = await start(t)
  const download = await fetch(url('files'))
  let received = 0
  for await (const chunk of download.body ?? []) received += chunk.byteLength
  t.equal(received, 64 * 2 ** 20)
  const upload = await fetch(url('files'), { method: 'PUT', body: Buffer.alloc(100_000) })
  t.match(await upload.json(), { received: 100_000 })
})

t.test('the echo backend sends back messages of every size, pings and closes', async (t) => {
  const url = await start(t)
  const socket = new WebSocket(url('echo').replace('http', 'ws'))
  const next = (event: string) => {
    const { promise, resolve } = Promise.withResolvers<unknown>()
    socket.once(event, resolve)
    return promise
  }
  await next('open')
  for (const size of [0, 1, 125, 126, 65_535, 65_536, 1_000_000]) {
    const message = 'x'.repeat(size)
    const answer = next('message')
    socket.send(message)
    t.equal(String(await answer), message, `${size} bytes`)
  }
  const pong = next('pong')
  socket.ping('still there?')
  t.equal(String(await pong), 'still there?')
  const closed = next('close')
  socket.close(1000)
  t.equal(await closed, 1000)
})

t.test('the echo backend refuses plain requests', async (t) => {
  const url = await start(t)
  t.equal((await fetch(url('echo'))).status, 426)
})

t.test('a port that is taken leaves nothing open', async (t) => {
  const first = await Backends.start(
    () => 0,
    systemClock,
    () => 0,
  )
  const port = Number(new URL(first.list[0]?.url ?? '').port)
  await t.rejects(
    Backends.start(
      (index) => (index === 3 ? port : 0),
      systemClock,
      () => 0,
    ),
    { code: 'EADDRINUSE' },
  )
  await first.close()
})
