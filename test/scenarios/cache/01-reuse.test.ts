import { type Answering, reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'
import { eventually } from '../../harness/wire.ts'

const fresh = { 'cache-control': 'max-age=60', etag: '"v1"' }

scenario('a fresh answer is given again without asking the backend', async (s, t) => {
  const origin = await s.origin(reply(200, fresh, 'one'), reply(200, fresh, 'two'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  t.match((await gw.get('/a')).header('cache-status'), /fwd=uri-miss; fwd-status=200; stored/)
  const hit = await gw.get('/a')
  t.equal(hit.text, 'one')
  t.match(hit.header('cache-status'), /^latency-gateway; hit; ttl=\d+$/)
  t.match(hit.header('age'), /^\d+$/)
  t.equal(origin.requests.length, 1)
  t.equal(await gw.metric('gateway_cache_requests_total', { result: 'hit' }), 1)
})

scenario('a client that has the answer gets 304, a range gets its part, HEAD no content', async (s, t) => {
  const origin = await s.origin(reply(200, fresh, '0123456789'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  await gw.get('/a')
  const same = await gw.get('/a', { headers: ['If-None-Match', '"v1"'] })
  t.equal(same.status, 304)
  t.equal(same.header('etag'), '"v1"')
  const part = await gw.get('/a', { headers: ['Range', 'bytes=2-4'] })
  t.strictSame([part.status, part.text, part.header('content-range')], [206, '234', 'bytes 2-4/10'])
  t.equal((await gw.get('/a', { headers: ['Range', 'bytes=10-'] })).status, 416)
  const head = await gw.get('/a', { method: 'HEAD' })
  t.strictSame([head.status, head.header('content-length'), head.text], [200, '10', ''])
  t.equal(origin.requests.length, 1)
})

scenario('a stale answer is validated, and a 304 brings it up to date', async (s, t) => {
  const origin = await s.origin(
    reply(200, { 'cache-control': 'max-age=0', etag: '"v1"', a: '1' }, 'one'),
    reply(304, { 'cache-control': 'max-age=60', etag: '"v1"', a: '2' }),
  )
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  await gw.get('/')
  const validated = await gw.get('/')
  t.strictSame([validated.status, validated.text, validated.header('a')], [200, 'one', '2'])
  t.equal(origin.last.header('if-none-match'), '"v1"')
  t.match((await gw.get('/')).header('cache-status'), /hit/)
  t.equal(origin.requests.length, 2)
})

scenario('within stale-while-revalidate nobody waits, and one refresh runs', async (s, t) => {
  const stale = { 'cache-control': 'max-age=0, stale-while-revalidate=60', etag: '"v1"' }
  const origin = await s.origin(reply(200, stale, 'one'), reply(200, fresh, 'two'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  await gw.get('/')
  t.equal((await gw.get('/')).text, 'one')
  await eventually('the refreshed answer', async () => (await gw.get('/')).text === 'two')
  t.equal(origin.requests.length, 2)
})

scenario('an error of the backend is covered by a stale answer', async (s, t) => {
  const once = { 'cache-control': 'max-age=1', etag: '"v1"' }
  const origin = await s.origin(reply(200, once, 'one'), reply(503, {}, 'down'), (_request, answer) => answer.reset())
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] }, { clock: s.clock })
  await gw.get('/')
  await s.clock.advance(1000)
  for (const failure of ['a 503', 'a reset']) {
    const covered = await gw.get('/')
    t.strictSame([covered.status, covered.text], [200, 'one'], failure)
    t.match(covered.header('cache-status'), /detail=stale-if-error/)
  }
})

scenario('an error is passed on where the origin forbids stale answers', async (s, t) => {
  const once = { 'cache-control': 'max-age=0, must-revalidate', etag: '"v1"' }
  const origin = await s.origin(reply(200, once, 'one'), reply(503, {}, 'down'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  await gw.get('/')
  t.equal((await gw.get('/')).status, 503)
})

scenario('a successful unsafe request makes the stored answer untrue, on whichever route it came', async (s, t) => {
  const origin = await s.origin(reply(200, fresh, 'one'), reply(204), reply(200, fresh, 'two'))
  const routes = [
    { name: 'write', match: { path: '/**', methods: ['POST'] }, upstream: origin.url, cache: true },
    { name: 'read', upstream: origin.url, cache: true },
  ]
  const gw = await s.gateway({ routes })
  await gw.get('/a')
  await gw.fetch({ method: 'POST', target: '/a' })
  t.equal((await gw.get('/a')).text, 'two')
})

scenario('what is stored outlives a reload', async (s, t) => {
  const origin = await s.origin(reply(200, fresh, 'one'), reply(200, fresh, 'two'))
  const config = { routes: [{ name: 'r', upstream: origin.url, cache: true }] }
  const gw = await s.gateway(config)
  await gw.get('/')
  await gw.apply(config)
  t.equal((await gw.get('/')).text, 'one')
})

scenario('only-if-cached gets a stored answer or 504', async (s, t) => {
  const origin = await s.origin(reply(200, fresh, 'one'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  const headers = ['Cache-Control', 'only-if-cached']
  t.equal((await gw.get('/', { headers })).status, 504)
  await gw.get('/')
  t.equal((await gw.get('/', { headers })).status, 200)
})

scenario('while the backend hangs, one client finds out, and the others get the stale answer at once', async (s, t) => {
  const once = { 'cache-control': 'max-age=1', etag: '"v1"' }
  const held: Answering[] = []
  const origin = await s.origin(reply(200, once, 'one'), (_request, answer) => {
    held.push(answer)
  })
  const routes = [{ upstream: origin.url, cache: true, timeouts: { response: '2s' } }]
  const gw = await s.gateway({ routes }, { clock: s.clock })
  await gw.get('/')
  s.clock.advance(1500)
  const first = gw.get('/')
  await origin.saw(2)
  s.clock.advance(2500)
  t.equal((await first).text, 'one', 'after the timeout')
  for (const asked of ['next', 'and the next'])
    t.equal((await gw.get('/')).text, 'one', `${asked}, with no time passing`)
  await origin.saw(3)
  held[1]?.send('HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 3\r\n\r\ntwo')
  await eventually('the backend to be well again', async () => (await gw.get('/')).text === 'two')
  t.equal(origin.requests.length, 3)
  t.equal(await gw.metric('gateway_cache_requests_total', { result: 'hit' }), 1)
})
