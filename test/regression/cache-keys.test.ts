/** What tells two requests apart is read whole: every line of a field, every cookie of a name, the target as it was sent. */
import type { OriginRequest } from '../harness/origin.ts'
import { type Answering, reply } from '../harness/origin.ts'
import { scenario } from '../harness/scenario.ts'

/** A page that may be shared, and shows what the backend was asked. */
const showing = (fields: Record<string, string>) => (request: OriginRequest, answer: Answering) =>
  reply(200, fields, `${request.target} ${request.headers('cookie').join(' + ')}`)(request, answer)

const shown = showing({ 'cache-control': 'max-age=60' })

scenario('a session cookie on a second line goes past the cache', async (s, t) => {
  const origin = await s.origin(shown)
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: { bypass: { cookies: ['sess'] } } }] })
  const own = await gw.get('/', { headers: ['Cookie', 'x=1', 'Cookie', 'sess=u1'] })
  t.match(own.header('cache-status'), /fwd=bypass; .*detail=rule/)
  const other = await gw.get('/')
  t.match(other.header('cache-status'), /fwd=uri-miss/)
  t.notMatch(other.text, /u1/)
})

scenario('a cookie counts in the key on whichever line it stands, and twice is not once', async (s, t) => {
  const origin = await s.origin(shown)
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: { key: { cookies: ['a'] } } }] })
  const lines = [['b=1', 'a=1'], ['b=1'], ['a=1; a=2'], ['a=1;a=3'], ['a=2'], ['a=1', 'a=4']]
  for (const cookies of lines) {
    const answer = await gw.get('/', { headers: cookies.flatMap((line) => ['Cookie', line]) })
    t.equal(answer.text, `/ ${cookies.join(' + ')}`)
  }
})

scenario('a field counts in the key with all of its lines', async (s, t) => {
  const origin = await s.origin((request, answer) =>
    reply(200, { 'cache-control': 'max-age=60' }, request.headers('x-tenant').join('+'))(request, answer),
  )
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: { key: { headers: ['X-Tenant'] } } }] })
  for (const tenants of [['a'], ['a', 'b'], ['b']]) {
    const answer = await gw.get('/', { headers: tenants.flatMap((tenant) => ['X-Tenant', tenant]) })
    t.equal(answer.text, tenants.join('+'))
  }
})

scenario('a rate limit by cookie or field tells clients apart whose cookie stands on a second line', async (s, t) => {
  const origin = await s.origin()
  const limited = (by: string) => ({ limit: '1/m', burst: 1, by })
  const routes = [
    { match: '/cookie', upstream: origin.url, rate_limit: limited('cookie:u') },
    { match: '/field', upstream: origin.url, rate_limit: limited('header:x-key') },
  ]
  const gw = await s.gateway({ routes })
  const status = async (target: string, ...headers: string[]) => (await gw.get(target, { headers })).status
  t.equal(await status('/cookie', 'Cookie', 'x=1', 'Cookie', 'u=1'), 200)
  t.equal(await status('/cookie', 'Cookie', 'x=1', 'Cookie', 'u=2'), 200)
  t.equal(await status('/cookie', 'Cookie', 'x=1; u=1'), 429)
  t.equal(await status('/field', 'X-Key', 'a', 'X-Key', 'b'), 200)
  t.equal(await status('/field', 'X-Key', 'a', 'X-Key', 'c'), 200)
})

scenario('an empty query is not none, and the order of parameters counts', async (s, t) => {
  const origin = await s.origin(shown)
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: { purge: { allow: ['127.0.0.1'] } } }] })
  for (const target of ['/a', '/a?', '/a?x=1&y=2', '/a?y=2&x=1', '/a?&']) {
    t.equal((await gw.get(target)).text, `${target} `)
  }
  await gw.fetch({ method: 'PURGE', target: '/a?' })
  t.match((await gw.get('/a')).header('cache-status'), /hit/, 'a purge names what it purges')
  t.match((await gw.get('/a?')).header('cache-status'), /fwd=uri-miss/)
})

scenario('the order of parameters makes no difference where the key says so', async (s, t) => {
  const origin = await s.origin(shown)
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: { key: { query: { sort: true } } } }] })
  await gw.get('/a?x=1&y=2')
  t.match((await gw.get('/a?y=2&x=1')).header('cache-status'), /hit/)
})

for (const [named, fields] of [
  ['Vary', { vary: 'Cookie', 'cache-control': 'max-age=60' }],
  ['Expires', { expires: '0' }],
  ['CDN-Cache-Control', { 'cdn-cache-control': 'no-store', 'cache-control': 'max-age=60' }],
  ['Surrogate-Control', { 'surrogate-control': 'no-store', 'cache-control': 'max-age=60' }],
  ['Set-Cookie', { 'set-cookie': 'id=1', 'cache-control': 'max-age=60' }],
] as const) {
  scenario(`Connection: ${named} does not let an answer be shared that may not be`, async (s, t) => {
    const origin = await s.origin(showing({ connection: named, ...fields }))
    const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: { ttl: '60s' } }] })
    await gw.get('/', { headers: ['Cookie', 'u1'] })
    const second = await gw.get('/', { headers: ['Cookie', 'u2'] })
    t.equal(second.text, '/ u2')
    t.ok(second.header(named.toLowerCase()) !== undefined, 'and clients see it')
  })
}

for (const field of [
  'X-Host',
  'x_host',
  'X-Forwarded-Path',
  'X-Envoy-Original-Path',
  'X-Middleware-Rewrite',
  'Fastly-Client-IP',
  'Front-End-Https',
]) {
  scenario(`what a backend makes of a client’s ${field} is for that client alone`, async (s, t) => {
    const origin = await s.origin((request, answer) =>
      reply(200, { 'cache-control': 'max-age=60' }, request.header(field) ?? 'none')(request, answer),
    )
    const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
    const asked = await gw.get('/', { headers: [field, 'evil.example'] })
    t.equal(asked.text, 'evil.example', 'the backend gets it, as ever')
    t.match(asked.header('cache-status'), /fwd=bypass; .*detail=misleading-field/)
    t.equal((await gw.get('/')).text, 'none')
    t.equal(await gw.metric('gateway_cache_refusals_total', { reason: 'misleading-field' }), 1)
  })
}

scenario(
  'a field that is part of the key, or comes from a proxy that is trusted, keeps nobody from the cache',
  async (s, t) => {
    const origin = await s.origin(shown)
    const keyed = { upstream: origin.url, cache: { key: { headers: ['X-Host'] } } }
    const gw = await s.gateway({ routes: [keyed] })
    await gw.get('/', { headers: ['X-Host', 'a'] })
    t.match((await gw.get('/', { headers: ['X-Host', 'a'] })).header('cache-status'), /hit/)
    t.match((await gw.get('/', { headers: ['X-Host', 'b'] })).header('cache-status'), /fwd=/)
    const behind = await s.gateway({
      listeners: [{ address: '127.0.0.1:0', trusted_proxies: ['127.0.0.1'] }],
      routes: [{ upstream: origin.url, cache: true }],
    })
    await behind.get('/', { headers: ['CF-Connecting-IP', '192.0.2.1'] })
    t.match((await behind.get('/', { headers: ['CF-Connecting-IP', '192.0.2.2'] })).header('cache-status'), /hit/)
    t.match((await behind.get('/', { headers: ['X-Host', 'evil.example'] })).header('cache-status'), /fwd=/)
    t.match((await behind.get('/')).header('cache-status'), /hit/)
    t.match((await behind.get('/', { headers: ['X-Host', 'other.example'] })).header('cache-status'), /fwd=/)
  },
)
