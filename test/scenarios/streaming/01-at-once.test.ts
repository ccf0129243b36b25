import { type Answering, reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'
import { eventually } from '../../harness/wire.ts'

scenario('server-sent events arrive one by one while the answer goes on', async (s, t) => {
  let events: Answering | undefined
  const origin = await s.origin((_request, answer) => {
    events = answer.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  const client = await gw.client()
  const answer = await client.request().answer()
  for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
    events?.chunk(event)
    t.equal((await answer.body.next())?.toString(), event)
  }
  events?.lastChunk()
  await answer.body.rest()
  t.equal(answer.isComplete, true)
})

scenario('103 Early Hints go out before the answer does', async (s, t) => {
  let finish = () => {}
  const origin = await s.origin((_request, answer) => {
    answer.send('HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n')
    finish = () => answer.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  const client = await gw.client()
  const hints = await client.request().head()
  t.equal(hints.startLine, 'HTTP/1.1 103 Early Hints')
  t.strictSame(hints.lines, ['Link: </a.css>; rel=preload'])
  finish()
  t.equal((await client.whole()).text, 'ok')
})

scenario('a client that waits for 100 Continue gets it, and its body passes', async (s, t) => {
  const origin = await s.origin(reply(200, {}, 'done'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  const client = await gw.client()
  client.send('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n')
  t.match((await client.head()).startLine, /^HTTP\/1\.1 100 /)
  client.send('hello')
  t.equal((await client.whole()).text, 'done')
  t.equal(origin.last.body.text, 'hello')
})

scenario('a body that will not be taken is never asked for', async (s, t) => {
  const gw = await s.gateway({ routes: [{ match: '/here', respond: { body: 'x' } }] })
  for (const [target, status] of [
    ['/here', 200],
    ['/nowhere', 404],
  ] as const) {
    const client = await gw.client()
    client.send(`POST ${target} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`)
    const answer = await client.whole()
    t.equal(answer.interims.length, 0)
    t.equal(answer.status, status)
  }
})

scenario('an upload reaches the backend while the client still sends', async (s, t) => {
  const origin = await s.origin(reply(200, {}, 'done'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  const client = await gw.client()
  client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n').chunk('first')
  const request = await origin.saw(1)
  await eventually('the first part at the backend', () => request.body.text === 'first')
  client.chunk('second').send('0\r\n\r\n')
  t.equal((await client.whole()).text, 'done')
  t.equal(request.body.text, 'firstsecond')
})

scenario('an answer may begin before the request has ended', async (s, t) => {
  const origin = await s.origin(async (request, answer) => {
    answer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n').chunk('early ')
    await request.body.rest()
    answer.chunk(request.body.text).lastChunk()
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  const client = await gw.client()
  client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nl')
  const answer = await client.answer()
  t.equal((await answer.body.next())?.toString(), 'early ')
  client.send('ate')
  t.equal((await answer.body.rest()).text, 'early late')
})
