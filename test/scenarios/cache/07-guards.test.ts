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

for (const field of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override']) {
  scenario(`a method in ${field} goes past the cache, and makes untrue what is stored`, async (s, t) => {
    const origin = await s.origin(
      reply(200, fresh, 'deleted'),
      reply(200, fresh, 'right'),
      reply(200, fresh, 'deleted'),
      reply(200, fresh, 'new'),
    )
    const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
    const override = () => gw.get('/', { headers: [field, 'DELETE'] })
    t.equal((await override()).text, 'deleted')
    t.equal((await gw.get('/')).text, 'right')
    t.equal((await override()).text, 'deleted', 'not answered from what is stored either')
    t.equal((await gw.get('/')).text, 'new')
    t.equal(await gw.metric('gateway_cache_refusals_total', { reason: 'method-override' }), 2)
  })
}

for (const [field, value] of [
  ['X-Forwarded-Host', 'evil.example'],
  ['X-Forwarded-Proto', 'https'],
  ['Forwarded', 'for=192.0.2.1;host=evil.example'],
] as const) {
  scenario(`what a trusted proxy passes on in ${field} poisons nobody else’s answer`, async (s, t) => {
    const origin = await s.origin(echoing(field))
    const routes = [{ upstream: origin.url, cache: true }]
    const gw = await s.gateway({ listeners: [{ address: '127.0.0.1:0', trusted_proxies: ['127.0.0.1'] }], routes })
    const poisoned = await gw.get('/', { headers: [field, value] })
    t.ok(poisoned.text.includes(value), 'the backend is told what a proxy says that is trusted')
    t.notMatch((await gw.get('/')).text, new RegExp(value))
    t.equal(origin.requests.length, 2)
    await gw.get('/', { headers: [field, value] })
    t.equal(origin.requests.length, 2, 'both are stored')
  })
}

scenario('only what the backend encoded so is given to a client that refuses gzip', async (s, t) => {
  const plain = { 'cache-control': 'max-age=60', vary: 'Accept-Encoding' }
  const origin = await s.origin((request, answer) =>
    /gzip(?!;q=0)/.test(request.header('accept-encoding') ?? '')
      ? reply(200, { ...plain, 'content-encoding': 'gzip' }, 'packed')(request, answer)
      : reply(200, plain, 'plain')(request, answer),
  )
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  const ask = async (...headers: string[]) => (await gw.get('/', { headers })).text
  for (const round of ['cold', 'stored']) {
    t.equal(await ask('Accept-Encoding', 'gzip'), 'packed', round)
    t.equal(await ask('Accept-Encoding', 'gzip;q=0'), 'plain', round)
    t.equal(await ask('Accept-Encoding', 'br, gzip;q=0'), 'plain', round)
    t.equal(await ask(), 'plain', round)
  }
})

scenario('neither settings for answers nor a client’s odd request have an error stored', async (s, t) => {
  for (const cache of [{ ttl: '60s' }, { override_ttl: '60s' }, { override_ttl: '60s', ignore_origin: true }]) {
    const origin = await s.origin((request, answer) =>
      reply(request.header('x-odd') === undefined ? 200 : 400, {}, 'answer')(request, answer),
    )
    const gw = await s.gateway({ routes: [{ upstream: origin.url, cache }] })
    t.equal((await gw.get('/', { headers: ['X-Odd', 'x'.repeat(9000)] })).status, 400)
    t.equal((await gw.get('/')).status, 200)
    t.equal((await gw.get('/', { headers: ['X-Odd', 'x'] })).status, 200, 'the answer is stored')
  }
})

for (const target of ['/account/x.css', '/account;x.css', '/account%2fx.css']) {
  scenario(`settings don’t have a page stored that was asked for as ${target}`, async (s, t) => {
    const page = (text: string) => reply(200, { 'content-type': 'text/html' }, text)
    const origin = await s.origin(page('of Alice'), page('of Bob'), reply(200, { 'content-type': 'text/css' }, 'css'))
    const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: { ttl: '60s' } }] })
    t.equal((await gw.get(target, { headers: ['Cookie', 'session=alice'] })).text, 'of Alice')
    t.equal((await gw.get(target)).text, 'of Bob')
    t.equal((await gw.get(target)).text, 'css')
    t.match((await gw.get(target)).header('cache-status'), /hit/)
    t.equal(await gw.metric('gateway_cache_refusals_total', { reason: 'type-mismatch' }), 2)
  })
}

scenario('an encoded slash makes no other path of the same resource where the listener refuses it', async (s, t) => {
  const origin = await s.origin(reply(200, { 'content-type': 'text/html' }, 'of Alice'))
  const listeners = [{ address: '127.0.0.1:0', encoded_slashes: 'refuse' }]
  const gw = await s.gateway({ listeners, routes: [{ upstream: origin.url, cache: true }] })
  t.equal((await gw.get('/account%2fx.css')).status, 400)
  t.equal(origin.requests.length, 0)
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
