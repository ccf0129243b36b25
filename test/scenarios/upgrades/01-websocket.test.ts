import { once } from 'node:events'
import WebSocket, { WebSocketServer } from 'ws'
import { deadUrl, exactly, reply } from '../../harness/origin.ts'
import { type Scenario, scenario } from '../../harness/scenario.ts'

const handshake = [
  'GET /chat HTTP/1.1',
  'Host: a',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]

/** A WebSocket backend that sends back what it gets; `seen` are the requests that opened it. */
async function echo(s: Scenario) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  const seen: { url?: string | undefined; headers: NodeJS.Dict<string | string[]> }[] = []
  server.on('connection', (socket, request) => {
    seen.push({ url: request.url, headers: request.headers })
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
    socket.on('error', () => {})
  })
  s.atEnd(async () => {
    for (const client of server.clients) client.terminate()
    await new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  return { server, seen, url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}` }
}

function open(s: Scenario, url: string, options: WebSocket.ClientOptions = {}): WebSocket {
  const socket = new WebSocket(url, options)
  socket.on('error', () => {})
  s.atEnd(async () => socket.terminate())
  return socket
}

scenario('messages pass both ways through a route, with its rewrites', async (s, t) => {
  const backend = await echo(s)
  const gw = await s.gateway({
    routes: [
      {
        match: '/ws/**',
        upstream: backend.url,
        rewrite: { strip_prefix: '/ws' },
        request_headers: { set: { 'X-Set': '1' } },
      },
    ],
  })
  const socket = open(s, `ws://${gw.address}/ws/chat?room=1`, { headers: { 'X-Forwarded-For': '6.6.6.6' } })
  await once(socket, 'open')
  for (const message of ['hello', 'x'.repeat(200_000)]) {
    socket.send(message)
    t.equal(String((await once(socket, 'message'))[0]), message)
  }
  t.equal(backend.seen[0]?.url, '/chat?room=1')
  t.equal(backend.seen[0]?.headers['x-set'], '1')
  t.equal(backend.seen[0]?.headers['x-forwarded-for'], '127.0.0.1')
  socket.close(1000, 'bye')
  t.equal((await once(socket, 'close'))[0], 1000)
})

scenario('either side’s end is the other’s', async (s, t) => {
  const backend = await echo(s)
  const gw = await s.gateway({ routes: [{ upstream: backend.url }] })
  const first = open(s, `ws://${gw.address}/`)
  await once(first, 'open')
  for (const client of backend.server.clients) client.terminate()
  t.equal((await once(first, 'close'))[0], 1006)

  const arrived = once(backend.server, 'connection')
  const second = open(s, `ws://${gw.address}/`)
  const [atBackend] = (await arrived) as [WebSocket]
  await once(second, 'open')
  second.terminate()
  await once(atBackend, 'close')
})

scenario('a backend that refuses the upgrade has its answer passed on', async (s, t) => {
  const origin = await s.origin(reply(403, { 'X-Why': 'members only' }, 'no'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  const client = await gw.client()
  const answer = await client.send(`${handshake.join('\r\n')}\r\n\r\n`).whole()
  t.match(answer, { status: 403, text: 'no' })
  t.equal(answer.header('x-why'), 'members only')
})

scenario(
  'a backend that is not there is 502, and a route with an answer of its own gives that (RFC 9110 §7.8)',
  async (s, t) => {
    const gw = await s.gateway({
      routes: [{ match: '/chat', upstream: await deadUrl() }, { respond: { body: 'x' } }],
    })
    const client = await gw.client()
    t.equal((await client.send(`${handshake.join('\r\n')}\r\n\r\n`).whole()).status, 502)
    const other = await gw.client()
    const request = handshake.join('\r\n').replace('/chat', '/other')
    t.match(await other.send(`${request}\r\n\r\n`).whole(), { status: 200, text: 'x' })
  },
)

scenario('only WebSocket is tunnelled, and only after a 101 that accepts it', async (s, t) => {
  const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: '
  const origin = await s.origin(
    exactly(`${switching}websocket\r\nSec-WebSocket-Accept: wrong\r\n\r\nsecret`),
    reply(200, {}, 'plain'),
  )
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  const client = await gw.client()
  const refused = await client.send(`${handshake.join('\r\n')}\r\n\r\n`).whole()
  t.equal(refused.status, 502)
  t.notMatch(refused.text, 'secret')

  const h2c = await gw.client()
  const answer = await h2c.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n').whole()
  t.equal(answer.text, 'plain')
  t.equal(origin.last.header('upgrade'), undefined)
})

scenario('bytes that come with the handshakes are not lost', async (s, t) => {
  const accept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
  const origin = await s.origin(async (_request, answer) => {
    answer.send('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n')
    answer.send(`Sec-WebSocket-Accept: ${accept}\r\n\r\n`, 'from the backend')
    answer.send(await answer.incoming.exactly(15))
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  const client = await gw.client()
  const answer = await client.send(`${handshake.join('\r\n')}\r\n\r\n`, 'from the client').answer()
  t.equal(answer.status, 101)
  t.equal(answer.header('sec-websocket-accept'), accept)
  t.equal((await client.incoming.exactly(31)).toString(), 'from the backendfrom the client')
})
