import { deadUrl, reply, silence } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'

const eager = { attempts: 3, on: ['connect', 'unsent', 'reset', 'timeout', 502, 503, 504] }
const reset = (_request: unknown, answer: { reset(): void }) => answer.reset()

scenario('a GET that was reset goes to another endpoint where that is asked for; a POST never does', async (s, t) => {
  const bad = await s.origin(reset)
  const good = await s.origin(reply(200, {}, 'good'))
  const gw = await s.gateway({
    upstreams: { u: { endpoints: [bad.url, good.url], outlier_ejection: false } },
    routes: [{ upstream: 'u', retry: eager }],
  })
  for (let i = 0; i < 4; i++) t.match(await gw.get('/'), { status: 200, text: 'good' })
  t.equal(await gw.metric('gateway_retries_total', { reason: 'reset' }), bad.requests.length)
  const posts = [await gw.fetch({ method: 'POST', body: 'x' }), await gw.fetch({ method: 'POST', body: 'x' })]
  t.same(posts.map(({ status }) => status).sort(), [200, 502])
})

scenario('an answer that says 503 is passed over for a better one, and passed on when there is none', async (s, t) => {
  const busy = await s.origin(reply(503, {}, 'busy'))
  const well = await s.origin(reply(200, {}, 'well'), reply(503, {}, 'busy, too'))
  const gw = await s.gateway({
    upstreams: { u: { endpoints: [busy.url, well.url], outlier_ejection: false } },
    routes: [{ upstream: 'u', retry: { attempts: 2, on: [503] } }],
  })
  t.match(await gw.get('/'), { status: 200, text: 'well' })
  t.match(await gw.get('/'), { status: 503 })
  t.equal(busy.connections, 1, 'the connection of an answer that is not used is used again')
})

scenario('a body is sent again, whole; one that is too large to be kept is sent once', async (s, t) => {
  const first = await s.origin(async (request, answer) => {
    await request.body.rest()
    answer.reset()
  })
  const second = await s.origin(reply(200, {}, 'stored'))
  const route = (replay: string) => ({ upstream: 'u', retry: { ...eager, replay } })
  const upstreams = {
    u: { endpoints: [first.url, { url: second.url, tier: 1 }], outlier_ejection: false, panic: '0%' },
  }
  const gw = await s.gateway({ upstreams, routes: [route('64KiB')] })
  const body = 'a body, '.repeat(1000)
  const answer = await gw.fetch({ method: 'PUT', body })
  t.equal(answer.status, 502, 'a lower tier is not asked while the first one is held to be well')
  const beside = { u: { endpoints: [first.url, second.url], outlier_ejection: false } }
  const gateway = await s.gateway({ upstreams: beside, routes: [route('64KiB')] })
  for (let i = 0; i < 2; i++) t.equal((await gateway.fetch({ method: 'PUT', body })).status, 200)
  t.ok(second.requests.every((request) => request.body.text === body))
  await gateway.apply({ upstreams: beside, routes: [route('1KiB')] })
  const statuses = [await gateway.fetch({ method: 'PUT', body }), await gateway.fetch({ method: 'PUT', body })]
  t.same(statuses.map(({ status }) => status).sort(), [200, 502])
})

scenario('further tries are held to a share of the requests', async (s, t) => {
  const bad = await s.origin(reply(503))
  const gw = await s.gateway(
    {
      upstreams: { u: { endpoints: [bad.url], outlier_ejection: false } },
      routes: [{ upstream: 'u', retry: { attempts: 3, on: [503], budget: '20%' } }],
    },
    { random: () => 0 },
  )
  const client = await gw.client()
  for (let i = 0; i < 200; i++) await client.fetch({})
  t.ok(bad.requests.length <= 200 * 1.2 + 60, `${bad.requests.length} reached the backend`)
  t.ok(bad.requests.length > 200, 'but some were tried again')
  t.ok(((await gw.metric('gateway_retry_budget_exhausted_total')) ?? 0) > 0)
})

scenario('the backend is told how long there is, and nothing is sent when no time is left', async (s, t) => {
  const slow = await s.origin(silence)
  const gw = await s.gateway(
    {
      upstreams: { u: { endpoints: [slow.url], outlier_ejection: false } },
      routes: [
        { upstream: 'u', timeouts: { total: '2500ms' }, retry: { attempts: 5, on: ['timeout'], per_try: '1s' } },
      ],
    },
    { clock: s.clock, random: () => 0 },
  )
  const answer = gw.get('/', { headers: { 'X-Request-Timeout-Ms': '99999' } })
  t.same((await slow.saw(1)).headers('x-request-timeout-ms'), ['1000'])
  s.clock.advance(1020)
  t.same((await slow.saw(2)).headers('x-request-timeout-ms'), ['1000'])
  s.clock.advance(1020)
  t.match((await slow.saw(3)).header('x-request-timeout-ms'), /^[45]\d\d$/)
  s.clock.advance(1020)
  t.match(await answer, { status: 504 })
  t.equal(slow.requests.length, 3)
})

scenario('what an endpoint asks for with Retry-After is heeded where there is no other', async (s, t) => {
  const busy = await s.origin(reply(503, { 'Retry-After': '2' }), reply(200, {}, 'rested'))
  const gw = await s.gateway(
    {
      upstreams: { u: { endpoints: [busy.url] } },
      routes: [
        { match: '/impatient', upstream: 'u', timeouts: { total: '1s' }, retry: { on: [503] } },
        { upstream: 'u', retry: { on: [503] } },
      ],
    },
    { clock: s.clock, random: () => 0 },
  )
  const answer = gw.get('/')
  await busy.saw(1)
  // The answer has to arrive before time passes.
  while ((await gw.metric('gateway_retries_total', { reason: '503' })) !== 1) await new Promise(setImmediate)
  s.clock.advance(1900)
  t.equal(busy.requests.length, 1)
  s.clock.advance(200)
  t.match(await answer, { status: 200, text: 'rested' })
})

scenario('Retry-After of more than an answer may take is not waited for', async (s, t) => {
  const busy = await s.origin(reply(503, { 'Retry-After': '20' }, 'busy'))
  const gw = await s.gateway({
    upstreams: { u: { endpoints: [busy.url] } },
    routes: [{ upstream: 'u', retry: { on: [503] } }],
  })
  t.match(await gw.get('/'), { status: 503, text: 'busy' })
  t.equal(busy.requests.length, 1)
})

scenario('time that a request waits for a connection is taken off what the backend is told', async (s, t) => {
  let answerNow = async () => {}
  const origin = await s.origin(
    (request, answer) =>
      new Promise<void>((resolve) => {
        answerNow = async () => {
          await reply(200, {}, 'ok')(request, answer)
          resolve()
        }
      }),
  )
  const gw = await s.gateway(
    {
      upstreams: { u: { endpoints: [origin.url], pool: { connections: 1 } } },
      routes: [{ upstream: 'u', timeouts: { total: '1500ms' } }],
    },
    { clock: s.clock },
  )
  const first = gw.get('/')
  t.equal((await origin.saw(1)).header('x-request-timeout-ms'), '1500')
  const second = gw.get('/')
  while ((await gw.metric('gateway_pool_queued')) !== 1) await new Promise(setImmediate)
  s.clock.advance(1000)
  await answerNow()
  t.equal((await first).text, 'ok')
  t.equal((await origin.saw(2)).header('x-request-timeout-ms'), '500')
  await answerNow()
  t.equal((await second).text, 'ok')
})

scenario('a try that is due is not forgotten when a hedge fails before it', async (s, t) => {
  let breakNow: () => void = () => {}
  const slow = await s.origin((_request, answer) => {
    breakNow = () => answer.reset()
    return new Promise<void>(() => {})
  })
  let failNow: () => void = () => {}
  const second = await s.origin((_request, answer) => {
    failNow = () => answer.reset()
    return new Promise<void>(() => {})
  })
  const third = await s.origin(reply(200, {}, 'third'))
  const gw = await s.gateway(
    {
      upstreams: { u: { endpoints: [slow.url, second.url, third.url], outlier_ejection: false } },
      routes: [{ upstream: 'u', hedge: { after: '50ms' }, retry: { attempts: 3, on: ['reset'] } }],
    },
    { clock: s.clock, random: () => 0.5 },
  )
  const answer = gw.get('/')
  await slow.saw(1)
  s.clock.advance(100)
  await second.saw(1)
  breakNow()
  while ((await gw.metric('gateway_retries_total', { reason: 'reset' })) !== 1) await new Promise(setImmediate)
  failNow()
  const broken = async () => (await gw.gateway.registry.text()).match(/outcome="connection_closed"\} 1/g)?.length
  while ((await broken()) !== 2) await new Promise(setImmediate)
  t.equal(await gw.metric('gateway_retries_total', { reason: 'reset' }), 1, 'one is due already')
  s.clock.advance(100)
  t.match(await answer, { status: 200, text: 'third' })
})

scenario('connections that are refused cost nothing of the budget', async (s, t) => {
  const alive = await s.origin(reply(200, {}, 'alive'))
  const gw = await s.gateway({
    upstreams: { u: { endpoints: [await deadUrl(), alive.url], outlier_ejection: false } },
    routes: [{ upstream: 'u', retry: { budget: '0%' } }],
  })
  for (let i = 0; i < 40; i++) t.equal((await gw.get('/')).status, 200)
})
