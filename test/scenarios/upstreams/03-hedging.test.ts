import type { TestGateway } from '../../harness/gateway.ts'
import { reply, type ScriptedOrigin, silence } from '../../harness/origin.ts'
import { type Scenario, scenario } from '../../harness/scenario.ts'

interface Pair {
  readonly gw: TestGateway
  readonly slow: ScriptedOrigin
  readonly quick: ScriptedOrigin
}

/** The first endpoint is asked first. */
async function pair(s: Scenario, hedge: object, more: object = {}): Promise<Pair> {
  const slow = await s.origin(silence)
  const quick = await s.origin(reply(200, {}, 'quick'))
  const gw = await s.gateway(
    {
      upstreams: { u: { endpoints: [slow.url, quick.url], outlier_ejection: false } },
      routes: [{ name: 'r', upstream: 'u', hedge, ...more }],
    },
    { clock: s.clock },
  )
  return { gw, slow, quick }
}

scenario('a slow request is sent to another endpoint, and the slow one is given up', async (s, t) => {
  const { gw, slow, quick } = await pair(s, { after: '80ms' })
  const answer = gw.get('/')
  await slow.saw(1)
  s.clock.advance(70)
  t.equal(quick.requests.length, 0)
  s.clock.advance(40)
  t.match(await answer, { status: 200, text: 'quick' })
  const { connection } = slow.last
  t.equal(connection, 1)
  while (slow.open > 0) await new Promise(setImmediate)
  t.equal(await gw.metric('gateway_hedges_total', { route: 'r', outcome: 'sent' }), 1)
  t.equal(await gw.metric('gateway_hedges_total', { route: 'r', outcome: 'won' }), 1)
  t.equal(await gw.metric('gateway_upstream_requests_total', { outcome: 'superseded' }), 1)
})

scenario('what changes something, or has a body, is never sent twice at once', async (s, t) => {
  const { gw, slow, quick } = await pair(s, { after: '10ms' }, { timeouts: { response: '1s' } })
  const deleted = gw.fetch({ method: 'DELETE' })
  await slow.saw(1)
  s.clock.advance(2000)
  await deleted
  await gw.fetch({ method: 'GET', body: 'x' })
  t.equal(slow.requests.length, 1)
  t.equal(quick.requests.length, 1)
})

scenario('second requests are held to a share of the requests', async (s, t) => {
  const slow = await s.origin(silence)
  const slower = await s.origin(silence)
  const gw = await s.gateway(
    {
      upstreams: { u: { endpoints: [slow.url, slower.url], outlier_ejection: false } },
      routes: [{ name: 'r', upstream: 'u', hedge: { after: '50ms', budget: '10%' } }],
    },
    { clock: s.clock },
  )
  const client = Array.from({ length: 20 }, () => gw.get('/'))
  const all = () => slow.requests.length + slower.requests.length
  while (all() < 20) await new Promise(setImmediate)
  s.clock.advance(100)
  while (((await gw.metric('gateway_hedges_total', { outcome: 'over_budget' })) ?? 0) < 17)
    await new Promise(setImmediate)
  t.equal(await gw.metric('gateway_hedges_total', { outcome: 'sent' }), 3, '10 % of 20, and one a second')
  while (all() < 23) await new Promise(setImmediate)
  s.clock.advance(20_000)
  t.ok((await Promise.all(client)).every(({ status }) => status === 504))
})

scenario('a hedge that is answered with an error leaves the first request its chance', async (s, t) => {
  for (const status of [500, 503, 429]) {
    let answerNow = async () => {}
    const slow = await s.origin(
      (request, answer) =>
        new Promise<void>((resolve) => {
          answerNow = async () => {
            await reply(200, {}, 'slow')(request, answer)
            resolve()
          }
        }),
    )
    const broken = await s.origin(reply(status, {}, 'sorry'))
    const gw = await s.gateway(
      {
        upstreams: { u: { endpoints: [slow.url, broken.url], outlier_ejection: false } },
        routes: [{ upstream: 'u', hedge: { after: '50ms' } }],
      },
      { clock: s.clock },
    )
    const answer = gw.get('/')
    await slow.saw(1)
    s.clock.advance(100)
    const labels = { endpoint: `127.0.0.1:${broken.port}`, outcome: `${Math.trunc(status / 100)}xx` }
    while ((await gw.metric('gateway_upstream_requests_total', labels)) !== 1) await new Promise(setImmediate)
    await answerNow()
    t.match(await answer, { status: 200, text: 'slow' })
  }
})

scenario('with one endpoint there is nobody to hedge with', async (s, t) => {
  const slow = await s.origin(silence)
  const gw = await s.gateway(
    { routes: [{ name: 'r', upstream: slow.url, hedge: { after: '50ms' }, timeouts: { response: '1s' } }] },
    { clock: s.clock },
  )
  const answer = gw.get('/')
  await slow.saw(1)
  s.clock.advance(2000)
  t.equal((await answer).status, 504)
  t.equal(slow.requests.length, 1)
})

scenario('a hedge that fails leaves the first request its chance', async (s, t) => {
  let answerNow: () => void = () => {}
  const slow = await s.origin(
    (_request, answer) =>
      new Promise<void>((resolve) => {
        answerNow = () => {
          answer.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow')
          resolve()
        }
      }),
  )
  const broken = await s.origin((_request, answer) => answer.reset())
  const gw = await s.gateway(
    {
      upstreams: { u: { endpoints: [slow.url, broken.url], outlier_ejection: false } },
      routes: [{ upstream: 'u', hedge: { after: '50ms' } }],
    },
    { clock: s.clock },
  )
  const answer = gw.get('/')
  await slow.saw(1)
  s.clock.advance(100)
  await broken.saw(1)
  while ((await gw.metric('gateway_upstream_requests_total', { outcome: 'connection_closed' })) !== 1) {
    await new Promise(setImmediate)
  }
  answerNow()
  t.match(await answer, { status: 200, text: 'slow' })
})
