import { reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'

const ofTarget = { 'cache-control': 'max-age=60', 'content-location': '/a', etag: '"p"' }

scenario('a POST whose answer is what a GET would give is kept for later GETs', async (s, t) => {
  const origin = await s.origin(
    reply(200, ofTarget, 'posted'),
    reply(200, ofTarget, 'posted again'),
    reply(200, {}, 'got'),
  )
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  const post = { method: 'POST', target: '/a', body: 'x' }
  const posted = await gw.fetch(post)
  t.equal(posted.text, 'posted')
  t.match(posted.header('cache-status'), /fwd=method; fwd-status=200; stored/)
  const got = await gw.get('/a')
  t.strictSame([got.text, got.header('cache-status')?.startsWith('latency-gateway; hit')], ['posted', true])
  t.equal((await gw.fetch(post)).text, 'posted again', 'each POST goes to the backend')
  t.equal((await gw.get('/a')).text, 'posted again')
  t.equal(origin.requests.length, 2)
})

for (const [why, headers] of [
  ['names another resource', { 'cache-control': 'max-age=60', 'content-location': '/b' }],
  ['names another host', { 'cache-control': 'max-age=60', 'content-location': 'http://elsewhere.example/a' }],
  ['names nothing', { 'cache-control': 'max-age=60' }],
  ['does not say for how long', { 'content-location': '/a', 'last-modified': 'Mon, 01 Jan 2024 00:00:00 GMT' }],
  ['is private', { 'cache-control': 'private, max-age=60', 'content-location': '/a' }],
  ['gives out a cookie', { 'cache-control': 'max-age=60', 'content-location': '/a', 'set-cookie': 'a=b' }],
] as const) {
  scenario(`a POST whose answer ${why} is not kept`, async (s, t) => {
    const origin = await s.origin(reply(200, headers, 'posted'), reply(200, {}, 'got'))
    const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
    await gw.fetch({ method: 'POST', target: '/a', body: 'x' })
    t.equal((await gw.get('/a')).text, 'got')
  })
}

scenario('a POST that breaks off is not kept, and its client sees that it did', async (s, t) => {
  const origin = await s.origin(
    (_request, answer) =>
      answer
        .send('HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Location: /a\r\nContent-Length: 9\r\n\r\nhalf')
        .end(),
    reply(200, {}, 'got'),
  )
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  t.equal((await gw.fetch({ method: 'POST', target: '/a', body: 'x' })).isComplete, false)
  t.equal((await gw.get('/a')).text, 'got')
})

scenario('Surrogate-Control replaces Cache-Control here, and goes on to the client', async (s, t) => {
  const answer = { 'cache-control': 'no-store', 'surrogate-control': 'max-age=60;latency-gateway' }
  const origin = await s.origin(reply(200, answer, 'one'), reply(200, answer, 'two'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  const first = await gw.get('/')
  t.strictSame(
    [first.header('cache-control'), first.header('surrogate-control')],
    ['no-store', 'max-age=60;latency-gateway'],
  )
  t.equal(origin.last.header('surrogate-capability'), 'latency-gateway="Surrogate/1.0"')
  t.equal((await gw.get('/')).text, 'one')
})

const ask = (body: string, headers: readonly string[] = ['Content-Type', 'application/json']) => ({
  method: 'QUERY',
  target: '/search',
  headers: [...headers],
  body,
})
const found = { 'cache-control': 'max-age=60' }

scenario('the answer to a QUERY is kept by its content and type (RFC 10008)', async (s, t) => {
  const origin = await s.origin(...['one', 'two', 'three'].map((text) => reply(200, found, text)))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  t.equal((await gw.fetch(ask('{"a":1}'))).text, 'one')
  t.equal(origin.last.body.text, '{"a":1}', 'the backend gets the content')
  const again = await gw.fetch(ask('{"a":1}'))
  t.strictSame([again.text, again.header('cache-status')?.startsWith('latency-gateway; hit')], ['one', true])
  t.equal((await gw.fetch(ask('{"a":2}'))).text, 'two', 'other content')
  t.equal((await gw.fetch(ask('{"a":1}', ['Content-Type', 'text/plain']))).text, 'three', 'another type')
  t.equal(origin.requests.length, 3)
})

scenario('what answers a QUERY never answers a GET, and goes with its resource', async (s, t) => {
  const origin = await s.origin(
    reply(200, found, 'asked'),
    reply(200, found, 'got'),
    reply(204),
    reply(200, found, 'new'),
  )
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  await gw.fetch(ask('x'))
  t.equal((await gw.get('/search')).text, 'got')
  await gw.fetch({ method: 'DELETE', target: '/search' })
  t.equal((await gw.fetch(ask('x'))).text, 'new', 'an unsafe request makes it untrue, too')
})

scenario('a QUERY whose content is long or of unknown length goes past the cache', async (s, t) => {
  const origin = await s.origin(...Array.from({ length: 4 }, (_, i) => reply(200, found, String(i))))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  const long = 'x'.repeat(64 * 1024 + 1)
  t.equal((await gw.fetch(ask(long))).text, '0')
  const second = await gw.fetch(ask(long))
  t.match(second.header('cache-status'), /fwd=bypass; fwd-status=200; detail=request-content/)
  t.equal(second.text, '1')
  t.equal(origin.last.body.text.length, long.length)
})

scenario('a GET with content is answered by the backend, for its sender alone', async (s, t) => {
  const origin = await s.origin(reply(200, found, 'poison'), reply(200, found, 'right'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  const fat = await gw.fetch({ method: 'GET', target: '/', body: 'lang=xx' })
  t.strictSame([fat.text, origin.last.body.text], ['poison', 'lang=xx'])
  t.equal((await gw.get('/')).text, 'right')
})
