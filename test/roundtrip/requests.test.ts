/** Requests pass through as they are: what the client sends is compared with what the origin gets, byte for byte. */

import type { TestGateway } from '../harness/gateway.ts'
import { reply, type ScriptedOrigin } from '../harness/origin.ts'
import { type Scenario, scenario } from '../harness/scenario.ts'

async function through(s: Scenario): Promise<{ gw: TestGateway; origin: ScriptedOrigin }> {
  const origin = await s.origin(reply(200, {}, 'ok'))
  return { origin, gw: await s.gateway({ routes: [{ upstream: origin.url }] }) }
}

/** What the gateway says of its own on this hop, and how it frames. */
const ours = /^(?:host|connection|via|x-request-id|x-forwarded-\w+|forwarded|content-length|transfer-encoding):/i

function passed(origin: ScriptedOrigin): string[] {
  return origin.last.lines.filter((line) => !ours.test(line))
}

scenario('header lines keep their order, their case, their number and their empty values', async (s, t) => {
  const { gw, origin } = await through(s)
  const sent = [
    'accept: */*',
    'X-B: 2',
    'x-a: 1',
    'COOKIE: a=1',
    'Cookie: b=2; c=3',
    'X-Empty: ',
    'X-B: 3',
    'Accept-Encoding: gzip;q=0, br',
    'X-Utf8: caf\u00c3\u00a9',
    'user-agent: test/1',
    'If-None-Match: "a", W/"b"',
    'Origin: null',
  ]
  const client = await gw.client()
  await client.send(`GET / HTTP/1.1\r\nHost: a\r\n${sent.join('\r\n')}\r\n\r\n`).whole()
  t.strictSame(passed(origin), sent)
  t.equal(origin.last.headers('host').length, 1)
})

scenario('nothing is invented: no user agent, no accepted encodings, no type, no length', async (s, t) => {
  const { gw, origin } = await through(s)
  await gw.get('/')
  t.strictSame(passed(origin), [])
  t.equal(origin.last.header('content-length'), undefined)
  t.equal(origin.last.header('transfer-encoding'), undefined)
})

scenario('methods pass as they are, also unusual ones', async (s, t) => {
  const { gw, origin } = await through(s)
  for (const method of [
    'GET',
    'POST',
    'PUT',
    'PATCH',
    'DELETE',
    'OPTIONS',
    'QUERY',
    'PROPFIND',
    'MKCOL',
    'LOCK',
    'REPORT',
    'PURGE',
    'M-SEARCH',
  ]) {
    t.equal((await gw.fetch({ method })).status, 200, method)
    t.equal(origin.last.method, method)
  }
})

scenario('targets pass with their escapes and their query, to the letter', async (s, t) => {
  const { gw, origin } = await through(s)
  for (const target of [
    '/',
    '/a%20b/%C3%A9',
    "/~x-._!$&'()*+,;=:@",
    '/a?',
    '/a?b=c&b=d&&=',
    '/a?q=%2F%2e?/..//',
    '/?a b'.replace(' ', '+'),
  ]) {
    t.equal((await gw.get(target)).status, 200, target)
    t.equal(origin.last.target, target)
  }
})

// RFC 9112 §3.2.4: an absolute form with an empty path is what a proxy sends for `*`.
scenario('OPTIONS * still concerns the whole server', async (s, t) => {
  const { gw, origin } = await through(s)
  await gw.fetch({ method: 'OPTIONS', target: '*' })
  t.equal(origin.last.target, '*')
})

scenario('bodies pass unchanged in the framing they came in, for any method', async (s, t) => {
  const { gw, origin } = await through(s)
  const binary = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('')
  for (const method of ['POST', 'PUT', 'DELETE', 'GET', 'QUERY']) {
    for (const body of ['x', binary, 'y'.repeat(300_000)]) {
      await gw.fetch({ method, body })
      t.ok(origin.last.body.text === body && origin.last.body.isComplete, `${method} with ${body.length} bytes`)
      t.equal(origin.last.header('content-length'), String(body.length))

      const client = await gw.client()
      client.send(`${method} / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`).chunk(body).send('0\r\n\r\n')
      await client.whole()
      t.ok(origin.last.body.text === body && origin.last.body.isComplete, `${method} in chunks`)
      t.equal(origin.last.header('transfer-encoding'), 'chunked')
      t.equal(origin.last.header('content-length'), undefined)
    }
  }
})

scenario('an empty body stays an empty body', async (s, t) => {
  const { gw, origin } = await through(s)
  await gw.fetch({ method: 'POST', body: '' })
  t.equal(origin.last.header('content-length'), '0')
  const client = await gw.client()
  await client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n').whole()
  t.strictSame([origin.last.body.text, origin.last.body.isComplete], ['', true])
})

scenario('trailers of a request pass', async (s, t) => {
  const { gw, origin } = await through(s)
  const client = await gw.client()
  client.send('POST / HTTP/1.1\r\nHost: a\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n')
  await client.chunk('abc').send('0\r\nX-Sum: 1\r\nx-b: \r\n\r\n').whole()
  t.equal(origin.last.header('trailer'), 'X-Sum')
  t.strictSame(origin.last.body.trailerLines, ['X-Sum: 1', 'x-b: '])
})

scenario('fields of the connection to the client stay there, and each hop is named in Via', async (s, t) => {
  const { gw, origin } = await through(s)
  const client = await gw.client()
  client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\n')
  await client
    .send('Keep-Alive: 300\r\nProxy-Connection: x\r\nProxy-Authorization: x\r\nVia: 1.0 fred\r\nX-Kept: 1\r\n\r\n')
    .whole()
  t.strictSame(passed(origin), ['X-Kept: 1'])
  t.strictSame(origin.last.headers('via'), ['1.0 fred', '1.1 latency-gateway'])
})
