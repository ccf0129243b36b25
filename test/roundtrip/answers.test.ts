/** Answers pass through as they are: what the origin sends is compared with what the client gets, byte for byte. */

import type { RequestParts } from '../harness/client.ts'
import type { TestGateway } from '../harness/gateway.ts'
import { exactly, type ScriptedOrigin } from '../harness/origin.ts'
import { type Scenario, scenario } from '../harness/scenario.ts'

async function through(s: Scenario, ...parts: string[]): Promise<{ gw: TestGateway; origin: ScriptedOrigin }> {
  const origin = await s.origin(exactly(...parts))
  return { origin, gw: await s.gateway({ routes: [{ upstream: origin.url }] }) }
}

/** What the gateway says of its own on this hop, and the Date that it must add where there is none (RFC 9110 §6.6.1). */
const ours = /^(?:connection|keep-alive|via|date):/i

/** The header lines of the answer to one request, without those of the connection. */
async function lines(gw: TestGateway, parts: RequestParts = {}): Promise<string[]> {
  return (await gw.fetch(parts)).lines.filter((line) => !ours.test(line))
}

scenario('header lines keep their order, their case, their number and their empty values', async (s, t) => {
  const sent = [
    'X-B: 2',
    'x-a: 1',
    'SET-COOKIE: a=1; Path=/',
    'X-Empty: ',
    'Set-Cookie: b=2, c=3',
    'X-B: 3',
    'set-cookie: a=1; Path=/',
    'ETag: "x"',
    'X-Utf8: caf\u00c3\u00a9',
    'x-quoted: "a, b", c="\\""',
    'Content-Length: 2',
  ]
  const { gw } = await through(s, `HTTP/1.1 200 OK\r\n${sent.join('\r\n')}\r\n\r\nok`)
  t.strictSame(await lines(gw), sent)
})

scenario('status codes and reasons pass as they are, also odd and empty ones', async (s, t) => {
  for (const statusLine of [
    '200 OK',
    '200 Very Fine',
    '200 ',
    '299 Something',
    '418 I am a teapot',
    '599 caf\u00c3\u00a9',
    '451 x',
  ]) {
    const { gw } = await through(s, `HTTP/1.1 ${statusLine}\r\nContent-Length: 0\r\n\r\n`)
    t.equal((await gw.get('/')).statusLine, `HTTP/1.1 ${statusLine}`)
  }
})

scenario('no Server, type or length is invented', async (s, t) => {
  const { gw } = await through(s, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  t.strictSame(await lines(gw), ['Content-Length: 2'])
})

scenario('bodies pass unchanged in every framing, empty ones too', async (s, t) => {
  const binary = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('')
  for (const body of ['', 'x', '\r\n\r\n', binary, 'y'.repeat(300_000)]) {
    const length = await through(s, `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`, body)
    const first = await length.gw.get('/')
    t.ok(first.text === body && first.isComplete && first.header('content-length') === String(body.length))

    const chunk = body === '' ? '' : `${body.length.toString(16)};ext=1\r\n${body}\r\n`
    const chunked = await through(s, `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`)
    const second = await chunked.gw.get('/')
    t.ok(second.text === body && second.isComplete && second.header('transfer-encoding') === 'chunked')
  }
})

scenario('HEAD keeps the fields of GET, and the connection goes on', async (s, t) => {
  const { gw, origin } = await through(s, 'HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 12345\r\n\r\n')
  const client = await gw.client()
  for (let i = 0; i < 2; i++) {
    const answer = await client.fetch({ method: 'HEAD' })
    t.strictSame([answer.status, answer.header('content-length'), answer.text], [200, '12345', ''])
  }
  t.equal(origin.last.method, 'HEAD')
  t.equal(origin.connections, 1)
})

scenario('204 and 304 have no content, and the connection goes on', async (s, t) => {
  const cases: [head: string, length: string | undefined][] = [
    ['204 No Content\r\nX-A: 1', undefined],
    ['304 Not Modified\r\nETag: "a"\r\nContent-Length: 77', '77'],
    ['304 Not Modified\r\nETag: "a"', undefined],
    ['205 Reset Content\r\nContent-Length: 0', '0'],
  ]
  for (const [head, length] of cases) {
    const { gw } = await through(s, `HTTP/1.1 ${head}\r\n\r\n`)
    const client = await gw.client()
    for (let i = 0; i < 2; i++) {
      const answer = await client.fetch()
      t.equal(answer.statusLine, `HTTP/1.1 ${head.split('\r\n')[0]}`)
      t.equal(answer.header('content-length'), length, head)
      t.equal(answer.header('transfer-encoding'), undefined)
    }
  }
})

scenario('interim answers pass in order, before the final one', async (s, t) => {
  const interims = [
    'HTTP/1.1 102 Processing\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nlink: </b>\r\nX-Empty: \r\n\r\n',
  ]
  const { gw } = await through(s, ...interims, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  const answer = await gw.get('/')
  t.strictSame(
    answer.interims.map((interim) => interim.raw),
    interims,
  )
  t.equal(answer.text, 'ok')
})

scenario('trailers pass with their names, order and number', async (s, t) => {
  const trailers = ['X-Checksum: abc', 'x-b: ', 'X-B: 2']
  const { gw } = await through(
    s,
    'HTTP/1.1 200 OK\r\nTrailer: X-Checksum, X-B\r\nTransfer-Encoding: chunked\r\n\r\n',
    `2\r\nok\r\n0\r\n${trailers.join('\r\n')}\r\n\r\n`,
  )
  const answer = await gw.get('/')
  t.equal(answer.header('trailer'), 'X-Checksum, X-B')
  t.strictSame(answer.trailerLines, trailers)
})

scenario('fields of the connection to the backend stay there', async (s, t) => {
  const { gw } = await through(
    s,
    'HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\n' +
      'Upgrade: h2c\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nok',
  )
  const client = await gw.client()
  for (let i = 0; i < 2; i++) {
    const answer = await client.fetch()
    t.strictSame(
      answer.lines.filter((line) => !ours.test(line)),
      ['X-Kept: 1', 'Content-Length: 2'],
    )
    t.notMatch(answer.raw, /X-Hop/i)
  }
})

scenario('a Date passes as it is', async (s, t) => {
  const { gw } = await through(s, 'HTTP/1.1 200 OK\r\ndate: Tue, 01 Jan 2030 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n')
  t.strictSame((await gw.get('/')).headers('date'), ['Tue, 01 Jan 2030 00:00:00 GMT'])
})
