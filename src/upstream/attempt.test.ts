import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import {
  type BareUpstream,
  NotingReader,
  type RawConnection,
  rig,
  type Script,
  TestBody,
  until,
} from '../../test/hardening/bare-upstream.ts'
import { GatewayError } from '../core/errors.ts'

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** Answers each request on each connection with the next of `answers`, the last one again and again. */
function answering(...answers: string[]): Script {
  let i = 0
  return async (connection) => {
    for (;;) {
      await connection.take()
      connection.write(answers[Math.min(i++, answers.length - 1)] as string)
    }
  }
}

t.test('a request goes out as it is and its answer comes back as it is', async (t) => {
  let request = ''
  const { bare } = await rig(t, async (connection) => {
    request = await connection.take()
    connection.write('HTTP/1.1 203 Quite Fine\r\nX-b: 1\r\nset-cookie: a\r\nX-A: \r\nSet-Cookie: b\r\n')
    connection.write('Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 9\r\n\r\n')
  })
  const headers = ['X-One', '1', 'x-two', '', 'X-One', 'ä', '__proto__', 'x']
  const { reader, x } = bare.fetch({
    method: 'PURGE',
    path: '/a/b',
    query: '?c=d',
    headers,
    authority: 'example.com:8080',
  })
  await reader.over
  const first = 'PURGE /a/b?c=d HTTP/1.1\r\nhost: example.com:8080\r\nconnection: keep-alive\r\n'
  t.equal(request, `${first}X-One: 1\r\nx-two: \r\nX-One: \xe4\r\n__proto__: x\r\n\r\n`)
  t.match(reader.response, { status: 203, reason: 'Quite Fine' })
  t.same(reader.response?.headers, ['X-b', '1', 'set-cookie', 'a', 'X-A', '', 'Set-Cookie', 'b'])
  t.equal(reader.body, 'abcde')
  t.same(reader.trailers, ['X-Sum', '9'])
  t.equal(x.tries, 1)
  t.match(x.endpoint, /^127\.0\.0\.1:\d+$/)
  bare.origin.check({ finished: true })
})

t.test('a request without an authority gets the endpoint’s', async (t) => {
  let request = ''
  const { bare, backend } = await rig(t, async (connection) => {
    request = await connection.take()
    connection.write(ok)
  })
  await bare.get({ authority: '' })
  t.match(request, `host: 127.0.0.1:${backend.port}\r\n`)
})

t.test('connections are used again, after HEAD too', async (t) => {
  const { bare, backend } = await rig(t, answering('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n', ok))
  t.match(await bare.get({ method: 'HEAD' }), { isEnded: true, body: '' })
  t.match(await bare.get(), { isEnded: true, body: 'ok' })
  t.match(await bare.get(), { isEnded: true, body: 'ok' })
  t.equal(backend.connections.length, 1)
})

t.test('bodies are framed anew: by length, in chunks, or as none', async (t) => {
  const seen: string[] = []
  const { bare } = await rig(t, async (connection) => {
    for (;;) {
      seen.push(await connection.take(/DONE(\r\n0\r\n\r\n)?$|content-length: 0\r\n\r\n|^(GET|DELETE)[\s\S]*\r\n\r\n/))
      connection.write(ok)
    }
  })
  await bare.get({ method: 'POST', body: new TestBody(['ab', 'cDONE'], 7) })
  const body = new TestBody(undefined)
  const { reader } = bare.fetch({ method: 'PUT', body })
  await until(() => body.stream !== undefined)
  body.feed('ab')
  body.feed('cDONE')
  await until(() => body.takenBytes === 7)
  body.stream?.push(null)
  await reader.over
  await turn()
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'GET']) await bare.get({ method, body: null })
  t.match(seen[0], /content-length: 7\r\n\r\nabcDONE$/)
  t.match(seen[1], /transfer-encoding: chunked\r\n\r\n[\s\S]*ab[\s\S]*cDONE\r\n0\r\n\r\n$/)
  for (const request of seen.slice(2, 5)) t.match(request, /content-length: 0\r\n\r\n$/)
  for (const request of seen.slice(5)) t.notMatch(request, /content-length|transfer-encoding/i)
})

t.test('interim answers are passed on, those that belong to one connection are not', async (t) => {
  const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n'
  const { bare } = await rig(t, answering(`${early}HTTP/1.1 102 Processing\r\n\r\n${ok}`))
  const reader = await bare.get()
  t.same(reader.interims, [
    { status: 103, headers: ['Link', '</a>'] },
    { status: 102, headers: [] },
  ])
  t.equal(reader.body, 'ok')
})

t.test('the reason phrase is passed on byte for byte, however it arrives, and has an end', async (t) => {
  const { bare } = await rig(t, async (connection) => {
    await connection.take()
    for (const piece of ['HTTP/1.1 200 Sehr sch', '\xf6n \xff', ' so\r', '\nContent-Length: 0\r\n\r\n']) {
      connection.write(piece)
      await turn()
      await turn()
    }
    await connection.take()
    connection.write(ok)
    await connection.take()
    connection.write(`HTTP/1.1 200 ${'x'.repeat(20_000)}`)
  })
  t.equal((await bare.get()).response?.reason, 'Sehr sch\xf6n \xff so')
  t.equal((await bare.get()).response?.reason, 'OK')
  t.equal((await bare.get()).failure?.code, 'bad_response')
})

t.test('a reader that pauses gets nothing more until it resumes, and then all of it', async (t) => {
  const size = 3_000_000
  const { bare } = await rig(t, async (connection) => {
    await connection.take()
    connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`)
  })
  const reader = new NotingReader()
  let pauses = 0
  reader.accepts = () => {
    pauses++
    setImmediate(() => reader.source?.resume())
    return false
  }
  bare.fetch({}, reader)
  await reader.over
  t.ok(pauses > 10)
  t.equal(reader.body.length, size)
  bare.origin.check({ finished: true })
})

t.test('a pause between two chunks holds, even when the backend closes meanwhile', async (t) => {
  let connection: RawConnection | undefined
  const { bare } = await rig(t, async (made) => {
    connection = made
    await made.take()
    made.write('HTTP/1.1 200 OK\r\n\r\nfirst')
  })
  const { reader } = bare.fetch()
  await until(() => reader.body === 'first')
  reader.source?.pause()
  connection?.socket.end('second')
  for (let i = 0; i < 20; i++) await turn()
  t.equal(reader.body, 'first')
  t.equal(reader.isEnded, false)
  reader.source?.resume()
  await reader.over
  t.equal(reader.body, 'firstsecond')
  t.equal(reader.isEnded, true)
})

t.test('an answer that breaks off is never complete', async (t) => {
  const broken: [string, string][] = [
    ['by length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
    ['inside a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello'],
    ['before the trailer’s end', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 1\r\n'],
    ['by length, to be closed', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\nhello'],
    ['in chunks, to be closed', 'HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello'],
  ]
  for (const [how, bytes] of broken) {
    for (const end of ['FIN', 'RST'] as const) {
      const { bare } = await rig(t, async (connection) => {
        await connection.take()
        connection.write(bytes)
        await turn()
        if (end === 'FIN') connection.socket.end()
        else setTimeout(() => connection.socket.resetAndDestroy(), 20)
      })
      const reader = await bare.get()
      t.match(reader, { isEnded: false, failure: { code: 'truncated' } }, `${how}, ${end}`)
      t.equal(bare.metric('gateway_upstream_requests_total', labelsOf(bare, 'truncated')), 1)
    }
  }
})

t.test('an answer without a length ends with the connection, but not with a reset', async (t) => {
  for (const end of ['FIN', 'RST'] as const) {
    const { bare } = await rig(t, async (connection) => {
      await connection.take()
      connection.write('HTTP/1.0 200 OK\r\n\r\nall of it')
      setTimeout(() => (end === 'FIN' ? connection.socket.end() : connection.socket.resetAndDestroy()), 20)
    })
    const reader = await bare.get()
    t.equal(reader.body, 'all of it')
    t.equal(reader.isEnded, end === 'FIN')
    t.equal(reader.failure?.code, end === 'FIN' ? undefined : 'truncated')
  }
})

t.test('a connection that closes before the answer fails the request once', async (t) => {
  for (const bytes of ['', 'HTTP/1.1 200 OK\r\nContent-']) {
    const { bare, backend } = await rig(t, async (connection) => {
      await connection.take()
      connection.socket.end(bytes)
    })
    const { reader, x } = bare.fetch({ method: 'POST', body: new TestBody(['x'], 1) })
    await reader.over
    t.equal(reader.failure?.code, 'connection_closed')
    t.equal(x.tries, 1)
    t.equal(backend.connections.length, 1)
  }
})

t.test('a kept connection that was closed meanwhile costs nothing', async (t) => {
  const { bare, backend } = await rig(t, async (connection) => {
    await connection.take()
    connection.write(ok)
    connection.socket.end()
  })
  for (let i = 0; i < 10; i++) {
    const { reader, x } = bare.fetch()
    await reader.over
    t.equal(reader.body, 'ok')
    t.equal(x.tries, 1)
    await until(() => backend.connections.every(({ socket }) => socket.destroyed || socket.writableEnded))
  }
})

t.test('an answer that nobody asked for is never the next request’s (CVE-2026-1525)', async (t) => {
  const { bare, backend } = await rig(t, async (connection) => {
    await connection.take()
    connection.write(ok)
    if (connection.number === 1) connection.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
    await connection.take()
    connection.write(ok)
  })
  t.equal((await bare.get()).body, 'ok')
  await until(() => backend.connections[0]?.isClosed === true)
  t.equal((await bare.get()).body, 'ok')
  t.equal(backend.connections.length, 2)
})

t.test('a connection is not used again after an answer that came before the whole request', async (t) => {
  const { bare, backend } = await rig(t, async (connection) => {
    await connection.take()
    connection.write(ok)
  })
  const body = new TestBody(undefined, 10)
  const { reader } = bare.fetch({ method: 'POST', body })
  await until(() => body.stream !== undefined)
  body.feed('12345')
  await reader.over
  t.equal(reader.body, 'ok')
  await until(() => backend.connections[0]?.isClosed === true)
  t.equal(body.stream?.destroyed, true)
  t.equal((await bare.get()).body, 'ok')
  t.equal(backend.connections.length, 2)
})

t.test('a body that breaks off fails the request with its own reason, and closes the connection', async (t) => {
  const { bare, backend } = await rig(t, async (connection) => {
    await connection.take('never')
  })
  const body = new TestBody(undefined)
  const { reader } = bare.fetch({ method: 'POST', body })
  await until(() => body.stream !== undefined)
  body.feed('12345')
  await until(() => backend.connections[0]?.received.includes('12345') === true)
  body.stream?.destroy(new GatewayError('body_too_large'))
  await reader.over
  t.equal(reader.failure?.code, 'body_too_large')
  await until(() => backend.connections[0]?.isClosed === true)
  t.notMatch(backend.connections[0]?.received, /0\r\n\r\n$/)
})

t.test('giving up closes the connection, at every stage of a request', async (t) => {
  const { bare, backend } = await rig(t, async (connection) => {
    await connection.take()
    if (connection.number === 2) connection.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')
  })
  const early = bare.fetch()
  early.cancel(new GatewayError('client_gone'))
  const sent = bare.fetch()
  await until(() => backend.connections.length > 0)
  await turn()
  sent.cancel(new GatewayError('client_gone'))
  sent.cancel(new GatewayError('client_gone'))
  for (const connection of backend.connections) await until(() => connection.isClosed)
  const before = backend.connections.length
  const answering = bare.fetch()
  if (before < 2) {
    await until(() => backend.connections.length > before)
  }
  answering.cancel(new GatewayError('client_gone'))
  t.equal(answering.reader.failure, undefined)
  t.equal(sent.reader.failure, undefined)
  t.equal(bare.metric('gateway_upstream_requests_total', labelsOf(bare, 'client_gone')), 3)
})

t.test('what cannot be sent is refused, and the pool is as good as before', async (t) => {
  const { bare, backend } = await rig(t, answering(ok), { upstream: { pool: { connections: 1 } } })
  const bad: [string, string][] = [
    ['X-A', 'a\r\nb'],
    ['X A', '1'],
    ['Transfer-Encoding', 'chunked'],
    ['X-A', 'ā'],
    ['Expect', '100-continue'],
  ]
  for (const headers of bad) t.equal((await bare.get({ headers })).failure?.code, 'internal', headers.join(': '))
  t.equal((await bare.get({ path: '/a b' })).failure?.code, 'internal')
  t.equal((await bare.get()).body, 'ok')
  t.equal(backend.connections.length, 1)
})

t.test('spans say where the time went', async (t) => {
  const { bare } = await rig(t, answering(ok))
  const { reader, x } = bare.fetch()
  await reader.over
  const [, , queue, connect, wait] = x.spans
  t.ok((queue as number) >= 0 && (connect as number) > 0 && (wait as number) > 0)
})

function labelsOf(bare: BareUpstream, outcome: string): Record<string, string> {
  const endpoint = new URL(bare.upstream.snapshot().endpoints[0]?.url as string).host
  return { upstream: 'up', endpoint, outcome }
}
