import type { TestGateway } from '../../harness/gateway.ts'
import { deadUrl, reply, type ScriptedOrigin, silence } from '../../harness/origin.ts'
import { type Scenario, scenario } from '../../harness/scenario.ts'

/** Answers checks as `isWell` says, and everything else with its name. */
async function checked(s: Scenario, name: string, isWell: () => boolean): Promise<ScriptedOrigin> {
  return s.origin((request, answer) => {
    if (request.target === '/healthz')
      return reply(isWell() ? 200 : 503, {}, isWell() ? 'all is well' : 'no')(request, answer)
    return reply(200, {}, name)(request, answer)
  })
}

async function isHealthy(gw: TestGateway, origin: ScriptedOrigin, expected: 0 | 1): Promise<void> {
  const endpoint = `127.0.0.1:${origin.port}`
  const value = () => gw.metric('gateway_upstream_healthy', { endpoint })
  while ((await value()) !== expected) await new Promise((resolve) => setTimeout(resolve, 5))
}

const check = { path: '/healthz', interval: '20ms', timeout: '500ms', healthy: 2, unhealthy: 2 }

scenario('an endpoint that fails its checks gets no requests until it passes them again', async (s, t) => {
  let isWell = true
  const a = await checked(s, 'a', () => isWell)
  const b = await checked(s, 'b', () => true)
  const gw = await s.gateway({
    upstreams: { u: { endpoints: [a.url, b.url], health_check: check } },
    routes: [{ upstream: 'u' }],
  })
  await isHealthy(gw, a, 1)
  await isHealthy(gw, b, 1)
  isWell = false
  await isHealthy(gw, a, 0)
  for (let i = 0; i < 6; i++) t.equal((await gw.get('/')).text, 'b')
  isWell = true
  await isHealthy(gw, a, 1)
  const seen = new Set<string>()
  for (let i = 0; i < 6; i++) seen.add((await gw.get('/')).text)
  t.same([...seen].sort(), ['a', 'b'])
  const said = gw.lines.filter(({ message }) => /^endpoint is/.test(message))
  t.match(said.map(({ message, fields }) => `${message} ${fields.reason ?? ''}`.trim()).slice(-2), [
    'endpoint is unhealthy status 503',
    'endpoint is healthy',
  ])
})

scenario('a check may ask for a host and fields of its own, and for a text in the answer', async (s, t) => {
  const a = await checked(s, 'a', () => true)
  const b = await s.origin(reply(200, {}, 'all is lost'))
  const own = { ...check, body: 'is well', host: 'app.internal', headers: { 'X-Check': 'yes' } }
  const gw = await s.gateway({
    upstreams: { u: { endpoints: [a.url, b.url], health_check: own } },
    routes: [{ upstream: 'u' }],
  })
  await isHealthy(gw, a, 1)
  await b.saw(2)
  await isHealthy(gw, b, 0)
  const asked = a.requests[0]
  t.match([asked?.target, asked?.header('host'), asked?.header('x-check')], ['/healthz', 'app.internal', 'yes'])
  for (let i = 0; i < 4; i++) t.equal((await gw.get('/')).text, 'a')
})

scenario('when all endpoints look unhealthy, all are used, and a metric says so', async (s, t) => {
  const a = await checked(s, 'a', () => false)
  const b = await checked(s, 'b', () => false)
  const gw = await s.gateway({
    upstreams: { u: { endpoints: [a.url, b.url], health_check: check } },
    routes: [{ upstream: 'u' }],
  })
  await a.saw(2)
  await b.saw(2)
  t.match((await gw.get('/')).text, /a|b/)
  t.equal(await gw.metric('gateway_upstream_panic', { upstream: 'u' }), 1)
  t.equal(gw.lines.filter(({ message }) => /^too few endpoints are healthy/.test(message)).length, 1)
})

scenario('a dead and a hung endpoint fail their checks; the rest of the traffic does not notice', async (s, t) => {
  const well = await checked(s, 'well', () => true)
  const hung = await s.origin(silence)
  const gw = await s.gateway({
    upstreams: {
      u: {
        endpoints: [await deadUrl(), hung.url, well.url],
        health_check: { ...check, timeout: '30ms' },
        panic: '10%',
      },
    },
    routes: [{ upstream: 'u' }],
  })
  await isHealthy(gw, well, 1)
  for (let i = 0; i < 6; i++) t.equal((await gw.get('/')).text, 'well')
})

scenario('a lower tier takes over when the first one fails, and gives back', async (s, t) => {
  let isWell = true
  const main = await checked(s, 'main', () => isWell)
  const spare = await checked(s, 'spare', () => true)
  const gw = await s.gateway({
    upstreams: { u: { endpoints: [main.url, { url: spare.url, tier: 1 }], health_check: check } },
    routes: [{ upstream: 'u' }],
  })
  await isHealthy(gw, main, 1)
  await isHealthy(gw, spare, 1)
  for (let i = 0; i < 4; i++) t.equal((await gw.get('/')).text, 'main')
  isWell = false
  await isHealthy(gw, main, 0)
  for (let i = 0; i < 4; i++) t.equal((await gw.get('/')).text, 'spare')
  isWell = true
  await isHealthy(gw, main, 1)
  for (let i = 0; i < 4; i++) t.equal((await gw.get('/')).text, 'main')
})

scenario('replicas get what only reads, primaries what changes something', async (s, t) => {
  const primary = await s.origin(reply(200, {}, 'primary'))
  const replica = await s.origin(reply(200, {}, 'replica'))
  const endpoints = [primary.url, { url: replica.url, role: 'replica' }]
  const gw = await s.gateway({ upstreams: { u: { endpoints } }, routes: [{ upstream: 'u' }] })
  for (const method of ['GET', 'OPTIONS']) t.equal((await gw.fetch({ method })).text, 'replica', method)
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) t.equal((await gw.fetch({ method })).text, 'primary', method)
})

scenario('newcomers get nothing before their first check, however many they are, and nobody panics', async (s, t) => {
  const old = await checked(s, 'old', () => true)
  const hung = [await s.origin(silence), await s.origin(silence), await s.origin(silence)]
  const config = (urls: readonly string[]) => ({
    upstreams: { u: { endpoints: urls, health_check: { ...check, timeout: '1h' } } },
    routes: [{ upstream: 'u' }],
  })
  const gw = await s.gateway(config([old.url]))
  await isHealthy(gw, old, 1)
  await gw.apply(config([old.url, ...hung.map(({ url }) => url)]))
  for (let i = 0; i < 8; i++) t.equal((await gw.get('/')).text, 'old')
  t.equal(await gw.metric('gateway_upstream_panic', { upstream: 'u' }), 0)
})

scenario('what checks have found is no longer believed once there are none', async (s, t) => {
  const a = await checked(s, 'a', () => false)
  const b = await checked(s, 'b', () => true)
  const upstream = { endpoints: [a.url, b.url] }
  const gw = await s.gateway({
    upstreams: { u: { ...upstream, health_check: check } },
    routes: [{ upstream: 'u' }],
  })
  await isHealthy(gw, b, 1)
  await a.saw(1)
  await isHealthy(gw, a, 0)
  await gw.apply({ upstreams: { u: upstream }, routes: [{ upstream: 'u' }] })
  t.same([(await gw.get('/')).text, (await gw.get('/')).text].sort(), ['a', 'b'])
})

scenario('other rules for checks don’t overturn in one check what the earlier ones have found', async (s, t) => {
  let isWell = true
  const a = await checked(s, 'a', () => isWell)
  const b = await checked(s, 'b', () => true)
  const config = (more: object) => ({
    upstreams: { u: { endpoints: [a.url, b.url], health_check: { ...check, interval: '1h', ...more } } },
    routes: [{ upstream: 'u' }],
  })
  const gw = await s.gateway(config({}))
  await isHealthy(gw, a, 1)
  await isHealthy(gw, b, 1)
  isWell = false
  await gw.apply(config({ unhealthy: 3 }))
  while ((await gw.metric('gateway_health_checks_total', { outcome: 'failed' })) !== 1) await new Promise(setImmediate)
  t.same([(await gw.get('/')).text, (await gw.get('/')).text].sort(), ['a', 'b'])
})
