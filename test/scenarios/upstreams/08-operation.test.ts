import { reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'

scenario('an operator drains an endpoint, weighs it and brings it back, over reloads', async (s, t) => {
  const a = await s.origin(reply(200, {}, 'a'))
  const b = await s.origin(reply(200, {}, 'b'))
  const config = { upstreams: { u: { endpoints: [a.url, b.url] } }, routes: [{ upstream: 'u' }] }
  const gw = await s.gateway(config)
  const texts = async (count: number) => {
    let all = ''
    for (let i = 0; i < count; i++) all += (await gw.get('/')).text
    return [...all].sort().join('')
  }
  t.equal(await texts(4), 'aabb')
  t.ok(gw.gateway.changeEndpoint('u', a.url, { drained: true }))
  t.equal(await gw.metric('gateway_upstream_drained', { endpoint: `127.0.0.1:${a.port}` }), 1)
  t.equal(await texts(4), 'bbbb')
  await gw.apply({ ...config, routes: [{ name: 'other', upstream: 'u' }] })
  t.equal(await texts(4), 'bbbb')
  t.ok(gw.gateway.changeEndpoint('u', a.url, { drained: false, weight: 3 }))
  t.equal(await texts(8), 'aaaaaabb')
  t.ok(gw.gateway.changeEndpoint('u', a.url, { weight: null }))
  t.equal(await texts(4), 'aabb')
  t.notOk(gw.gateway.changeEndpoint('u', 'http://nobody', { drained: true }))
  t.notOk(gw.gateway.changeEndpoint('nobody', a.url, { drained: true }))
})

scenario('with every endpoint drained, requests are refused rather than sent', async (s, t) => {
  const a = await s.origin(reply(200, {}, 'a'))
  const gw = await s.gateway({ routes: [{ upstream: a.url }] })
  t.ok(gw.gateway.changeEndpoint(a.url, a.url, { drained: true }))
  t.match(await gw.get('/'), { status: 503 })
  t.equal(a.requests.length, 0)
})

for (const balance of ['round_robin', 'least_requests', 'peak_ewma', 'random', { hash: 'header:x-user' }]) {
  scenario(`every endpoint is used with balance: ${JSON.stringify(balance)}`, async (s, t) => {
    const origins = [await s.origin(reply()), await s.origin(reply()), await s.origin(reply())]
    const endpoints = origins.map(({ url }) => url)
    const gw = await s.gateway({ upstreams: { u: { endpoints, balance } }, routes: [{ upstream: 'u' }] })
    const client = await gw.client()
    for (let i = 0; i < 200; i++) {
      t.equal((await client.fetch({ headers: { 'X-User': `user-${i}` } })).status, 200)
    }
    for (const origin of origins) t.ok(origin.requests.length > 0, `${origin.requests.length}`)
  })
}

scenario('the same key goes to the same endpoint, by header, cookie, query, path or address', async (s, t) => {
  const sources = ['header:x-user', 'cookie:user', 'query:user', 'path', 'client_ip']
  for (const hash of sources) {
    const origins = [
      await s.origin(reply(200, {}, 'a')),
      await s.origin(reply(200, {}, 'b')),
      await s.origin(reply(200, {}, 'c')),
    ]
    const endpoints = origins.map(({ url }) => url)
    const gw = await s.gateway({ upstreams: { u: { endpoints, balance: { hash } } }, routes: [{ upstream: 'u' }] })
    const seen = new Map<string, Set<string>>()
    for (let i = 0; i < 60; i++) {
      const user = `u${i % 12}`
      const answer = await gw.get(`/${user}?user=${user}`, { headers: { 'X-User': user, Cookie: `a=b; user=${user}` } })
      seen.set(user, (seen.get(user) ?? new Set()).add(answer.text))
    }
    t.ok(
      [...seen.values()].every((texts) => texts.size === 1),
      hash,
    )
    const used = new Set([...seen.values()].flatMap((texts) => [...texts]))
    t.equal(used.size > 1, hash !== 'client_ip', hash)
  }
})

scenario('an endpoint that comes back starts slowly', async (s, t) => {
  const a = await s.origin(reply(200, {}, 'a'))
  const b = await s.origin(reply(200, {}, 'b'))
  const gw = await s.gateway(
    {
      upstreams: { u: { endpoints: [a.url, b.url], slow_start: '10s' } },
      routes: [{ upstream: 'u' }],
    },
    { clock: s.clock },
  )
  s.clock.advance(20_000)
  gw.gateway.changeEndpoint('u', a.url, { drained: true })
  gw.gateway.changeEndpoint('u', a.url, { drained: false })
  const share = async () => {
    const before = a.requests.length
    for (let i = 0; i < 44; i++) await gw.get('/')
    return a.requests.length - before
  }
  t.ok((await share()) <= 6)
  s.clock.advance(5000)
  const half = await share()
  t.ok(half > 8 && half < 20, `${half} of 44`)
  s.clock.advance(6000)
  t.equal(await share(), 22)
})

scenario('a client keeps its endpoint by a cookie, also after a restart, until that endpoint drains', async (s, t) => {
  const origins = [
    await s.origin(reply(200, {}, 'a')),
    await s.origin(reply(200, {}, 'b')),
    await s.origin(reply(200, {}, 'c')),
  ]
  const config = {
    upstreams: { u: { endpoints: origins.map(({ url }) => url), sticky: { secret: 'a secret of some length' } } },
    routes: [{ upstream: 'u' }],
  }
  const gw = await s.gateway(config)
  const first = await gw.get('/')
  const cookie = (first.header('set-cookie') ?? '').split(';')[0] ?? ''
  t.match(cookie, /^gw_affinity=[\w-]{16}$/)
  const asKept = async (gateway: typeof gw) => gateway.get('/', { headers: { Cookie: `x=y; ${cookie}` } })
  for (let i = 0; i < 5; i++) t.match(await asKept(gw), { text: first.text })
  t.equal((await asKept(gw)).header('set-cookie'), undefined)
  const other = await s.gateway(config)
  t.equal((await asKept(other)).text, first.text)
  const own = origins['abc'.indexOf(first.text)]?.url ?? ''
  gw.gateway.changeEndpoint('u', own, { drained: true })
  const moved = await asKept(gw)
  t.not(moved.text, first.text)
  t.match(moved.header('set-cookie'), /^gw_affinity=/)
  t.equal(await gw.metric('gateway_sticky_requests_total', { result: 'moved' }), 1)
})

scenario('what is measured of an endpoint goes when the endpoint does', async (s, t) => {
  const a = await s.origin()
  const b = await s.origin()
  const config = (...origins: (typeof a)[]) => ({
    upstreams: { u: { endpoints: origins.map(({ url }) => url) } },
    routes: [{ upstream: 'u' }],
  })
  const gw = await s.gateway(config(a, b))
  for (let i = 0; i < 4; i++) await gw.get('/')
  const seen = (origin: typeof a) =>
    gw.metric('gateway_upstream_requests_total', { endpoint: `127.0.0.1:${origin.port}` })
  t.equal(await seen(a), 2)
  await gw.apply(config(b))
  t.equal(await seen(a), 2, 'one more scrape sees it')
  t.equal(await seen(a), undefined)
  t.equal(await seen(b), 2)
  await gw.apply({ upstreams: { u: { endpoints: [{ url: b.url, weight: 3 }] } }, routes: [{ upstream: 'u' }] })
  t.equal(await seen(b), 2, 'another weight is still the same endpoint')
})
