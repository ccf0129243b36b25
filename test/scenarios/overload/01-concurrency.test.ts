import type { TestGateway } from '../../harness/gateway.ts'
import type { Answering, OriginRequest } from '../../harness/origin.ts'
import { type Scenario, scenario } from '../../harness/scenario.ts'

/** A backend that answers when it is told to. */
class Held {
  readonly waiting: { request: OriginRequest; answer: Answering; done: () => void }[] = []

  readonly behaviour = (request: OriginRequest, answer: Answering) =>
    new Promise<void>((done) => {
      this.waiting.push({ request, answer, done })
    })

  /** Answers the oldest. */
  answer(status = 200): string {
    const { request, answer, done } = this.waiting.shift() as Held['waiting'][number]
    answer.send(`HTTP/1.1 ${status} X\r\nContent-Length: 2\r\n\r\nok`)
    done()
    return request.target
  }
}

async function held(s: Scenario, concurrency: unknown, more: object = {}) {
  const backend = new Held()
  const origin = await s.origin(backend.behaviour)
  const gw = await s.gateway(
    {
      upstreams: { u: { endpoints: [origin.url], concurrency } },
      routes: [
        { match: '/critical', upstream: 'u', priority: 'critical', ...more },
        { match: '/low', upstream: 'u', priority: 'low', ...more },
        { upstream: 'u', ...more },
      ],
    },
    { clock: s.clock, random: () => 0 },
  )
  return { backend, origin, gw }
}

async function queued(gw: TestGateway, count: number): Promise<void> {
  while ((await gw.metric('gateway_concurrency_queued')) !== count) await new Promise(setImmediate)
}

scenario('no more than the limit reaches the backend; the rest waits its turn', async (s, t) => {
  const { backend, origin, gw } = await held(s, 2)
  const answers = [1, 2, 3, 4].map((n) => gw.get(`/${n}`))
  await origin.saw(2)
  await queued(gw, 2)
  t.equal(await gw.metric('gateway_concurrency_in_flight'), 2)
  for (let i = 0; i < 4; i++) {
    await origin.saw(Math.min(i + 2, 4))
    while (backend.waiting.length === 0) await new Promise(setImmediate)
    backend.answer()
  }
  t.same(
    (await Promise.all(answers)).map(({ status }) => status),
    [200, 200, 200, 200],
  )
  t.equal(await gw.metric('gateway_concurrency_queue_seconds_count'), 2)
  t.equal(await gw.metric('gateway_concurrency_in_flight'), 0)
})

scenario('who is critical goes first', async (s, t) => {
  const { backend, origin, gw } = await held(s, 1)
  const first = gw.get('/')
  await origin.saw(1)
  const low = gw.get('/low')
  await queued(gw, 1)
  const normal = gw.get('/normal')
  await queued(gw, 2)
  const critical = gw.get('/critical')
  await queued(gw, 3)
  const order: string[] = []
  for (let i = 1; i <= 4; i++) {
    await origin.saw(i)
    while (backend.waiting.length === 0) await new Promise(setImmediate)
    order.push(backend.answer())
  }
  await Promise.all([first, low, normal, critical])
  t.same(order, ['/', '/critical', '/normal', '/low'])
})

scenario('whoever waits too long is refused, and told when to come back', async (s, t) => {
  const { backend, origin, gw } = await held(s, { adaptive: false, max: 1, queue_timeout: '100ms' })
  const first = gw.get('/')
  await origin.saw(1)
  const second = gw.get('/')
  await queued(gw, 1)
  s.clock.advance(150)
  const refused = await second
  t.match([refused.status, refused.problem.code, refused.header('retry-after')], [503, 'shed', '1'])
  t.equal(await gw.metric('gateway_shed_total', { rule: 'queue_timeout', priority: 'normal' }), 1)
  backend.answer()
  t.equal((await first).status, 200)
})

scenario('a full queue refuses the least important', async (s, t) => {
  const { backend, origin, gw } = await held(s, { adaptive: false, max: 1, queue: 1, queue_timeout: '10s' })
  const first = gw.get('/')
  await origin.saw(1)
  const low = gw.get('/low')
  await queued(gw, 1)
  const critical = gw.get('/critical')
  t.equal((await low).status, 503)
  t.equal((await gw.get('/low')).status, 503, 'nobody gives way to somebody less important')
  t.equal(await gw.metric('gateway_shed_total', { rule: 'queue_full', priority: 'low' }), 2)
  backend.answer()
  await origin.saw(2)
  while (backend.waiting.length === 0) await new Promise(setImmediate)
  backend.answer()
  t.same([(await first).status, (await critical).status], [200, 200])
})

scenario(
  'a client that leaves gives its place to the next, and what it asked for counts until it is likely done',
  async (s, t) => {
    const { backend, origin, gw } = await held(s, 1)
    const gone = await gw.client()
    gone.request({})
    await origin.saw(1)
    const waiting = await gw.client()
    waiting.request({ target: '/waiting' })
    await queued(gw, 1)
    await waiting.close()
    await queued(gw, 0)
    await gone.close()
    const next = gw.get('/next')
    await origin.saw(2)
    while (backend.waiting.length < 2) await new Promise(setImmediate)
    backend.waiting.shift()?.done()
    backend.answer()
    t.equal((await next).status, 200)
  },
)

scenario('a request that cannot be answered in time is refused at once', async (s, t) => {
  const { backend, origin, gw } = await held(s, 1, { timeouts: { total: '500ms' } })
  for (let i = 1; i <= 60; i++) {
    const answer = gw.get('/')
    await origin.saw(i)
    while (backend.waiting.length === 0) await new Promise(setImmediate)
    s.clock.advance(490)
    backend.answer()
    await answer
  }
  const first = gw.get('/')
  await origin.saw(61)
  s.clock.advance(100)
  const late = gw.get('/')
  await queued(gw, 1)
  s.clock.advance(300)
  const refused = await late
  t.match([refused.status, refused.problem.code], [503, 'shed'])
  backend.answer()
  await first
})

scenario('with dry_run nothing waits, and what would have is counted', async (s, t) => {
  const { backend, origin, gw } = await held(s, { adaptive: false, max: 1, dry_run: true })
  const answers = [gw.get('/'), gw.get('/')]
  await origin.saw(2)
  t.equal(await gw.metric('gateway_concurrency_would_hold_total'), 1)
  while (backend.waiting.length < 2) await new Promise(setImmediate)
  backend.answer()
  backend.answer()
  t.same(
    (await Promise.all(answers)).map(({ status }) => status),
    [200, 200],
  )
})

scenario('a backend that says it has too much gets less', async (s, t) => {
  const { backend, origin, gw } = await held(s, { adaptive: true, min: 1 })
  const answers = Array.from({ length: 10 }, () => gw.get('/'))
  await origin.saw(10)
  while (backend.waiting.length < 10) await new Promise(setImmediate)
  backend.answer(503)
  while (((await gw.metric('gateway_concurrency_limit')) ?? 1000) > 8) await new Promise(setImmediate)
  t.equal(await gw.metric('gateway_concurrency_limit'), 8)
  while (backend.waiting.length > 0) backend.answer()
  await Promise.all(answers)
})

scenario('a slow endpoint among several does not come to hold all that the upstream may have at once', async (s, t) => {
  const slow = new Held()
  const [stuck, quick] = [await s.origin(slow.behaviour), await s.origin()]
  const gw = await s.gateway(
    {
      upstreams: { u: { endpoints: [stuck.url, quick.url], balance: 'round_robin', concurrency: 8 } },
      routes: [{ upstream: 'u' }],
    },
    { clock: s.clock },
  )
  const waiting: Promise<unknown>[] = []
  let answered = 0
  for (let i = 0; i < 24; i++) {
    const one = gw.get('/').then(() => answered++)
    waiting.push(one)
    await new Promise(setImmediate)
  }
  // Six of eight, whatever the turns of round robin: half as much again as its share.
  while (answered < 18) await new Promise(setImmediate)
  t.equal(slow.waiting.length, 6)
  while (slow.waiting.length > 0) slow.answer()
  await Promise.all(waiting)
  t.equal(stuck.requests.length, 6)
  t.equal(quick.requests.length, 18)
})
