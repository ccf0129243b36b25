import { type Answering, reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'
import { eventually } from '../../harness/wire.ts'

const stale = { 'cache-control': 'max-age=0', etag: '"v1"' }
const fresh = { 'cache-control': 'max-age=60', etag: '"v1"' }

for (const [what, forbidding] of [
  ['private', { 'cache-control': 'private, max-age=60' }],
  ['no-store', { 'cache-control': 'no-store' }],
  ['a cookie', { ...fresh, 'set-cookie': 'id=1' }],
  ['a Vary of *', { ...fresh, vary: '*' }],
] as const) {
  scenario(`a stored answer goes when validating it brings ${what} (RFC 9111 §3, §4.3.4)`, async (s, t) => {
    const origin = await s.origin(reply(200, stale, 'one'), reply(304, forbidding), reply(200, fresh, 'two'))
    const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
    await gw.get('/')
    const own = await gw.get('/')
    t.strictSame([own.status, own.text], [200, 'one'], 'the one who asked gets it')
    const other = await gw.get('/')
    t.strictSame([other.text, other.header('set-cookie')], ['two', undefined], 'nobody else does')
    t.equal(origin.last.header('if-none-match'), undefined)
  })
}

scenario('a HEAD that brings a cookie leaves none in what is stored (RFC 9111 §4.3.5)', async (s, t) => {
  const origin = await s.origin(
    reply(200, stale, 'one'),
    reply(200, { ...fresh, 'set-cookie': 'id=1' }, 'one'),
    reply(200, fresh, 'two'),
  )
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  await gw.get('/')
  t.equal((await gw.get('/', { method: 'HEAD' })).header('set-cookie'), 'id=1')
  const next = await gw.get('/')
  t.strictSame([next.text, next.header('set-cookie')], ['two', undefined])
})

scenario('the Age of a validation is sent once, and counts (RFC 9111 §5.1)', async (s, t) => {
  const origin = await s.origin(reply(200, stale, 'one'), reply(304, { ...fresh, age: '30' }))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  await gw.get('/')
  t.match((await gw.get('/')).header('age'), /^3[0-9]$/)
  const hit = await gw.get('/')
  t.match(hit.header('age'), /^3[0-9]$/)
  t.match(hit.header('cache-status'), /hit/)
})

scenario('a 304 with another entity tag updates nothing (RFC 9111 §4.3.4)', async (s, t) => {
  const origin = await s.origin(
    reply(200, { ...stale, a: '1' }, 'one'),
    reply(304, { ...fresh, etag: '"v2"', a: '2' }),
    reply(200, fresh, 'two'),
  )
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  await gw.get('/')
  const validated = await gw.get('/')
  t.strictSame([validated.text, validated.header('etag'), validated.header('a')], ['one', '"v1"', '1'])
  t.equal((await gw.get('/')).text, 'two', 'it is not fresh either')
})

scenario('a Vary that a 304 brings holds from then on (RFC 9111 §4.1)', async (s, t) => {
  const origin = await s.origin(
    reply(200, stale, 'one'),
    reply(304, { ...fresh, vary: 'x-kind' }),
    reply(200, { ...fresh, vary: 'x-kind' }, 'two'),
  )
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  await gw.get('/', { headers: ['X-Kind', 'a'] })
  await gw.get('/', { headers: ['X-Kind', 'a'] })
  const other = await gw.get('/', { headers: ['X-Kind', 'b'] })
  t.strictSame([other.text, other.header('cache-status')?.includes('fwd=vary-miss')], ['two', true])
  t.equal((await gw.get('/', { headers: ['X-Kind', 'a'] })).text, 'one')
})

scenario('who joins a fetch does not get the fields that are for one client (RFC 9111 §5.2.2.7)', async (s, t) => {
  let answering: Answering | undefined
  const origin = await s.origin((_request, answer) => {
    answering = answer
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  const answers = [gw.get('/'), gw.get('/')]
  await eventually('both to wait', async () => (await gw.metric('gateway_requests_in_flight')) === 2)
  const fields = 'Cache-Control: max-age=60, private="X-User, Set-Cookie"\r\nX-User: ann\r\nSet-Cookie: id=1\r\n'
  answering?.send(`HTTP/1.1 200 OK\r\n${fields}Content-Length: 1\r\n\r\n.`)
  const users = (await Promise.all(answers)).map((a) => [a.header('x-user'), a.header('set-cookie')])
  t.strictSame(users.sort(), [
    [undefined, undefined],
    ['ann', 'id=1'],
  ])
  const hit = await gw.get('/')
  t.strictSame([hit.text, hit.header('x-user'), hit.header('set-cookie')], ['.', undefined, undefined])
})

scenario('Cache-Status says that the client’s own words were the reason to ask (RFC 9211 §2.2)', async (s, t) => {
  const origin = await s.origin(reply(200, fresh, 'one'), reply(304, fresh))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  await gw.get('/')
  const asked = await gw.get('/', { headers: ['Cache-Control', 'no-cache'] })
  t.match(asked.header('cache-status'), /fwd=request; fwd-status=304/)
})

scenario(
  'only-if-cached gets 504 where nothing fits, and the backend is left alone (RFC 9111 §5.2.1.7)',
  async (s, t) => {
    const origin = await s.origin(reply(200, fresh, 'one'))
    const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
    const only = () => gw.get('/', { headers: ['Cache-Control', 'only-if-cached'] })
    t.equal((await only()).status, 504)
    await gw.get('/')
    t.equal((await only()).text, 'one')
    t.equal(origin.requests.length, 1)
  },
)

scenario('several ranges come as parts of one answer, too many or overlapping ones as the whole', async (s, t) => {
  const origin = await s.origin(reply(200, { ...fresh, 'content-type': 'text/plain' }, '0123456789'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  await gw.get('/')
  const parts = await gw.get('/', { headers: ['Range', 'bytes=0-1, -2'] })
  t.equal(parts.status, 206)
  const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(parts.header('content-type') ?? '')?.[1] ?? ''
  const bodies = parts.text.split(`--${boundary}`).map((part) => part.split('\r\n\r\n')[1]?.trim())
  t.strictSame(bodies.slice(1, 3), ['01', '89'])
  t.match(parts.text, /Content-Type: text\/plain\r\nContent-Range: bytes 0-1\/10\r\n\r\n01/)
  for (const range of ['bytes=0-5, 3-8', `bytes=${Array.from({ length: 17 }, () => '0-0').join(',')}`]) {
    t.strictSame((await gw.get('/', { headers: ['Range', range] })).text, '0123456789', range)
  }
  const other = await gw.get('/', { headers: ['Range', 'bytes=0-1', 'If-Range', '"v2"'] })
  t.strictSame([other.status, other.text], [200, '0123456789'])
})
