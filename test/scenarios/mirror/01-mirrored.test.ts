import type { TestGateway } from '../../harness/gateway.ts'
import { deadUrl, reply, silence } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'
import { eventually } from '../../harness/wire.ts'

function counted(gw: TestGateway, outcome: string, count: number): Promise<void> {
  const metric = () => gw.metric('gateway_mirror_requests_total', { outcome })
  return eventually(`${count} ${outcome}`, async () => (await metric()) === count)
}

scenario(
  'copies reach the mirror as the requests reach the upstream, with a mark, and change nothing',
  async (s, t) => {
    const main = await s.origin(reply(200, {}, 'main'))
    const copy = await s.origin(reply(500, { 'Set-Cookie': 'a=b' }, 'copy'))
    const gw = await s.gateway({
      upstreams: { main: { endpoints: [main.url] }, copy: { endpoints: [copy.url] } },
      routes: [
        {
          match: '/shop/**',
          upstream: 'main',
          rewrite: { strip_prefix: '/shop' },
          request_headers: { set: { 'x-own': '1' } },
          mirror: { upstream: 'copy' },
        },
      ],
    })
    const answer = await gw.get('/shop/a?b=c', { headers: { 'X-Mirrored': 'yes' } })
    t.match([answer.status, answer.text, answer.header('set-cookie')], [200, 'main', undefined])
    const copied = await copy.saw(1)
    t.equal(copied.target, '/a?b=c')
    t.equal(copied.header('x-own'), '1')
    t.same(copied.headers('x-mirrored'), ['1'])
    t.same(main.last.headers('x-mirrored'), [])
    t.equal(copied.header('x-request-id'), main.last.header('x-request-id'))
    await counted(gw, '5xx', 1)
    t.equal(await gw.metric('gateway_mirror_in_flight'), 0)
  },
)

scenario('a mirror that is dead, hung or resetting neither delays nor fails a request', async (s, t) => {
  const main = await s.origin(reply(200, {}, 'main'))
  const hung = await s.origin(silence)
  const broken = await s.origin((_request, answer) => answer.reset())
  const gw = await s.gateway({
    routes: [
      { match: '/dead', upstream: main.url, mirror: { upstream: await deadUrl() } },
      { match: '/hung', upstream: main.url, mirror: { upstream: hung.url, timeout: '50ms', concurrency: 2 } },
      { match: '/broken', upstream: main.url, mirror: { upstream: broken.url } },
    ],
  })
  const client = await gw.client()
  for (const target of ['/dead', '/broken', '/hung', '/hung', '/hung']) {
    t.equal((await client.fetch({ target })).text, 'main')
  }
  await eventually('the hung ones are let go', () => hung.requests.length >= 2 && hung.open === 0)
  const timeouts = (await gw.metric('gateway_mirror_requests_total', { route: 'hung', outcome: 'timeout' })) ?? 0
  const busy = (await gw.metric('gateway_mirror_requests_total', { route: 'hung', outcome: 'busy' })) ?? 0
  t.equal(timeouts + busy, 3)
  t.ok(timeouts >= 2)
  await eventually('the others have failed', async () => {
    const failed = await gw.metric('gateway_mirror_requests_total', { route: 'broken', outcome: 'failed' })
    const dead = await gw.metric('gateway_mirror_requests_total', { route: 'dead', outcome: 'failed' })
    return failed === 1 && dead === 1
  })
})

scenario('a request body is copied once it was read whole; larger ones are not', async (s, t) => {
  const main = await s.origin(reply(200, {}, 'main'))
  const copy = await s.origin(reply())
  const gw = await s.gateway({
    routes: [{ upstream: main.url, mirror: { upstream: copy.url, unsafe: true, replay: '8KiB' } }],
  })
  const small = 'x'.repeat(8192)
  t.equal((await gw.fetch({ method: 'POST', body: small })).text, 'main')
  t.equal((await copy.saw(1)).method, 'POST')
  await counted(gw, '2xx', 1)
  t.equal(copy.last.body.text, small)
  t.equal((await gw.fetch({ method: 'POST', body: `${small}!` })).text, 'main')
  t.equal(main.last.body.text, `${small}!`)
  await counted(gw, 'body', 1)
  const client = await gw.client()
  client.send('POST /streamed HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n').chunk('one')
  await main.saw(3)
  t.equal(copy.requests.length, 1, 'not before it is whole')
  client.chunk('two').send('0\r\n\r\n')
  t.equal((await client.whole('POST')).text, 'main')
  await copy.saw(2)
  await counted(gw, '2xx', 2)
  t.equal(copy.last.body.text, 'onetwo')
})

scenario('an upload that breaks off is not copied', async (s, t) => {
  const main = await s.origin(reply(200, {}, 'main'))
  const copy = await s.origin(reply())
  const gw = await s.gateway({ routes: [{ upstream: main.url, mirror: { upstream: copy.url, unsafe: true } }] })
  const client = await gw.client()
  client.send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello')
  await main.saw(1)
  client.reset()
  await counted(gw, 'body', 1)
  t.equal(copy.requests.length, 0)
})

scenario(
  'a large streamed body flows to the upstream at its own pace, in bounded memory, without a copy',
  async (s, t) => {
    const main = await s.origin(reply(200, {}, 'main'))
    const copy = await s.origin(reply())
    const gw = await s.gateway({ routes: [{ upstream: main.url, mirror: { upstream: copy.url, unsafe: true } }] })
    const client = await gw.client()
    client.send('PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
    const chunk = Buffer.alloc(64 * 1024, 'x')
    for (let i = 0; i < 64; i++) client.chunk(chunk)
    client.send('0\r\n\r\n')
    t.equal((await client.whole('PUT')).text, 'main')
    t.equal(main.last.body.text.length, 64 * chunk.length)
    await counted(gw, 'body', 1)
    t.equal(copy.requests.length, 0)
  },
)

scenario('unsafe requests are not copied unless that is asked for, nor are cache hits', async (s, t) => {
  const main = await s.origin(reply(200, { 'Cache-Control': 'max-age=60' }, 'main'))
  const copy = await s.origin(reply())
  const gw = await s.gateway({ routes: [{ upstream: main.url, cache: true, mirror: { upstream: copy.url } }] })
  await gw.fetch({ method: 'POST', body: 'x' })
  for (let i = 0; i < 3; i++) t.equal((await gw.get('/')).text, 'main')
  await counted(gw, '2xx', 1)
  t.same(
    copy.requests.map(({ method }) => method),
    ['GET'],
  )
})

scenario('a mirror’s answer without end is given up after its time', async (s, t) => {
  const main = await s.origin(reply(200, {}, 'main'))
  const copy = await s.origin((_request, answer) => {
    answer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    const timer = setInterval(() => answer.chunk('more'), 5)
    answer.socket.once('close', () => clearInterval(timer))
  })
  const gw = await s.gateway({ routes: [{ upstream: main.url, mirror: { upstream: copy.url, timeout: '100ms' } }] })
  t.equal((await gw.get('/')).text, 'main')
  await counted(gw, 'timeout', 1)
  await eventually('its connection is closed', () => copy.open === 0)
})

scenario('a client that leaves does not end the copy, nor a gateway that closes wait for it', async (s, t) => {
  const main = await s.origin(silence)
  const copy = await s.origin(silence)
  const gw = await s.gateway({ routes: [{ upstream: main.url, mirror: { upstream: copy.url, timeout: '1m' } }] })
  const client = await gw.client()
  client.request({})
  await main.saw(1)
  await copy.saw(1)
  client.reset()
  await eventually('the request was given up', () => main.open === 0)
  t.equal(copy.open, 1)
  await gw.close()
})

scenario('the share is kept', async (s, t) => {
  const main = await s.origin(reply(200, {}, 'main'))
  const copy = await s.origin(reply())
  let roll = 0
  const random = () => {
    roll = (roll + 0.618034) % 1
    return roll
  }
  const gw = await s.gateway(
    { routes: [{ upstream: main.url, mirror: { upstream: copy.url, share: '30%' } }] },
    { random },
  )
  const client = await gw.client()
  for (let i = 0; i < 20; i++) await client.fetch({})
  await eventually('all copies ended', async () => (await gw.metric('gateway_mirror_in_flight')) === 0)
  t.equal(await gw.metric('gateway_mirror_requests_total', { outcome: '2xx' }), copy.requests.length)
  t.ok(copy.requests.length > 0 && copy.requests.length < 20)
})
