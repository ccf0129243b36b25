/** Routes, upstreams and endpoints that a configuration no longer has are on one more page of metrics, and on no further. */
import t from 'tap'
import type { MetricSpec } from '../../src/core/metrics.ts'
import { Registry } from '../../src/telemetry/registry.ts'
import { type Behaviour, reply } from '../harness/origin.ts'
import { scenario } from '../harness/scenario.ts'

const named = (name: string, url: string) => ({
  upstreams: { [`u-${name}`]: { endpoints: [url] } },
  routes: [{ name, upstream: `u-${name}` }],
})

scenario('thirty renames leave as many series as one configuration has', async (s, t) => {
  const origin = await s.origin()
  const gw = await s.gateway(named('r0', origin.url))
  const page = async () => (await gw.gateway.registry.text()).split('\n')
  await gw.get('/')
  const atFirst = (await page()).length
  for (let i = 1; i <= 30; i++) {
    await gw.apply(named(`r${i}`, origin.url))
    await gw.get('/')
    if (i === 7)
      t.ok(
        (await page()).some((line) => line.includes('"r6"')),
        'the last values can be seen',
      )
  }
  await page()
  const lines = await page()
  t.ok(lines.length <= atFirst + 10, `${lines.length} lines, ${atFirst} at first`)
  t.same(
    lines.filter((line) => /"(?:u-)?r(?:\d|[12]\d)"/.test(line)),
    [],
  )
  t.ok(lines.some((line) => line.startsWith('gateway_request_duration_seconds_count{route="r30"')))
})

scenario('what stays goes on counting over reloads and scrapes', async (s, t) => {
  const origin = await s.origin()
  const both = (other: string) => ({
    routes: [
      { name: 'stays', match: '/stays', upstream: origin.url },
      { name: other, match: '/other', respond: { body: other } },
    ],
  })
  const gw = await s.gateway(both('a'))
  const count = (route: string) => gw.metric('gateway_request_duration_seconds_count', { route })
  for (const other of ['b', 'c', 'd']) {
    await gw.get('/stays')
    await gw.get('/other')
    await gw.apply(both(other))
    await gw.gateway.registry.text()
  }
  t.equal(await count('stays'), 3)
  t.equal(await count('a'), undefined)
  t.equal(await gw.metric('gateway_upstream_requests_total', { outcome: '2xx' }), 3)
})

scenario('a name that comes back before a scrape goes on; an old exchange brings no series back', async (s, t) => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const late: Behaviour = async (request, answer) => {
    await released
    return reply()(request, answer)
  }
  const origin = await s.origin(reply(), late)
  const gw = await s.gateway(named('one', origin.url))
  const count = (route: string) => gw.metric('gateway_request_duration_seconds_count', { route })
  await gw.get('/')
  await gw.apply(named('two', origin.url))
  await gw.apply(named('one', origin.url))
  t.equal(await count('one'), 1)

  const waiting = gw.get('/', { method: 'POST' })
  await origin.saw(2)
  await gw.apply(named('two', origin.url))
  await gw.gateway.registry.text()
  release()
  t.equal((await waiting).status, 200)
  t.notMatch(await gw.gateway.registry.text(), '"one"')
})

const requests: MetricSpec = { name: 'gateway_test_total', help: 'Some.', type: 'counter', labels: ['route', 'kind'] }

t.test('series beyond the cap stay, and labels that nobody holds are free', async (t) => {
  const registry = new Registry({ seriesPerMetric: 1 })
  const counter = (route: string) => registry.counter(requests, { route, kind: 'x' })
  const letGo = registry.hold({ route: 'a' })
  const keep = registry.hold({ route: 'b' })
  counter('a').value = 1
  counter('b').value = 2
  letGo()
  letGo()
  t.match(await registry.text(), 'gateway_test_total{route="a",kind="x"} 1')
  const text = await registry.text()
  t.notMatch(text, 'route="a"')
  t.match(text, 'gateway_test_total{route="other",kind="other"} 2')
  counter('a').value = 7
  t.notMatch(await registry.text(), 'route="a"')
  counter('b').value = 8
  t.match(await registry.text(), 'gateway_test_total{route="b",kind="x"} 8')
  keep()
})
