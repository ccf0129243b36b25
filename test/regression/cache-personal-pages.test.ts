/** Nobody is given, unvalidated, what was not fresh when it came: it may be another user's page (RFC 9111 §4, §5.2.2.4). */
import { type Answering, type Behaviour, type OriginRequest, reply } from '../harness/origin.ts'
import { TestRedis } from '../harness/redis.ts'
import { scenario } from '../harness/scenario.ts'
import { eventually } from '../harness/wire.ts'

const users = Array.from({ length: 10 }, (_, i) => `u${i}`)
const past = 'Thu, 01 Jan 2026 00:00:00 GMT'

/** Waits until told, then gives each user a page of its own. */
function personalPages(fields: Record<string, string>) {
  const held: (() => void)[] = []
  const page: Behaviour = async (request, answer) => {
    await new Promise<void>((resolve) => held.push(resolve))
    await reply(200, fields, `page of ${request.header('cookie')}`)(request, answer)
  }
  const release = () => {
    for (const go of held.splice(0)) go()
  }
  return { page, held, release }
}

for (const [what, fields] of Object.entries({
  'no-cache with an entity tag': { 'cache-control': 'no-cache', etag: '"a"' },
  'max-age=0 with an entity tag': { 'cache-control': 'max-age=0', etag: '"a"' },
  's-maxage=0 with an entity tag': { 'cache-control': 's-maxage=0', etag: '"a"' },
  'an entity tag alone': { etag: '"a"' },
  'a weak entity tag alone': { etag: 'W/"a"' },
  'an Expires in the past and Last-Modified': { expires: past, 'last-modified': past },
  'no-cache, Last-Modified and Vary: Cookie': { 'cache-control': 'no-cache', 'last-modified': past, vary: 'Cookie' },
})) {
  scenario(`users who ask at the same moment get their own pages, also with ${what}`, async (s, t) => {
    const { page, held, release } = personalPages(fields)
    const origin = await s.origin(page)
    const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: { stale_while_revalidate: '30s' } }] })
    const ask = (round: string) => users.map((user) => gw.get('/', { headers: ['Cookie', `${user}${round}`] }))
    const answers = ask('')
    await eventually('all to wait', async () => (await gw.metric('gateway_requests_in_flight')) === users.length)
    release()
    // Whoever waited asks for itself, all of them side by side.
    await eventually('the others to ask', () => held.length === users.length - 1)
    release()
    t.strictSame(
      (await Promise.all(answers)).map((answer) => answer.text),
      users.map((user) => `page of ${user}`),
    )
    if ('vary' in fields) return
    const again = ask('again')
    await eventually('nobody to wait for another', () => held.length === users.length)
    release()
    t.strictSame(
      (await Promise.all(again)).map((answer) => answer.text),
      users.map((user) => `page of ${user}again`),
    )
  })
}

scenario('a validation speaks for the one who asked, where it makes nothing fresh', async (s, t) => {
  const held: (() => void)[] = []
  const origin = await s.origin(reply(200, { etag: '"a"' }, 'page of u0'), async (request, answer) => {
    await new Promise<void>((resolve) => held.push(resolve))
    const user = request.header('cookie')
    await (user === 'u0' ? reply(304, { etag: '"a"' }) : reply(200, { etag: `"${user}"` }, `page of ${user}`))(
      request,
      answer,
    )
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  await gw.get('/', { headers: ['Cookie', 'u0'] })
  const answers = ['u0', 'u1', 'u0'].map((user) => gw.get('/', { headers: ['Cookie', user] }))
  await eventually('each to validate for itself', () => held.length === 3)
  for (const go of held) go()
  t.strictSame(
    (await Promise.all(answers)).map((answer) => answer.text),
    ['page of u0', 'page of u1', 'page of u0'],
  )
  t.equal(origin.requests.filter((request) => request.header('if-none-match') === '"a"').length, 3)
})

scenario('who comes while another’s page is on its way gets a page of its own', async (s, t) => {
  const answers: [OriginRequest, Answering][] = []
  const origin = await s.origin((request, answer) => {
    answers.push([request, answer])
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  for (const [target, fields] of [
    ['/vary', 'Cache-Control: max-age=60\r\nVary: Cookie'],
    ['/etag', 'ETag: "a"'],
  ] as const) {
    const begin = answers.length
    const first = gw.get(target, { headers: ['Cookie', 'u0'] })
    await eventually('the first to be fetched', () => answers.length === begin + 1)
    const head = `HTTP/1.1 200 OK\r\n${fields}\r\nTransfer-Encoding: chunked\r\n\r\n`
    answers[begin]?.[1].send(head).chunk('page of ')
    await eventually(
      'its head to be known',
      async () => ((await gw.metric('gateway_cache_requests_total', { result: 'miss' })) ?? 0) >= 1,
    )
    const second = gw.get(target, { headers: ['Cookie', 'u1'] })
    await eventually('the second to be fetched', () => answers.length === begin + 2)
    answers[begin + 1]?.[1].send(head).chunk('page of ').chunk('u1').lastChunk()
    answers[begin]?.[1].chunk('u0').lastChunk()
    t.strictSame([(await first).text, (await second).text], ['page of u0', 'page of u1'], target)
  }
})

for (const [what, fields] of [
  ['may not be kept', 'Cache-Control: private'],
  ['may be kept to be validated', 'ETag: "a"'],
] as const) {
  scenario(`the page of a user who has left is nobody else’s, where it ${what}`, async (s, t) => {
    const answers: Answering[] = []
    const origin = await s.origin((_request, answer) => {
      answers.push(answer)
    })
    const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
    const first = await gw.client()
    first.request({ headers: ['Cookie', 'u0'] })
    await origin.saw(1)
    const second = gw.get('/', { headers: ['Cookie', 'u1'] })
    await eventually('both to wait', async () => (await gw.metric('gateway_requests_in_flight')) === 2)
    await first.close()
    await eventually('one to be left', async () => (await gw.metric('gateway_requests_in_flight')) === 1)
    answers[0]?.send(`HTTP/1.1 200 OK\r\n${fields}\r\nContent-Length: 2\r\n\r\nu0`)
    await eventually('the second to ask for itself', () => answers.length === 2)
    answers[1]?.send(`HTTP/1.1 200 OK\r\n${fields}\r\nContent-Length: 2\r\n\r\nu1`)
    t.equal((await second).text, 'u1')
  })
}

scenario('what never was fresh stands in for no error, and no client’s max-stale brings it', async (s, t) => {
  const origin = await s.origin(
    reply(200, { etag: '"a"' }, 'page of u0'),
    reply(200, { etag: '"b"' }, 'page of u1'),
    reply(503, {}, 'down'),
  )
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: { stale_if_error: '1h' } }] })
  t.equal((await gw.get('/', { headers: ['Cookie', 'u0'] })).text, 'page of u0')
  const greedy = await gw.get('/', { headers: ['Cookie', 'u1', 'Cache-Control', 'max-stale'] })
  t.equal(greedy.text, 'page of u1')
  t.equal((await gw.get('/', { headers: ['Cookie', 'u2'] })).status, 503)
})

scenario('a refresh in the background is not for those who ask meanwhile, unless it is fresh', async (s, t) => {
  const answers: [OriginRequest, Answering][] = []
  const origin = await s.origin(reply(200, { 'cache-control': 'max-age=1' }, 'for all'), (request, answer) => {
    answers.push([request, answer])
  })
  const cache = { stale_while_revalidate: '2s' }
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache }] }, { clock: s.clock })
  await gw.get('/')
  await s.clock.advance(2000)
  t.equal((await gw.get('/', { headers: ['Cookie', 'u0'] })).text, 'for all')
  await eventually('the refresh', () => answers.length === 1)
  await s.clock.advance(2000)
  const second = gw.get('/', { headers: ['Cookie', 'u1'] })
  await eventually('it to wait', async () => (await gw.metric('gateway_requests_in_flight')) === 1)
  answers[0]?.[1].send('HTTP/1.1 200 OK\r\nETag: "a"\r\nContent-Length: 2\r\n\r\nu0')
  await eventually('it to ask for itself', () => answers.length === 2)
  answers[1]?.[1].send('HTTP/1.1 200 OK\r\nETag: "b"\r\nContent-Length: 2\r\n\r\nu1')
  t.equal((await second).text, 'u1')
})

scenario('another instance does not wait for the end of a page that is not for it', async (s, t) => {
  const redis = await TestRedis.start()
  s.atEnd(() => redis.close())
  const answers: Answering[] = []
  const origin = await s.origin((_request, answer) => {
    answers.push(answer)
  })
  const instance = async () => {
    const gw = await s.gateway({
      redis: { url: redis.url, timeouts: { command: '5s' } },
      cache: { redis: { wait: '30s' } },
      routes: [{ name: 'all', upstream: origin.url, cache: true }],
    })
    await eventually('it to hear the others', async () => (await gw.metric('gateway_cache_bus_up')) === 1)
    return gw
  }
  const [one, two] = [await instance(), await instance()]
  const first = one.get('/', { headers: ['Cookie', 'u0'] })
  await origin.saw(1)
  const second = two.get('/', { headers: ['Cookie', 'u1'] })
  await eventually('it to wait', async () => (await two.metric('gateway_requests_in_flight')) === 1)
  const head = (user: string) => `HTTP/1.1 200 OK\r\nETag: "${user}"\r\nContent-Length: 2\r\n\r\n`
  answers[0]?.send(head('u0'), 'u')
  await eventually('the other instance to ask for itself', () => answers.length === 2)
  answers[1]?.send(head('u1'), 'u1')
  t.equal((await second).text, 'u1')
  answers[0]?.send('0')
  t.equal((await first).text, 'u0')
})

scenario('in shadow mode nobody counts as collapsed whom a cache would give a page of its own', async (s, t) => {
  const { page, held, release } = personalPages({ etag: '"a"' })
  const origin = await s.origin(page)
  const gw = await s.gateway({ routes: [{ name: 'r', upstream: origin.url, cache: { mode: 'shadow' } }] })
  const answers = [gw.get('/'), gw.get('/')]
  await eventually('both to be fetched', () => held.length === 2)
  release()
  await Promise.all(answers)
  const count = (result: string) => gw.metric('gateway_cache_shadow_requests_total', { route: 'r', result })
  t.strictSame([await count('miss'), await count('collapsed')], [2, undefined])
})
