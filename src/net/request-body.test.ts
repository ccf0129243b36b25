import { once } from 'node:events'
import type { Readable } from 'node:stream'
import t from 'tap'
import { type BareListener, bareListener } from '../../test/hardening/bare-listener.ts'
import type { Downstream } from '../core/downstream.ts'
import type { RequestBody } from '../core/message.ts'
import type { Entry } from './listener.ts'

const head = (lines: string): string => `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`
const chunked = head('Transfer-Encoding: chunked\r\n')

/** An entry that does nothing but keep what it was given. */
async function holding(t: { teardown(end: () => unknown): void }, config: object = {}): Promise<BareListener> {
  const entry: Entry = (_request, _peer, down) => down.attach({ drained() {}, gone() {} })
  const bare = await bareListener(config, entry)
  t.teardown(() => bare.close())
  return bare
}

function bodyOf(bare: BareListener): RequestBody {
  const body = bare.seen.at(-1)?.request.body
  if (body === null || body === undefined) throw new Error('no body')
  return body
}

function answer(down: Downstream | undefined, status: number): void {
  down?.head(status, 'Status', ['Content-Length', '2'])
  down?.write(Buffer.from('hi'))
  down?.end()
}

/** `once` of node:events would reject for the error that comes first. */
function closing(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    stream.once('close', () => resolve())
  })
}

/** Reads to the end; the code of the error where there is none. */
async function outcomeOf(stream: Readable): Promise<string> {
  let text = ''
  try {
    for await (const chunk of stream) text += chunk
  } catch (thrown) {
    return `error: ${thrown instanceof Error && 'code' in thrown ? thrown.code : thrown}`
  }
  return text
}

t.test('a request without content has no body, nor has one whose length is 0', async (t) => {
  const bare = await holding(t)
  bare.client().send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  bare.client().send(head('Content-Length: 0\r\n'))
  await bare.saw(2)
  for (const { request } of bare.seen) t.equal(request.body, null)
})

t.test('content is handed on as it arrives, with its length and its trailers', async (t) => {
  const bare = await holding(t)
  bare.client().send(`${head('Content-Length: 5\r\n')}hello`)
  await bare.saw(1)
  const sized = bodyOf(bare)
  t.equal(sized.lengthBytes, 5)
  t.equal(await outcomeOf(sized.open()), 'hello')
  t.equal(sized.takenBytes, 5)

  const client = bare.client().send(`${chunked}5\r\nhello\r\n`)
  await bare.saw(2)
  const streamed = bodyOf(bare)
  t.equal(streamed.lengthBytes, undefined)
  const stream = streamed.open()
  const [first] = await once(stream, 'data')
  t.equal(String(first), 'hello')
  client.send('0\r\nx-T: 1\r\nX-t: 2\r\nHost: evil\r\nContent-Type: x\r\n\r\n')
  await once(stream, 'end')
  t.same(streamed.trailers, ['x-T', '1', 'X-t', '2'])
})

t.test('an empty chunked body is a body that ends', async (t) => {
  const bare = await holding(t)
  bare.client().send(`${chunked}0\r\n\r\n`)
  await bare.saw(1)
  t.equal(await outcomeOf(bodyOf(bare).open()), '')
})

t.test('content beyond the limit breaks off, and the client can still be told', async (t) => {
  const bare = await holding(t, { limits: { body_size: '10B' } })
  const client = bare.client().send(`${chunked}5\r\nhello\r\n6\r\nworlds\r\n`)
  await bare.saw(1)
  t.equal(await outcomeOf(bodyOf(bare).open()), 'error: body_too_large')
  answer(bare.seen[0]?.down, 413)
  const received = await client.closed()
  t.match(received, /^HTTP\/1\.1 413 .*\r\nConnection: close\r\n.*hi$/s)
})

t.test('a route may raise or lower the limit', async (t) => {
  const bare = await holding(t, { limits: { body_size: '10B' } })
  bare.client().send(`${head('Content-Length: 20\r\n')}${'x'.repeat(20)}`)
  await bare.saw(1)
  bodyOf(bare).limit(20)
  t.equal((await outcomeOf(bodyOf(bare).open())).length, 20)
  bare.client().send(`${head('Content-Length: 9\r\n')}${'x'.repeat(9)}`)
  await bare.saw(2)
  bodyOf(bare).limit(8)
  t.equal(await outcomeOf(bodyOf(bare).open()), 'error: body_too_large')
})

t.test('an upload whose client leaves never looks complete', async (t) => {
  const bare = await holding(t)
  for (const bytes of [
    `${head('Content-Length: 10\r\n')}hello`,
    `${chunked}5\r\nhello\r\n`,
    `${chunked}5\r\nhello\r\n0\r\n`,
  ]) {
    const client = bare.client().send(bytes)
    await bare.saw(bare.seen.length + 1)
    const stream = bodyOf(bare).open()
    const outcome = outcomeOf(stream)
    client.socket.end()
    t.equal(await outcome, 'error: client_gone')
  }
})

t.test('an upload that is not read yet when its client leaves is broken too, without ending the process', async (t) => {
  const bare = await holding(t)
  const client = bare.client().send(`${head('Content-Length: 10\r\n')}hello`)
  await bare.saw(1)
  const stream = bodyOf(bare).open()
  client.socket.destroy()
  await closing(stream)
  t.equal(stream.destroyed, true)
  t.equal(await outcomeOf(bodyOf(bare).open()), 'error: client_gone')
})

t.test('content with broken chunks breaks off, and the client is told', async (t) => {
  const bare = await holding(t)
  const client = bare.client().send(`${chunked}5\r\nhello\r\nxyz\r\n`)
  await bare.saw(1)
  t.equal(await outcomeOf(bodyOf(bare).open()), 'error: bad_framing')
  answer(bare.seen[0]?.down, 400)
  t.match(await client.closed(), /^HTTP\/1\.1 400 .*hi$/s)
})

t.test('a stream that is destroyed leaves the connection alone, and another can be had', async (t) => {
  const bare = await holding(t)
  const client = bare.client().send(head('Content-Length: 5\r\n'))
  await bare.saw(1)
  const body = bodyOf(bare)
  const first = body.open()
  first.read()
  first.destroy()
  const second = body.open()
  client.send('hello')
  t.equal(await outcomeOf(second), 'hello')
  t.equal(first.destroyed, true)
  answer(bare.seen[0]?.down, 200)
  await client.until('hi')
  client.send('GET /again HTTP/1.1\r\nHost: a\r\n\r\n')
  await bare.saw(2)
})

t.test('content that has been taken once cannot be had again', async (t) => {
  const bare = await holding(t)
  bare.client().send(`${head('Content-Length: 5\r\n')}hello`)
  await bare.saw(1)
  await outcomeOf(bodyOf(bare).open())
  t.match(await outcomeOf(bodyOf(bare).open()), /^error/)
})

t.test('a client that is answered before its content was read sees the answer, and the connection close', async (t) => {
  const bare = await holding(t)
  const client = bare.client().send(head('Content-Length: 100000000\r\n'))
  await bare.saw(1)
  client.send(Buffer.alloc(300_000))
  answer(bare.seen[0]?.down, 403)
  t.match(await client.closed(), /^HTTP\/1\.1 403 .*Connection: close\r\n.*hi$/s)
  t.equal(client.error, undefined)
})

t.test('an answer that is complete before the upload is closes the connection behind it', async (t) => {
  const bare = await holding(t)
  const client = bare.client().send(`${chunked}5\r\nhello\r\n`)
  await bare.saw(1)
  const stream = bodyOf(bare).open()
  await once(stream, 'data')
  answer(bare.seen[0]?.down, 200)
  t.match(await client.closed(), /hi$/)
  t.equal(client.error, undefined)
})

t.test('a client that expects to be asked for its content is asked once, when it is wanted', async (t) => {
  const bare = await holding(t)
  const client = bare.client().send(head('Expect: 100-continue\r\nContent-Length: 5\r\n'))
  await bare.saw(1)
  t.equal(client.received, '')
  const down = bare.seen[0]?.down
  down?.continue()
  down?.continue()
  t.equal(await client.until('\r\n\r\n'), 'HTTP/1.1 100 Continue\r\n\r\n')
  client.send('hello')
  t.equal(await outcomeOf(bodyOf(bare).open()), 'hello')
  answer(down, 200)
  t.match(await client.until('hi'), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /)
  t.notMatch(client.received, /close/)
})

t.test('a client that expects to be asked and is not, is told that the connection closes', async (t) => {
  const bare = await holding(t)
  const client = bare.client().send(head('Expect: 100-continue\r\nContent-Length: 5\r\n'))
  await bare.saw(1)
  answer(bare.seen[0]?.down, 417)
  t.match(await client.closed(), /^HTTP\/1\.1 417 .*Connection: close.*hi$/s)
})

t.test('a client that sends more slowly than body_min_rate is cut off, but only while it is waited for', async (t) => {
  const bare = await holding(t, { limits: { body_min_rate: '1KiB' } })
  const client = bare.client().send(`${chunked}5\r\nhello\r\n`)
  await bare.saw(1)
  t.equal(await outcomeOf(bodyOf(bare).open()), 'error: body_too_slow')
  answer(bare.seen[0]?.down, 408)
  t.match(await client.closed(), /^HTTP\/1\.1 408 .*Connection: close.*hi$/s)
})

t.test('a slow reader holds the client back', async (t) => {
  const bare = await holding(t)
  const total = 64 * 1024 * 1024
  const client = bare.client().send(head(`Content-Length: ${total}\r\n`))
  await bare.saw(1)
  const stream = bodyOf(bare).open()
  await new Promise<void>((resolve) => {
    stream.once('readable', resolve)
    client.send(Buffer.alloc(1024))
  })
  while (client.socket.write(Buffer.alloc(1024 * 1024)));
  t.ok(stream.readableLength < 256 * 1024, 'little is kept')
  t.ok(bodyOf(bare).takenBytes < 1024 * 1024, 'little is taken')
  client.socket.destroy()
  stream.resume()
  await closing(stream)
})
