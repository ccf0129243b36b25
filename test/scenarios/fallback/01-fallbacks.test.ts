import { readFile } from 'node:fs/promises'
import { deadUrl, reply, silence } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'
import { eventually } from '../../harness/wire.ts'

scenario('when no answer can be had, a fixed one is given, and the record says why', async (s, t) => {
  const lines = `${await s.folder()}/access.log`
  const gw = await s.gateway({
    logs: { access: { file: lines } },
    routes: [
      {
        name: 'shop',
        upstream: await deadUrl(),
        fallback: {
          status: 200,
          headers: { 'content-type': 'application/json' },
          body: '{"items":[],"request_id":"{request_id}"}',
        },
      },
    ],
  })
  const answer = await gw.get('/')
  t.equal(answer.status, 200)
  t.equal(answer.header('content-type'), 'application/json')
  t.equal(answer.header('cache-control'), 'no-store')
  t.match(JSON.parse(answer.text), { items: [], request_id: /.+/ })
  t.equal(await gw.metric('gateway_fallbacks_total', { kind: 'answer', because: 'connect_failed' }), 1)
  t.equal(await gw.metric('gateway_errors_total', { route: 'shop', code: 'connect_failed' }), 1)
  t.equal((await gw.fetch({ method: 'POST', body: 'x' })).status, 502, 'a POST is not told that it was done')
  await gw.close()
  const first = JSON.parse((await readFile(lines, 'utf8')).split('\n')[0] ?? '')
  t.match(first, { status: 200, error: 'connect_failed', fallback: 'answer' })
})

scenario('another upstream answers first, the fixed answer when that one is down too', async (s, t) => {
  const spare = await s.origin(reply(200, { 'X-Who': 'spare' }, 'from the spare'), (_request, answer) => answer.reset())
  const gw = await s.gateway({
    upstreams: { main: { endpoints: [await deadUrl()] }, spare: { endpoints: [spare.url] } },
    routes: [{ upstream: 'main', retry: false, fallback: { upstream: 'spare', body: 'sorry' } }],
  })
  const helped = await gw.get('/a?b=c')
  t.match([helped.status, helped.text, helped.header('x-who')], [200, 'from the spare', 'spare'])
  t.equal(spare.last.target, '/a?b=c')
  t.match(await gw.get('/a'), { status: 503, text: 'sorry' })
  t.equal(await gw.metric('gateway_fallbacks_total', { kind: 'upstream', because: 'connect_failed' }), 1)
  t.equal(await gw.metric('gateway_fallbacks_total', { kind: 'answer', because: 'connect_failed' }), 1)
})

scenario('without a fixed answer, a fallback that is down too leaves the first failure as it was', async (s, t) => {
  const gw = await s.gateway({
    routes: [{ upstream: await deadUrl(), fallback: { upstream: await deadUrl() } }],
  })
  const answer = await gw.get('/')
  t.match([answer.status, answer.problem.code], [502, 'connect_failed'])
  t.equal(await gw.metric('gateway_fallbacks_total', { kind: 'none' }), 1)
})

scenario('a stale stored answer comes before any fallback', async (s, t) => {
  const origin = await s.origin(
    reply(200, { 'Cache-Control': 'max-age=1, stale-if-error=600' }, 'stored'),
    (_request, answer) => answer.reset(),
  )
  const gw = await s.gateway(
    { routes: [{ upstream: origin.url, cache: true, fallback: { body: 'sorry' } }] },
    { clock: s.clock },
  )
  t.equal((await gw.get('/a')).text, 'stored')
  s.clock.advance(10_000)
  t.match(await gw.get('/a'), { status: 200, text: 'stored' })
  t.match(await gw.get('/b'), { status: 503, text: 'sorry' })
})

scenario('a request body reaches the other upstream whole, as long as it is remembered', async (s, t) => {
  const body = 'abcdefgh'.repeat(4096)
  const first = await s.origin(async (request, answer) => {
    await request.body.rest()
    answer.reset()
  })
  const spare = await s.origin(reply(200, {}, 'ok'))
  const gw = await s.gateway({
    routes: [{ upstream: first.url, fallback: { upstream: spare.url, replay: '32KiB' } }],
  })
  t.equal((await gw.fetch({ method: 'PUT', body })).status, 200)
  t.equal(first.last.body.text, body)
  t.equal(spare.last.body.text, body)
  t.equal(spare.last.header('content-length'), String(body.length))
  const client = await gw.client()
  client.send('PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
  for (let i = 0; i < 8; i++) client.chunk(body.slice(0, 4096))
  client.send('0\r\nX-Sum: 1\r\n\r\n')
  t.equal((await client.whole('PUT')).status, 200)
  t.equal(spare.last.body.text, body)
  const large = await gw.fetch({ method: 'PUT', body: `${body}!` })
  t.match([large.status, large.problem.code], [502, 'connection_closed'])
  t.equal(spare.requests.length, 2, 'what was not remembered whole is not sent')
})

scenario('a POST goes to another upstream only if it surely reached none', async (s, t) => {
  const broken = await s.origin((_request, answer) => answer.reset())
  const spare = await s.origin(reply(200, {}, 'ok'))
  const fallback = { upstream: spare.url }
  const gw = await s.gateway({
    routes: [
      { match: '/sent', upstream: broken.url, fallback },
      { match: '/unsent', upstream: await deadUrl(), fallback },
    ],
  })
  const sent = await gw.fetch({ method: 'POST', target: '/sent', body: 'once' })
  t.equal(sent.problem.code, 'connection_closed')
  t.equal((await gw.fetch({ method: 'POST', target: '/unsent', body: 'once' })).status, 200)
  t.same(
    spare.requests.map(({ target, body }) => [target, body.text]),
    [['/unsent', 'once']],
  )
})

scenario(
  'statuses that are named count as failures; what the upstream said stands when nothing better comes',
  async (s, t) => {
    const origin = await s.origin(reply(503, { 'X-Who': 'main' }, 'maintenance'))
    const spare = await s.origin(reply(200, {}, 'spare'), (_request, answer) => answer.reset())
    const gw = await s.gateway({
      routes: [
        { match: '/named', upstream: origin.url, fallback: { upstream: spare.url, on: ['failure', 503] } },
        { match: '/not', upstream: origin.url, fallback: { upstream: spare.url } },
      ],
    })
    t.match(await gw.get('/named'), { status: 200, text: 'spare' })
    const own = await gw.get('/named')
    t.match([own.status, own.text, own.header('x-who')], [503, 'maintenance', 'main'])
    t.match(await gw.get('/not'), { status: 503, text: 'maintenance' })
    t.equal(origin.connections, 1, 'the connection of a dropped answer is kept')
    t.equal(await gw.metric('gateway_fallbacks_total', { kind: 'upstream', because: '503' }), 1)
  },
)

scenario('what the client did wrong is not covered up', async (s, t) => {
  const origin = await s.origin(reply(404, {}, 'no such thing'))
  const gw = await s.gateway({
    routes: [{ upstream: origin.url, limits: { body_size: '4B' }, fallback: { status: 200, body: 'sorry' } }],
  })
  t.match(await gw.get('/'), { status: 404, text: 'no such thing' })
  t.equal((await gw.fetch({ method: 'PUT', body: 'too large' })).status, 413)
  const client = await gw.client()
  client.send('PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n').chunk('too large')
  t.equal((await client.whole('PUT')).status, 413)
})

scenario('a hung upstream is given up after its timeout, the client that leaves meanwhile at once', async (s, t) => {
  const hung = await s.origin(silence)
  const spare = await s.origin(silence)
  const gw = await s.gateway({
    routes: [{ upstream: hung.url, timeouts: { response: '50ms' }, fallback: { upstream: spare.url, body: 'sorry' } }],
  })
  t.match(await gw.get('/'), { status: 503, text: 'sorry' })
  const client = await gw.client()
  client.request({ target: '/' })
  await spare.saw(2)
  client.reset()
  await eventually('the spare to be let go', () => spare.open === 0)
  t.equal(await gw.metric('gateway_errors_total', { code: 'client_gone' }), 1)
  t.equal(await gw.metric('gateway_fallbacks_total', { kind: 'answer', because: 'response_timeout' }), 1)
})

scenario(
  'an answer that breaks off in the middle is not repaired: the client sees that it is not whole',
  async (s, t) => {
    const origin = await s.origin((_request, answer) => {
      answer.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
      answer.socket.end()
    })
    const gw = await s.gateway({ routes: [{ upstream: origin.url, fallback: { body: 'sorry' } }] })
    const client = await gw.client()
    const answer = await client.request({}).answer()
    await answer.body.rest().catch(() => {})
    t.equal(answer.status, 200)
    t.equal(answer.body.text, 'hello')
    t.equal(await gw.metric('gateway_fallbacks_total'), undefined)
  },
)

scenario('`defaults.fallback` stands for every route, and false switches it off', async (s, t) => {
  const dead = await deadUrl()
  const gw = await s.gateway({
    defaults: { fallback: { body: 'sorry' } },
    routes: [
      { match: '/off', upstream: dead, fallback: false },
      { match: '/**', upstream: dead },
    ],
  })
  t.match(await gw.get('/'), { status: 503, text: 'sorry' })
  t.equal((await gw.get('/off')).status, 502)
})
