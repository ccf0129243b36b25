import { reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'

const fresh = { 'cache-control': 'max-age=60', etag: '"v1"' }

/** A backend that writes what it is told by a field into a page that may be shared. */
const echoing =
  (field: string) =>
  (request: { header(name: string): string | undefined }, answer: { send(text: string): unknown }) => {
    const text = request.header(field) ?? 'none'
    answer.send(`HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: ${text.length}\r\n\r\n${text}`)
  }

for (const field of [
  'X-Forwarded-Host',
  'X-Host',
  'X-Original-URL',
  'X-Rewrite-URL',
  'X-HTTP-Host-Override',
  'Forwarded',
]) {
  scenario(`a client cannot poison the cache through ${field}`, async (s, t) => {
    const origin = await s.origin(echoing(field), echoing(field))
    const gw = await s.gateway({
      routes: [
        {
          upstream: origin.url,
          cache: true,
          ...(field === 'X-Host' ? { request_headers: { remove: ['x-host'] } } : {}),
        },
      ],
    })
    await gw.get('/', { headers: [field, 'evil.example'] })
    t.notMatch((await gw.get('/')).text, /evil/)
  })
}

scenario('another port in Host is another resource', async (s, t) => {
  const origin = await s.origin(echoing('host'), echoing('host'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  const host = (value: string) => ({ method: 'GET', target: '/', host: value })
  t.equal((await gw.fetch(host('shop.example:1337'))).text, 'shop.example:1337')
  t.equal((await gw.fetch(host('shop.example'))).text, 'shop.example')
})

scenario('a method in a header or in a parameter does not change what is stored for GET', async (s, t) => {
  const origin = await s.origin(echoing('x-http-method-override'), reply(200, fresh, 'right'))
  const gw = await s.gateway({
    routes: [{ upstream: origin.url, cache: { key: { headers: ['x-http-method-override'] } } }],
  })
  await gw.get('/', { headers: ['X-HTTP-Method-Override', 'DELETE'] })
  t.equal((await gw.get('/')).text, 'right')
})

for (const target of [
  '/account/x.css',
  '/account;x.css',
  '/account/..;/x.css',
  '/account%00x.css',
  '/account%0ax.css',
]) {
  scenario(`a page of one user is not stored because it was asked for as ${target}`, async (s, t) => {
    const page = (text: string) => reply(200, { 'content-type': 'text/html' }, text)
    const origin = await s.origin(page('of Alice'), page('of Bob'))
    const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
    await gw.get(target, { headers: ['Cookie', 'session=alice'] })
    const other = await gw.get(target)
    t.notMatch(other.text, /Alice/)
  })
}

scenario('an answer that gives out a cookie is not shared, even by those who wait for it together', async (s, t) => {
  const cookie = (name: string) => reply(200, { 'cache-control': 'max-age=60', 'set-cookie': `s=${name}` }, name)
  const origin = await s.origin(cookie('one'), cookie('two'), cookie('three'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  const answers = await Promise.all([gw.get('/'), gw.get('/'), gw.get('/')])
  t.equal(new Set(answers.map((answer) => answer.header('set-cookie'))).size, 3)
})

scenario('an error without freshness is given to its client alone', async (s, t) => {
  const origin = await s.origin(reply(500, {}, 'broken'), reply(400, {}, 'bad'), reply(200, fresh, 'right'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  t.equal((await gw.get('/')).status, 500)
  t.equal((await gw.get('/')).status, 400)
  t.equal((await gw.get('/')).text, 'right')
})

scenario('another body while the stored one is fresh is counted and said once', async (s, t) => {
  const origin = await s.origin(reply(200, fresh, 'one'), reply(200, fresh, 'two'), reply(200, fresh, 'two'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  await gw.get('/')
  const again = { headers: ['Cache-Control', 'no-cache'] }
  t.equal((await gw.get('/', again)).text, 'two')
  t.equal(await gw.metric('gateway_cache_differing_bodies_total', {}), 1)
  await gw.get('/', again)
  t.equal(await gw.metric('gateway_cache_differing_bodies_total', {}), 1, 'the same body is no difference')
})
