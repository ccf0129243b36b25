import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { rig, TestBody, until } from '../../test/hardening/bare-upstream.ts'
import { VirtualClock } from '../../test/harness/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { RequestHead } from '../core/message.ts'

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const never = async (connection: { take(pattern: string): Promise<string> }) => void (await connection.take('never'))

/** A request whose body announces trailers. */
function trailed(chunks?: readonly string[]): { request: Partial<RequestHead>; body: TestBody } {
  const body = new TestBody(chunks)
  body.trailers = ['X-Sum', '1', 'x-b', '']
  return {
    request: { method: 'POST', path: '/a', query: '?b', headers: ['X-A', '1', 'Trailer', 'X-Sum', 'x-a', '2'], body },
    body,
  }
}

t.test('OPTIONS * is sent as it is', async (t) => {
  let request = ''
  const { bare } = await rig(t, async (connection) => {
    request = await connection.take()
    connection.write(ok)
  })
  const reader = await bare.get({ method: 'OPTIONS', path: '*', headers: ['X-A', 'b'] })
  t.equal(reader.body, 'ok')
  t.equal(request, 'OPTIONS * HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\nX-A: b\r\n\r\n')
})

t.test('trailers that a request announces are sent, and its answer is that of any request', async (t) => {
  let request = ''
  const { bare } = await rig(t, async (connection) => {
    request = await connection.take('x-b: \r\n\r\n')
    connection.write('HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 201 Made\r\nset-cookie: a\r\nSet-Cookie: b\r\n')
    connection.write('Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n')
  })
  const { reader, x } = bare.fetch(trailed(['abc', 'de']).request)
  await reader.over
  const head = 'POST /a?b HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\nX-A: 1\r\nTrailer: X-Sum\r\nx-a: 2\r\n'
  t.equal(request, `${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\nx-b: \r\n\r\n`)
  t.same(reader.interims, [{ status: 103, headers: ['Link', 'a'] }])
  t.match(reader.response, { status: 201, reason: 'Made' })
  t.same(reader.response?.headers, ['set-cookie', 'a', 'Set-Cookie', 'b'])
  t.equal(reader.body, 'ok')
  t.same(reader.trailers, ['X-T', '1'])
  t.equal(x.tries, 1)
  await until(() => bare.upstream.snapshot().endpoints[0]?.outstanding === 0)
  t.match(bare.upstream.snapshot().endpoints, [{ requests: { '2xx': 1 } }])
})

t.test('a refused connection leaves the content for the next attempt', async (t) => {
  const { bare, backend } = await rig(t, async (connection) => {
    await connection.take('x-b: \r\n\r\n')
    connection.write(ok)
  })
  const { BareUpstream } = await import('../../test/hardening/bare-upstream.ts')
  const two = new BareUpstream(['http://127.0.0.1:1', backend.url])
  t.teardown(() => two.close())
  const { reader, x } = two.fetch(trailed(['abc']).request)
  await reader.over
  t.equal(reader.body, 'ok')
  t.equal(x.tries, 2)
  two.origin.check({ finished: true })
  bare.close()
})

t.test('what the backend does wrong has the same names', async (t) => {
  const wrong: [string, string][] = [
    ['', 'connection_closed'],
    ['garbage\r\n\r\n', 'bad_response'],
    ['HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n', 'bad_response'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf', 'truncated'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhalf', 'bad_response'],
    ['HTTP/1.1 103 X\r\nX: \0\r\n\r\n', 'bad_response'],
  ]
  for (const [bytes, code] of wrong) {
    const { bare } = await rig(t, async (connection) => {
      await connection.take('x-b: \r\n\r\n')
      connection.socket.end(bytes)
    })
    const reader = await bare.get(trailed(['abc']).request)
    t.equal(reader.failure?.code, code, JSON.stringify(bytes))
    t.equal(reader.isEnded, false)
  }
})

t.test('a body that breaks off fails the request and never looks complete', async (t) => {
  const { bare, backend } = await rig(t, never)
  const { request, body } = trailed()
  const { reader } = bare.fetch(request)
  await until(() => body.stream !== undefined)
  body.feed('12345')
  await until(() => backend.connections[0]?.received.includes('12345') === true)
  body.stream?.destroy(new GatewayError('body_too_slow'))
  await reader.over
  t.equal(reader.failure?.code, 'body_too_slow')
  await until(() => backend.connections[0]?.isClosed === true)
  t.notMatch(backend.connections[0]?.received, /0\r\n/)
})

t.test('timeouts and giving up are those of any request', async (t) => {
  const clock = new VirtualClock()
  const { bare, backend } = await rig(t, never, { clock })
  const late = bare.fetch(trailed(['abc']).request)
  await until(() => backend.connections[0]?.received.endsWith('x-b: \r\n\r\n') === true)
  await turn()
  clock.advance(15_100)
  t.equal(late.reader.failure?.code, 'response_timeout')
  await until(() => backend.connections[0]?.isClosed === true)

  const { reader, cancel } = bare.fetch(trailed(['abc']).request)
  await until(() => backend.connections[1]?.received.endsWith('x-b: \r\n\r\n') === true)
  cancel(new GatewayError('client_gone'))
  await until(() => backend.connections[1]?.isClosed === true)
  t.equal(reader.failure, undefined)
  await until(() => bare.upstream.snapshot().endpoints[0]?.outstanding === 0)
})
