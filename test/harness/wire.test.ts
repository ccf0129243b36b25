/** The harness held against itself: a raw client in front of a scripted origin, nothing between them. */
import t from 'tap'
import { fetchRaw, RawClient } from './client.ts'
import { deadUrl, exactly, reply, ScriptedOrigin } from './origin.ts'

async function pair(...behaviours: Parameters<typeof ScriptedOrigin.start>) {
  const origin = await ScriptedOrigin.start(...behaviours)
  const client = await RawClient.connect(origin.url)
  t.teardown(async () => {
    await client.close()
    await origin.close()
  })
  return { origin, client }
}

t.test('both sides see exact bytes, connection after connection', async (t) => {
  const { origin, client } = await pair(reply(200, ['x-B', ' 1', 'X-b', ''], 'hello', { reason: 'Fine indeed' }))
  const answer = await client.fetch({ method: 'POST', target: '/a?b', headers: ['X-Odd', 'v'], body: 'abc' })
  t.equal(answer.statusLine, 'HTTP/1.1 200 Fine indeed')
  t.strictSame(answer.lines, ['x-B:  1', 'X-b: ', 'Content-Length: 5'])
  t.strictSame([answer.text, answer.isComplete], ['hello', true])
  t.equal(origin.last.raw, 'POST /a?b HTTP/1.1\r\nHost: example.com\r\nX-Odd: v\r\nContent-Length: 3\r\n\r\n')
  t.equal(origin.last.body.text, 'abc')
  await client.fetch()
  await fetchRaw(origin.url)
  t.strictSame(
    origin.requests.map((request) => request.connection),
    [1, 1, 2],
  )
})

t.test('chunks, trailers and interim answers are kept apart', async (t) => {
  const interim = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'
  const { origin, client } = await pair(async (request, answer) => {
    answer.send(interim)
    await reply(200, {}, '', { chunks: ['one', 'two'], trailers: { 'X-T': '1' } })(request, answer)
  })
  client
    .send('PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n')
    .chunk('in')
    .chunk('put')
    .send('0\r\nX-Sent: 2\r\n\r\n')
  const answer = await client.whole()
  t.equal(answer.interims[0]?.raw, interim)
  t.strictSame(answer.body.chunks.map(String), ['one', 'two'])
  t.strictSame(answer.trailerLines, ['X-T: 1'])
  t.strictSame(origin.last.body.chunks.map(String), ['in', 'put'])
  t.strictSame(origin.last.body.trailerLines, ['X-Sent: 2'])
})

t.test('a body that breaks off is not complete, in any framing', async (t) => {
  for (const head of ['Content-Length: 10\r\n', 'Transfer-Encoding: chunked\r\n', '']) {
    const { client } = await pair((_request, answer) => {
      answer.send(`HTTP/1.1 200 OK\r\n${head}\r\n`, head.startsWith('T') ? '5\r\nhal' : 'hal').reset()
    })
    t.equal((await client.fetch()).isComplete, false)
  }
  const { client } = await pair((_request, answer) => answer.send('HTTP/1.1 200 OK\r\n\r\nall').end())
  t.match(await client.fetch(), { text: 'all', isComplete: true })
})

t.test('answers without content end with their header section', async (t) => {
  const { client } = await pair(
    reply(200, {}, 'abc'),
    exactly('HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n'),
  )
  t.match(await client.fetch({ method: 'HEAD' }), { text: '', isComplete: true })
  t.match(await client.fetch(), { status: 304, text: '', isComplete: true })
})

t.test('nobody listens at a dead address', async (t) => {
  await t.rejects(RawClient.connect(await deadUrl()), { code: 'ECONNREFUSED' })
})
