import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import {
  BareUpstream,
  exchangeOf,
  NotingReader,
  RawBackend,
  type RawConnection,
  type Script,
  until,
} from '../../test/hardening/bare-upstream.ts'
import { VirtualClock } from '../../test/harness/clock.ts'
import { requestHead, testRoute } from '../../test/harness/exchange.ts'
import type { TunnelOwner } from '../core/downstream.ts'
import { GatewayError } from '../core/errors.ts'
import type { Exchange } from '../core/exchange.ts'
import type { Cancel } from '../core/origin.ts'
import { retrySchema, timeoutsSchema } from './schema-tries.ts'

/** RFC 6455 §1.3: the sample key and its answer. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
const switching = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`

class Owner extends NotingReader implements TunnelOwner {
  isOpen = false
  sentBytes: number | undefined = undefined

  opened(): void {
    this.isOpen = true
  }

  closed(sentBytes: number): void {
    this.sentBytes = sentBytes
  }
}

interface Opened {
  readonly client: RawClient
  readonly owner: Owner
  readonly x: Exchange
  readonly cancel: Cancel
}

class RawClient {
  readonly socket: Socket
  received = ''
  isClosed = false

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    this.socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1')
    })
    for (const event of ['end', 'close']) {
      this.socket.on(event, () => {
        this.isClosed = true
      })
    }
    this.socket.on('error', () => {})
  }
}

interface RigOptions {
  readonly clock?: VirtualClock
  readonly urls?: readonly string[]
  readonly headers?: string[]
  readonly path?: string
  readonly query?: string
  /** Bytes sent together with the handshake. */
  readonly early?: string
}

/** A front that opens a tunnel for each handshake, and a client that sends one. */
async function rig(t: Test, script: Script, options: RigOptions = {}) {
  const backend = await new RawBackend(script).listen()
  const bare = new BareUpstream([...(options.urls ?? []), backend.url], options.clock ? { clock: options.clock } : {})
  const policies = {
    route: testRoute,
    hedge: false as const,
    timeouts: timeoutsSchema.parse({}),
    retry: retrySchema.parse(true),
  }
  const tunnel = bare.upstream.tunnel(policies, (_x, req) => req)
  const sockets: Socket[] = []
  const front = createServer()
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  const address = front.address()
  const client = new RawClient(typeof address === 'object' && address !== null ? address.port : 0)
  client.socket.write(
    `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${options.early ?? ''}`,
  )
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    client.socket.destroy()
    bare.close()
    await backend.close()
    await new Promise((resolve) => front.close(resolve))
  })
  const [incoming, socket, head] = await once(front, 'upgrade')
  sockets.push(socket)
  socket.on('error', () => {})
  const owner = new Owner()
  const headers = options.headers ?? ['Sec-WebSocket-Key', KEY, 'Sec-WebSocket-Version', '13']
  const request = requestHead({ headers, path: options.path ?? '/chat', query: options.query ?? '' })
  const x = exchangeOf(request)
  const cancel = tunnel.open(x, request, { incoming, socket, head }, owner)
  const opened: Opened = { client, owner, x, cancel }
  return { ...opened, backend, bare, socket: socket as Socket }
}

/** Opens the WebSocket and sends back what it gets. */
const echoing: Script = async (connection) => {
  await connection.take()
  connection.write(switching)
  connection.socket.on('data', (chunk: Buffer) => connection.socket.write(chunk))
  connection.socket.on('end', () => connection.socket.end())
}

t.test('bytes flow both ways, those that came with the handshakes too', async (t) => {
  const { client, owner, x, bare } = await rig(
    t,
    async (connection) => {
      await connection.take()
      connection.write(`${switching}with the answer `)
      await connection.take('early')
      connection.write('and after')
      connection.socket.end()
    },
    { early: 'early' },
  )
  await until(() => client.received.endsWith('and after'))
  t.match(client.received, /^HTTP\/1\.1 101 Switching Protocols\r\n[\s\S]*\r\n\r\nwith the answer and after$/)
  t.match(client.received, `Sec-WebSocket-Accept: ${ACCEPT}\r\n`)
  t.equal(owner.isOpen, true)
  client.socket.end()
  await until(() => owner.sentBytes !== undefined)
  t.equal(owner.sentBytes, client.received.length)
  t.equal(x.tries, 1)
  await until(() => bare.upstream.snapshot().endpoints[0]?.tunnels === 0)
})

t.test('the handshake goes out as it was prepared', async (t) => {
  const headers = [
    ...['X-One', 'a', 'X-Two', '', 'x-one', 'b', '__proto__', 'c'],
    ...['Sec-WebSocket-Key', KEY, 'Sec-WebSocket-Version', '13', 'Sec-WebSocket-Protocol', 'chat, superchat'],
  ]
  let request = ''
  await rig(
    t,
    async (connection) => {
      request = await connection.take()
      connection.write(switching)
    },
    { headers, path: '/a//b/%2e;c', query: "?q='%20|//&?&q" },
  ).then(({ owner }) => until(() => owner.isOpen))
  const [start, ...lines] = request.split('\r\n')
  t.equal(start, "GET /a//b/%2e;c?q='%20|//&?&q HTTP/1.1")
  t.same(lines.slice(0, -2), [
    'Host: example.com',
    'X-One: a',
    'X-One: b',
    'X-Two: ',
    '__proto__: c',
    `Sec-WebSocket-Key: ${KEY}`,
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Protocol: chat, superchat',
    'connection: Upgrade',
    'upgrade: websocket',
  ])
})

const another = (accept: string, fields = 'Upgrade: websocket\r\nConnection: Upgrade\r\n') =>
  `HTTP/1.1 101 Switching Protocols\r\n${fields}${accept}\r\n`

const wrong: [string, string][] = [
  ['no Sec-WebSocket-Accept', another('')],
  ['the wrong Sec-WebSocket-Accept', another('Sec-WebSocket-Accept: AAAA\r\n')],
  ['two Sec-WebSocket-Accept', another(`Sec-WebSocket-Accept: ${ACCEPT}\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n`)],
  ['another protocol', another(`Sec-WebSocket-Accept: ${ACCEPT}\r\n`, 'Upgrade: h2c\r\nConnection: Upgrade\r\n')],
  [
    'two protocols',
    another(`Sec-WebSocket-Accept: ${ACCEPT}\r\n`, 'Upgrade: websocket, h2c\r\nConnection: Upgrade\r\n'),
  ],
  ['no Upgrade', another(`Sec-WebSocket-Accept: ${ACCEPT}\r\n`, 'Connection: Upgrade\r\n')],
  ['no Connection', another(`Sec-WebSocket-Accept: ${ACCEPT}\r\n`, 'Upgrade: websocket\r\n')],
  ['Transfer-Encoding', another(`Sec-WebSocket-Accept: ${ACCEPT}\r\nTransfer-Encoding: chunked\r\n`)],
  ['garbage', 'garbage\r\n\r\n'],
  ['NUL in a field', another(`Sec-WebSocket-Accept: ${ACCEPT}\r\nX: \0\r\n`)],
]
for (const [what, answer] of wrong) {
  t.test(`a 101 with ${what} opens no tunnel (CVE-2024-23326)`, async (t) => {
    const { client, owner, backend, socket } = await rig(t, async (connection) => {
      await connection.take()
      connection.write(`${answer}evil`)
    })
    await owner.over
    t.equal(owner.failure?.code, 'bad_response')
    t.equal(owner.isOpen, false)
    await until(() => backend.connections[0]?.isClosed === true)
    t.equal(client.received, '')
    t.equal(socket.writable, true, 'the client can still be answered')
  })
}

t.test('any other answer is passed on as what it is', async (t) => {
  const { client, owner } = await rig(t, async (connection) => {
    await connection.take()
    connection.write('HTTP/1.1 401 Who Are You\r\nWWW-Authenticate: Basic\r\nSet-Cookie: a\r\nset-cookie: b\r\n')
    connection.write('Transfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\nX-T: 1\r\n\r\n')
  })
  await owner.over
  t.match(owner.response, { status: 401, reason: 'Who Are You' })
  t.same(owner.response?.headers, ['WWW-Authenticate', 'Basic', 'Set-Cookie', 'a', 'set-cookie', 'b'])
  t.equal(owner.body, 'no')
  t.same(owner.trailers, ['X-T', '1'])
  t.equal(owner.isEnded, true)
  t.equal(client.received, '', 'by the owner, not past it')
})

t.test('an answer that breaks off is not complete, and a slow reader is waited for', async (t) => {
  const { owner } = await rig(t, async (connection) => {
    await connection.take()
    connection.write('HTTP/1.1 403 No\r\nContent-Length: 10\r\n\r\nhalf')
    await turn()
    connection.socket.end()
  })
  await owner.over
  t.equal(owner.isEnded, false)
  t.equal(owner.failure?.code, 'truncated')

  const size = 2_000_000
  const slow = await rig(t, async (connection) => {
    await connection.take()
    connection.write(`HTTP/1.1 403 No\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`)
  })
  slow.owner.accepts = () => {
    setImmediate(() => slow.owner.source?.resume())
    return false
  }
  await slow.owner.over
  t.equal(slow.owner.body.length, size)
})

t.test('when either side leaves, the other is closed', async (t) => {
  const leaving: ((client: RawClient, backend: RawConnection) => void)[] = [
    (client) => client.socket.end(),
    (client) => client.socket.resetAndDestroy(),
    (_client, backend) => backend.socket.end(),
    (_client, backend) => backend.socket.resetAndDestroy(),
  ]
  for (const leave of leaving) {
    const { client, owner, backend, bare } = await rig(t, echoing)
    client.socket.on('end', () => client.socket.end())
    await until(() => owner.isOpen && client.received.includes('\r\n\r\n'))
    client.socket.write('hello')
    await until(() => client.received.endsWith('hello'))
    t.match(bare.upstream.snapshot().endpoints, [{ tunnels: 1, outstanding: 1 }])
    leave(client, backend.connections[0] as RawConnection)
    await until(() => client.isClosed || client.socket.destroyed)
    await until(() => backend.connections[0]?.isClosed === true || backend.connections[0]?.socket.destroyed === true)
    await until(() => owner.sentBytes !== undefined)
    t.match(bare.upstream.snapshot().endpoints, [{ tunnels: 0 }])
  }
})

t.test('a side that does not take the hint is closed for it after a while', async (t) => {
  const clock = new VirtualClock()
  const { client, owner, backend } = await rig(
    t,
    async (connection) => {
      await connection.take()
      connection.write(switching)
    },
    { clock },
  )
  await until(() => owner.isOpen && client.received !== '')
  client.socket.end()
  await until(() => backend.connections[0]?.isClosed === true)
  await turn()
  t.equal(owner.sentBytes, undefined)
  clock.advance(31_000)
  await until(() => owner.sentBytes !== undefined && client.socket.destroyed)
})

t.test('a quiet WebSocket stays open', async (t) => {
  const clock = new VirtualClock()
  const { client, owner } = await rig(t, echoing, { clock })
  await until(() => owner.isOpen)
  clock.advance(3_600_000)
  client.socket.write('still there')
  await until(() => client.received.endsWith('still there'))
})

t.test('a handshake that is not answered times out', async (t) => {
  const clock = new VirtualClock()
  const { owner, backend } = await rig(t, async (connection) => void (await connection.take('never')), { clock })
  await until(() => backend.connections[0]?.received.endsWith('\r\n\r\n') === true)
  await turn()
  clock.advance(15_100)
  await owner.over
  t.equal(owner.failure?.code, 'response_timeout')
  await until(() => backend.connections[0]?.isClosed === true)
})

t.test('a refused connection is tried again elsewhere, a closed one fails', async (t) => {
  const { owner, x, client } = await rig(t, echoing, { urls: ['http://127.0.0.1:1'] })
  await until(() => owner.isOpen)
  t.equal(x.tries, 2)
  client.socket.write('x')
  await until(() => client.received.endsWith('x'))

  const closed = await rig(t, async (connection) => {
    await connection.take()
    connection.socket.end()
  })
  await closed.owner.over
  t.equal(closed.owner.failure?.code, 'connection_closed')
  t.equal(closed.socket.writable, true)
})

t.test('given up before or after it opened, nothing is left', async (t) => {
  const early = await rig(t, echoing)
  early.cancel(new GatewayError('client_gone'))
  early.cancel(new GatewayError('client_gone'))
  await turn()
  t.equal(early.owner.isOpen, false)
  t.equal(early.owner.failure, undefined)

  const { owner, cancel, backend, socket, bare } = await rig(t, echoing)
  await until(() => owner.isOpen)
  cancel(new GatewayError('draining'))
  await until(() => backend.connections[0]?.isClosed === true)
  socket.destroy()
  await until(() => bare.upstream.snapshot().endpoints[0]?.tunnels === 0)
  t.equal(owner.sentBytes, undefined)
})
