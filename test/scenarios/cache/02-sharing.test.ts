import { type Answering, reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'
import { eventually } from '../../harness/wire.ts'

const many = Array.from({ length: 50 }, (_, i) => i)

scenario('fifty clients who ask for one cold object cause one fetch, and all get it as it arrives', async (s, t) => {
  let answering: Answering | undefined
  const origin = await s.origin((_request, answer) => {
    answering = answer
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  const answers = many.map(() => gw.get('/cold'))
  await eventually('all to wait', async () => (await gw.metric('gateway_requests_in_flight')) === many.length)
  answering?.send('HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n')
  answering?.chunk('first')
  answering?.chunk('second')
  answering?.lastChunk()
  for (const answer of await Promise.all(answers)) t.strictSame([answer.status, answer.text], [200, 'firstsecond'])
  t.equal(origin.requests.length, 1)
  t.equal(await gw.metric('gateway_cache_requests_total', { result: 'collapsed' }), many.length - 1)
})

scenario('clients who waited for an answer that can’t be shared fetch their own, side by side', async (s, t) => {
  const waiting: Answering[] = []
  const origin = await s.origin((_request, answer) => {
    waiting.push(answer)
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  const answers = [1, 2, 3].map(() => gw.get('/mine'))
  await eventually('all to wait', async () => (await gw.metric('gateway_requests_in_flight')) === 3)
  const give = (answer: Answering | undefined, text: string) =>
    answer?.send(`HTTP/1.1 200 OK\r\nCache-Control: private\r\nContent-Length: 1\r\n\r\n${text}`)
  give(waiting[0], 'a')
  await eventually('the others to ask for themselves', () => waiting.length === 3)
  give(waiting[1], 'b')
  give(waiting[2], 'c')
  t.strictSame((await Promise.all(answers)).map((answer) => answer.text).sort(), ['a', 'b', 'c'])
})

scenario('a shared fetch that fails is tried once more for those who waited', async (s, t) => {
  const waiting: Answering[] = []
  const origin = await s.origin(
    (_request, answer) => {
      waiting.push(answer)
    },
    reply(200, { 'cache-control': 'max-age=60' }, 'ok'),
  )
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  const answers = [1, 2, 3].map(() => gw.get('/'))
  await eventually('all to wait', async () => (await gw.metric('gateway_requests_in_flight')) === 3)
  waiting[0]?.reset()
  const statuses = (await Promise.all(answers)).map((answer) => answer.status).sort()
  t.strictSame(statuses, [200, 200, 502])
  t.equal(origin.requests.length, 2)
})

for (const [what, statuses, requests] of [
  ['recovers', [200, 200, 503], 2],
  ['goes on failing', [503, 503, 503], 3],
] as const) {
  scenario(`an error for the first client is its own, when the backend ${what}`, async (s, t) => {
    const waiting: Answering[] = []
    const error = reply(503, {}, 'busy')
    const origin = await s.origin(
      (_request, answer) => {
        waiting.push(answer)
      },
      what === 'recovers' ? reply(200, { 'cache-control': 'max-age=60' }, 'ok') : error,
      error,
    )
    const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
    const answers = [1, 2, 3].map(() => gw.get('/'))
    await eventually('all to wait', async () => (await gw.metric('gateway_requests_in_flight')) === 3)
    waiting[0]?.send('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n')
    t.strictSame((await Promise.all(answers)).map((answer) => answer.status).sort(), statuses)
    t.equal(origin.requests.length, requests)
  })
}

scenario('what could not be shared once is stored as soon as it can be', async (s, t) => {
  const origin = await s.origin(
    reply(503, {}, 'busy'),
    reply(200, { 'cache-control': 'private', etag: '"p"' }, 'mine'),
    reply(304, { 'cache-control': 'private', etag: '"p"' }),
    reply(200, { 'cache-control': 'max-age=60' }, 'for all'),
  )
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  t.equal((await gw.get('/')).status, 503)
  t.equal((await gw.get('/')).text, 'mine')
  const again = await gw.get('/', { headers: ['If-None-Match', '"p"'] })
  t.equal(again.status, 304)
  t.equal(origin.last.header('if-none-match'), '"p"', 'the client’s own condition, while its answer is for it alone')
  t.equal((await gw.get('/')).text, 'for all')
  t.match((await gw.get('/')).header('cache-status'), /hit/)
  t.equal(origin.requests.length, 4)
})

scenario('the client that asked first may leave: the others still get the answer', async (s, t) => {
  let answering: Answering | undefined
  const origin = await s.origin((_request, answer) => {
    answering = answer
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  const first = await gw.client()
  first.request()
  await origin.saw(1)
  const second = gw.get('/')
  await eventually('both to wait', async () => (await gw.metric('gateway_requests_in_flight')) === 2)
  await first.close()
  await eventually('one to be left', async () => (await gw.metric('gateway_requests_in_flight')) === 1)
  answering?.send('HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok')
  t.equal((await second).text, 'ok')
  t.equal(origin.requests.length, 1)
})

scenario('a truncated answer is not stored, and every reader sees that it is broken', async (s, t) => {
  const origin = await s.origin(
    (_request, answer) =>
      answer.send('HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\nhalf').end(),
    reply(200, { 'cache-control': 'max-age=60' }, 'whole'),
  )
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  t.equal((await gw.get('/')).isComplete, false)
  t.equal((await gw.get('/')).text, 'whole')
})

scenario('variants are kept apart by Vary, and routes by their name', async (s, t) => {
  const vary = { 'cache-control': 'max-age=60', vary: 'Accept-Language' }
  const origin = await s.origin((request, answer) =>
    reply(200, vary, `${request.header('accept-language')} ${request.header('x-beta')}`)(request, answer),
  )
  const routes = [
    { name: 'beta', match: { headers: { 'x-beta': '1' } }, upstream: origin.url, cache: true },
    { name: 'all', upstream: origin.url, cache: true },
  ]
  const gw = await s.gateway({ routes })
  const ask = async (...headers: string[]) => (await gw.get('/', { headers })).text
  for (const round of ['cold', 'stored']) {
    t.equal(await ask('Accept-Language', 'de'), 'de undefined', round)
    t.equal(await ask('Accept-Language', 'en'), 'en undefined', round)
    t.equal(await ask('Accept-Language', 'de', 'X-Beta', '1'), 'de 1', round)
  }
  t.equal(origin.requests.length, 3)
})

scenario('what one user may see is never given to another', async (s, t) => {
  let count = 0
  const origin = await s.origin((request, answer) => {
    count++
    const kind = request.target.slice(1)
    const headers: Record<string, string> =
      kind === 'cookie'
        ? { 'cache-control': 'max-age=60', 'set-cookie': 'id=1' }
        : { 'cache-control': kind === 'private' ? 'private, max-age=60' : 'max-age=60' }
    return reply(200, headers, String(count))(request, answer)
  })
  const routes = [{ upstream: origin.url, cache: { bypass: { cookies: ['session'] } } }]
  const gw = await s.gateway({ routes })
  const differ = async (target: string, ...headers: string[]) => {
    const [first, second] = [await gw.get(target, { headers }), await gw.get(target, { headers })]
    return first.text !== second.text
  }
  t.ok(await differ('/private'))
  t.ok(await differ('/cookie'))
  t.ok(await differ('/page', 'Authorization', 'Basic x'))
  t.ok(await differ('/page', 'Cookie', 'a=1; session=2'))
})
