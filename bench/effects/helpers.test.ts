import t, { type Test } from 'tap'
import { freePort } from '../processes.ts'
import type { Behaviour, Counts } from './backend.ts'
import { Helper } from './calls.ts'
import type { LoadResult } from './load.ts'

/** Half a second at 100/s, asked by users who wait that long. */
async function ask(t: Test, port: number, timeoutMs = 20_000): Promise<LoadResult> {
  const load = helper(t, './load.ts')
  await load.call('ready')
  const streams = [{ class: 'all', rate: 100, paths: ['/'] }]
  const phases = [{ name: 'main', seconds: 0.5, streams }]
  return load.call('run', { ports: [port], phases, spacing: 'fixed', timeoutMs, startAt: Date.now() + 100 })
}

function helper(t: Test, file: string): Helper {
  const started = new Helper(file)
  t.teardown(() => started.stop())
  return started
}

async function backend(t: Test, behaviour: Behaviour): Promise<{ port: number; counts(): Promise<Counts[]> }> {
  const backends = helper(t, './backend.ts')
  const port = await backends.call<number>('open', { host: '127.0.0.1', port: 0, behaviour })
  return { port, counts: () => backends.call('counts') }
}

t.test('every request that is due is sent, reaches the backend and is counted', async (t) => {
  const { port, counts } = await backend(t, { ms: 1 })
  const { phases } = await ask(t, port)
  t.match(phases.main, { offered: 50, ok: 50, failed: {} })
  t.match(await counts(), [{ reached: 50, checks: 0 }])
})

t.test('failures are told apart: a status, a user who left, nobody listening', async (t) => {
  const failing = await backend(t, { ms: 1, state: 'failing' })
  t.match((await ask(t, failing.port)).phases.main, { ok: 0, failed: { 'status 503': 50 } })
  const hanging = await backend(t, { ms: 1, state: 'hanging' })
  t.match((await ask(t, hanging.port, 50)).phases.main, { ok: 0, failed: { timeout: 50 } })
  t.match((await ask(t, await freePort())).phases.main, { ok: 0, failed: { refused: 50 } })
})

t.test('a backend that closes connections as requests arrive looks at none of those', async (t) => {
  const { port, counts } = await backend(t, { ms: 1, closing: { idleMs: 20_000, share: 1 } })
  const { phases } = await ask(t, port)
  const [{ reached, raced } = { reached: 0, raced: 0 }] = await counts()
  t.equal(phases.main?.ok, reached)
  t.equal(phases.main?.failed.reset ?? 0, raced)
})

t.test('a stream can have an instance of its own, and a connection for every request', async (t) => {
  const [first, second] = [await backend(t, { ms: 1 }), await backend(t, { ms: 1 })]
  const load = helper(t, './load.ts')
  await load.call('ready')
  const streams = [
    { class: 'one', rate: 100, paths: ['/'], instance: 1 },
    { class: 'fresh', rate: 100, paths: ['/'], instance: 1, isFresh: true },
  ]
  const phases = [{ name: 'main', seconds: 0.5, streams }]
  const ports = [first.port, second.port]
  const plan = { ports, phases, spacing: 'fixed', timeoutMs: 20_000, startAt: Date.now() + 100 }
  const { connections } = await load.call<LoadResult>('run', plan)
  t.match([await first.counts(), await second.counts()], [[{ reached: 0 }], [{ reached: 100 }]])
  t.ok(connections >= 50, `${connections} connections`)
})

t.test('a backend sends the fields that it was told to', async (t) => {
  const { port } = await backend(t, { ms: 1, headers: { 'cache-control': 'max-age=7' } })
  const answer = await fetch(`http://127.0.0.1:${port}/`)
  t.equal(answer.headers.get('cache-control'), 'max-age=7')
})

t.test('what goes wrong in a helper is said to the caller', async (t) => {
  const { port } = await backend(t, { ms: 1 })
  const backends = helper(t, './backend.ts')
  await t.rejects(backends.call('open', { host: '127.0.0.1', port, behaviour: { ms: 1 } }), /EADDRINUSE/)
  await t.rejects(backends.call('down', 7), /no backend 7/)
})
