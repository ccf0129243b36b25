/** Requests that are rare and right: other proxies pass them, and so does this one. */
import type { RawClient } from '../harness/client.ts'
import { type Answering, reply } from '../harness/origin.ts'
import { scenario } from '../harness/scenario.ts'
import { eventually } from '../harness/wire.ts'

for (const [what, request] of [
  ['GET', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['GET that closes', 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
  ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
  ['POST with all of its body', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc'],
  [
    'chunked POST with all of its body',
    'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  ],
] as const) {
  scenario(`a client that closes its sending side after a request gets its answer: ${what}`, async (s, t) => {
    const answers: Answering[] = []
    const origin = await s.origin(async (request, answer) => {
      await request.body.rest()
      answers.push(answer)
    })
    const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
    const client = await gw.client()
    client.send(request)
    client.socket.end()
    await eventually('the request to arrive', () => answers.length === 1)
    answers[0]?.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n').send('ok')
    const answer = await client.whole()
    t.strictSame([answer.status, answer.text], [200, 'ok'])
    await client.closed()
    t.equal(await gw.metric('gateway_requests_in_flight'), 0)
  })
}

scenario('requests that were sent in a row before the end are all answered', async (s, t) => {
  const origin = await s.origin((request, answer) => reply(200, {}, request.target)(request, answer))
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  const client = await gw.client()
  for (const target of ['/1', '/2', '/3']) client.request({ target })
  client.socket.end()
  for (const target of ['/1', '/2', '/3']) t.equal((await client.whole()).text, target)
  await client.closed()
})

scenario('an answer that had begun when the client closed its sending side comes to its end', async (s, t) => {
  let answering: Answering | undefined
  const origin = await s.origin((_request, answer) => {
    answering = answer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n').chunk('first')
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  const client = await gw.client()
  client.request()
  await client.head()
  client.socket.end()
  await eventually('the end to be noticed', () => client.socket.writableFinished)
  answering?.chunk('second').lastChunk()
  await client.closed()
  t.equal(await gw.metric('gateway_requests_in_flight'), 0)
})

for (const [what, leave] of [
  ['resets the connection', (client: RawClient) => client.reset()],
  ['closes in the middle of its body', (client: RawClient) => client.socket.end()],
] as const) {
  scenario(`a client that ${what} is not worked for any longer`, async (s) => {
    let answering: Answering | undefined
    const origin = await s.origin((_request, answer) => {
      answering = answer
    })
    const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
    const client = await gw.client()
    client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf')
    await origin.saw(1)
    leave(client)
    await answering?.closed()
  })
}

scenario('an encoded slash belongs to its segment, and reaches the backend as it was sent', async (s, t) => {
  const origin = await s.origin((request, answer) => reply(200, {}, request.target)(request, answer))
  const routes = [
    { match: '/npm/*', upstream: origin.url },
    { match: '/api/{project}/files', upstream: origin.url },
    { match: '/queues/**', upstream: origin.url, rewrite: { strip_prefix: '/queues' } },
  ]
  const gw = await s.gateway({ routes })
  t.equal((await gw.get('/npm/@scope%2Fname')).text, '/npm/@scope%2Fname')
  t.equal((await gw.get('/api/group%2Fproject/files')).text, '/api/group%2Fproject/files')
  t.equal((await gw.get('/queues/%2F/orders')).text, '/%2F/orders')
  t.equal((await gw.get('/api/group/project/files')).status, 404)
  for (const climbing of [
    '/npm/..%2fx',
    '/npm/%2e%2e%2fx',
    '/npm/a%2F..%2Fb',
    '/npm/%5c..',
    '/npm/a%2f..;x',
    '/npm/%252e%252e%252fx',
  ]) {
    t.equal((await gw.get(climbing)).status, 400, climbing)
  }
})

scenario('encoded slashes are refused where the listener says so', async (s, t) => {
  const origin = await s.origin()
  const listeners = [{ address: '127.0.0.1:0', encoded_slashes: 'refuse' }]
  const gw = await s.gateway({ listeners, routes: [{ upstream: origin.url }] })
  t.equal((await gw.get('/a%2fb')).status, 400)
})

for (const method of ['VERSION-CONTROL', 'BMOVE', 'LABEL', 'GETX', 'get']) {
  scenario(`a method that can't be read is told by its name: ${method}`, async (s, t) => {
    const origin = await s.origin()
    const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
    for (const before of ['', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n']) {
      const client = await gw.client()
      client.send(`${before}${method} / HTTP/1.1\r\nHost: x\r\n\r\n`)
      if (before !== '') t.equal((await client.whole()).status, 200)
      const answer = await client.whole()
      t.equal(answer.status, 501)
      t.equal(answer.problem.code, 'method_unsupported')
      await client.closed()
    }
    const line = gw.lines.find(({ message }) => message === 'request refused')
    t.match(line?.fields, { code: 'method_unsupported', detail: method })
  })
}

for (const garbage of ['<html>\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00', 'G@T / HTTP/1.1\r\nHost: x\r\n\r\n']) {
  scenario(`what is no request stays a bad one: ${JSON.stringify(garbage)}`, async (s, t) => {
    const origin = await s.origin()
    const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
    const client = await gw.client()
    client.send(Buffer.from(garbage, 'latin1'))
    t.equal((await client.whole()).status, 400)
  })
}

scenario('OPTIONS * asks about the server, whatever is rewritten', async (s, t) => {
  const origin = await s.origin((request, answer) => reply(200, {}, request.target)(request, answer))
  for (const path of ['/fixed', '/p{path}']) {
    const gw = await s.gateway({ routes: [{ upstream: origin.url, rewrite: { path } }] })
    for (const target of ['*', 'http://example.com']) {
      t.equal((await gw.fetch({ method: 'OPTIONS', target })).text, '*', `${target} with ${path}`)
    }
    t.not((await gw.get('/x')).text, '*')
  }
})
