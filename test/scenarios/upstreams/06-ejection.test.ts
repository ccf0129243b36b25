import type { RawClient } from '../../harness/client.ts'
import { reply, silence } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'
import { eventually } from '../../harness/wire.ts'

scenario('an endpoint that keeps failing is left alone for a while, longer each time', async (s, t) => {
  let isBroken = true
  const bad = await s.origin((request, answer) => reply(isBroken ? 502 : 200, {}, 'bad')(request, answer))
  const good = await s.origin(reply(200, {}, 'good'))
  const gw = await s.gateway(
    {
      upstreams: { u: { endpoints: [bad.url, good.url], outlier_ejection: { consecutive_errors: 3, base: '10s' } } },
      routes: [{ upstream: 'u' }],
    },
    { clock: s.clock },
  )
  for (let i = 0; i < 6; i++) await gw.get('/')
  t.equal(bad.requests.length, 3)
  for (let i = 0; i < 6; i++) t.equal((await gw.get('/')).text, 'good')
  t.equal(await gw.metric('gateway_outlier_ejections_total', { reason: 'consecutive_errors' }), 1)
  const isEjected = () => gw.metric('gateway_upstream_ejected', { endpoint: `127.0.0.1:${bad.port}` })
  t.equal(await isEjected(), 1)
  s.clock.advance(10_001)
  t.equal(await isEjected(), 0)
  const said = gw.lines.map(({ message }) => message).filter((message) => /^endpoint (ejected|is used)/.test(message))
  t.same(said, ['endpoint ejected', 'endpoint is used again'])
  for (let i = 0; i < 6; i++) await gw.get('/')
  t.equal(bad.requests.length, 6)
  s.clock.advance(10_001)
  for (let i = 0; i < 6; i++) t.equal((await gw.get('/')).text, 'good', 'the second time it is twice as long')
  isBroken = false
  s.clock.advance(10_001)
  const texts = new Set<string>()
  for (let i = 0; i < 6; i++) texts.add((await gw.get('/')).text)
  t.same([...texts].sort(), ['bad', 'good'])
})

scenario('when all fail alike, all but one stay in use, and the last one always does', async (s, t) => {
  const origins = [await s.origin(reply(503)), await s.origin(reply(503)), await s.origin(reply(503))]
  const gw = await s.gateway({
    upstreams: { u: { endpoints: origins.map(({ url }) => url), outlier_ejection: { consecutive_errors: 2 } } },
    routes: [{ upstream: 'u' }],
  })
  for (let i = 0; i < 30; i++) t.equal((await gw.get('/')).status, 503)
  t.ok(origins.filter(({ requests }) => requests.length > 5).length >= 2)
})

scenario('an endpoint that takes requests and never answers is left alone before its timeouts end', async (s, t) => {
  const hung = await s.origin(silence)
  const well = await s.origin(reply(200, {}, 'well'))
  const gw = await s.gateway(
    {
      upstreams: { u: { endpoints: [hung.url, well.url], outlier_ejection: { hung_after: '50ms' } } },
      routes: [{ upstream: 'u', timeouts: { response: '10s' } }],
    },
    { clock: s.clock },
  )
  const clients: RawClient[] = []
  while ((await gw.metric('gateway_outlier_ejections_total', { reason: 'hung' })) !== 1) {
    const client = await gw.client()
    clients.push(client.request())
    const all = clients.length
    await eventually('arrival', () => hung.requests.length + well.requests.length === all)
    s.clock.advance(20)
  }
  const before = hung.requests.length
  t.ok(before >= 5)
  for (let i = 0; i < 6; i++) t.equal((await gw.get('/')).text, 'well')
  t.equal(hung.requests.length, before)
  await Promise.all(clients.map((client) => client.close()))
})

scenario('an endpoint that only paused is used again as soon as it answers', async (s, t) => {
  const waiting: (() => Promise<void>)[] = []
  let isPaused = true
  const pausing = await s.origin((request, answer) => {
    if (!isPaused) return reply(200, {}, 'back')(request, answer)
    return new Promise<void>((resolve) => {
      waiting.push(async () => {
        await reply(200, {}, 'late')(request, answer)
        resolve()
      })
    })
  })
  const well = await s.origin(reply(200, {}, 'well'))
  const gw = await s.gateway(
    { upstreams: { u: { endpoints: [pausing.url, well.url] } }, routes: [{ upstream: 'u' }] },
    { clock: s.clock },
  )
  const answers: Promise<unknown>[] = []
  while (waiting.length < 5) {
    answers.push(gw.get('/'))
    await new Promise(setImmediate)
  }
  const endpoint = `127.0.0.1:${pausing.port}`
  while ((await gw.metric('gateway_upstream_ejected', { endpoint })) !== 1) {
    s.clock.advance(100)
    answers.push(gw.get('/'))
    await new Promise(setImmediate)
  }
  for (let i = 0; i < 4; i++) t.equal((await gw.get('/')).text, 'well')
  isPaused = false
  await Promise.all(waiting.map((answerNow) => answerNow()))
  await Promise.all(answers)
  t.equal(await gw.metric('gateway_upstream_ejected', { endpoint }), 0)
  t.same([(await gw.get('/')).text, (await gw.get('/')).text].sort(), ['back', 'well'])
})

scenario(
  'an endpoint that fails for a share of its requests, or is much slower than its peers, is left alone',
  async (s, t) => {
    const flaky = await s.origin(...Array.from({ length: 40 }, (_, i) => reply(i % 2 === 0 ? 500 : 200, {}, 'flaky')))
    const slow = await s.origin((request, answer) => {
      s.clock.advance(80)
      return reply(200, {}, 'slow')(request, answer)
    })
    const quick = () =>
      s.origin((request, answer) => {
        s.clock.advance(5)
        return reply(200, {}, 'quick')(request, answer)
      })
    const endpoints = [flaky.url, slow.url, (await quick()).url, (await quick()).url]
    const ejection = { error_rate: '30%', minimum_requests: 10, slow_factor: 4, window: '1m', base: '1h', max: '1h' }
    const gw = await s.gateway(
      { upstreams: { u: { endpoints, outlier_ejection: ejection } }, routes: [{ upstream: 'u' }] },
      { clock: s.clock },
    )
    const client = await gw.client()
    for (let i = 0; i < 120; i++) await client.fetch({})
    t.equal(await gw.metric('gateway_outlier_ejections_total', { reason: 'error_rate' }), 1)
    t.equal(await gw.metric('gateway_outlier_ejections_total', { reason: 'slow' }), 1)
    for (let i = 0; i < 8; i++) t.equal((await client.fetch({})).text, 'quick')
  },
)

scenario('the last endpoint that checks find healthy is never left alone', async (s, t) => {
  const dead = await s.origin(reply(503))
  let isBroken = false
  const last = await s.origin((request, answer) =>
    reply(isBroken && request.target !== '/healthz' ? 500 : 200, {}, 'last')(request, answer),
  )
  const gw = await s.gateway({
    upstreams: {
      u: {
        endpoints: [dead.url, last.url],
        outlier_ejection: { consecutive_errors: 2 },
        health_check: { path: '/healthz' },
      },
    },
    routes: [{ upstream: 'u' }],
  })
  const checked = () => gw.metric('gateway_health_checks_total', { outcome: 'good' })
  const failed = () => gw.metric('gateway_health_checks_total', { outcome: 'failed' })
  while ((await checked()) === undefined || (await failed()) === undefined) await new Promise(setImmediate)
  isBroken = true
  for (let i = 0; i < 6; i++) t.equal((await gw.get('/')).status, 500)
  isBroken = false
  for (let i = 0; i < 4; i++) t.equal((await gw.get('/')).text, 'last')
  t.equal(await gw.metric('gateway_outlier_ejections_total'), undefined)
})

scenario('how many are left alone is not forgotten when weights change', async (s, t) => {
  const origins = [await s.origin(reply(500)), await s.origin(reply(500)), await s.origin(reply(200, {}, 'well'))]
  const config = (weight: number) => ({
    upstreams: {
      u: {
        endpoints: origins.map(({ url }) => ({ url, weight })),
        outlier_ejection: { consecutive_errors: 2, max_ejected: '40%' },
      },
    },
    routes: [{ upstream: 'u' }],
  })
  const gw = await s.gateway(config(1))
  for (let i = 0; i < 9; i++) await gw.get('/')
  t.equal(await gw.metric('gateway_outlier_ejections_total'), 1)
  await gw.apply(config(2))
  for (let i = 0; i < 20; i++) await gw.get('/')
  t.equal(await gw.metric('gateway_outlier_ejections_total'), 1)
})
