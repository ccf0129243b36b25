/** Advisories that take more than one message to show: through the whole gateway, over real sockets. */
import { gzipSync } from 'node:zlib'
import { reply } from '../harness/origin.ts'
import { scenario } from '../harness/scenario.ts'

for (const [how, framing] of [
  ['announced', 'Content-Length: 1000000\r\n'],
  ['chunked', 'Transfer-Encoding: chunked\r\n'],
] as const) {
  scenario(`CVE-2024-24791: a connection whose ${how} request was answered early is not used again`, async (s, t) => {
    const early = 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n'
    const origin = await s.origin((_request, answer) => answer.send(early), reply(200, {}, 'next'))
    const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
    const client = await gw.client()
    // Its rest would be read as a request, were the connection used again.
    const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
    const part = how === 'chunked' ? `${smuggled.length.toString(16)}\r\n${smuggled}\r\n` : smuggled
    client.send(`POST /upload HTTP/1.1\r\nHost: a\r\n${framing}\r\n${part}`)
    t.match((await client.head()).startLine, /^HTTP\/1\.1 413 /)
    t.equal((await gw.get('/next')).text, 'next')
    t.strictSame(
      origin.requests.map(({ target, connection }) => [target, connection]),
      [
        ['/upload', 1],
        ['/next', 2],
      ],
    )
  })
}

for (const [advisory, answer] of [
  ['CVE-2024-23326', 'HTTP/1.1 200 OK\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nno'],
  ['CVE-2026-58055', 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n'],
  ['CVE-2026-1527', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
] as const) {
  scenario(`${advisory}: no tunnel without a 101 that answers the handshake`, async (s, t) => {
    const origin = await s.origin(
      (_request, answering) => answering.send(answer),
      reply(200, {}, 'a request of its own'),
    )
    const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
    const client = await gw.client()
    client.send(
      'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    t.match((await client.head()).startLine, /^HTTP\/1\.1 (?:200|502) /)
    client.send('GET /admin HTTP/1.1\r\nHost: a\r\n\r\n')
    t.equal((await gw.get('/')).text, 'a request of its own')
    t.notOk(origin.requests.some(({ connection, target }) => connection === 1 && target === '/admin'))
  })
}

scenario('CVE-2026-22036: a long chain of codings is passed on as it came, never undone here', async (s, t) => {
  let body: Buffer = Buffer.from('x'.repeat(1000))
  for (let i = 0; i < 12; i++) body = gzipSync(body)
  const chain = Array.from({ length: 12 }, () => 'gzip').join(', ')
  const origin = await s.origin(reply(200, { 'content-encoding': chain, 'content-type': 'text/plain' }, body))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true, cache: true }] })
  const passed = await gw.get('/', { headers: ['Accept-Encoding', 'identity'] })
  t.equal(passed.header('content-encoding'), chain)
  t.same(passed.body.bytes, body)
})

scenario(
  'CVE-2026-22036: a request with a long chain of codings is refused where codings are taken off',
  async (s, t) => {
    let body: Buffer = Buffer.from('x'.repeat(1000))
    for (let i = 0; i < 12; i++) body = gzipSync(body)
    const chain = Array.from({ length: 12 }, () => 'gzip').join(', ')
    const origin = await s.origin(reply(200, {}, 'reached'))
    const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: { decompress_requests: true } }] })
    const refused = await gw.fetch({ method: 'POST', target: '/', headers: ['Content-Encoding', chain], body })
    t.equal(refused.status, 415)
    t.equal(origin.requests.length, 0)
  },
)

/** A masked text frame that claims to be compressed (RSV1, RFC 7692 §6), with content that no inflater would accept. */
const compressedFrame = Buffer.from([0xc1, 0x83, 0, 0, 0, 0, 0xff, 0xff, 0xff])

for (const [advisory, extension] of [
  ['CVE-2026-1526', 'permessage-deflate'],
  ['CVE-2026-2229', 'permessage-deflate; server_max_window_bits=1000'],
] as const) {
  scenario(`${advisory}: compressed frames pass through a tunnel as they are, never inflated here`, async (s, t) => {
    const origin = await s.origin(async (_request, answering) => {
      answering.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n')
      answering.send(
        `Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: ${extension}\r\n\r\n`,
      )
      answering.send(await answering.incoming.exactly(compressedFrame.byteLength))
    })
    const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
    const client = await gw.client()
    client.send(
      'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n',
    )
    const answer = await client.answer()
    t.equal(answer.status, 101)
    t.equal(answer.header('sec-websocket-extensions'), extension)
    t.equal(origin.last.header('sec-websocket-extensions'), 'permessage-deflate')
    client.send(compressedFrame)
    t.same(await client.incoming.exactly(compressedFrame.byteLength), compressedFrame)
  })
}
