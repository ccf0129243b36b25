import { createGunzip } from 'node:zlib'
import { type Answering, reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'
import { eventually } from '../../harness/wire.ts'
import { accept, codings, decode, decoded, json, listing, noise } from './coding.ts'

const small = listing(4_000)
const large = listing(300_000)

for (const coding of codings) {
  scenario(`a client that takes ${coding} gets it, and the same bytes out of it`, async (s, t) => {
    const origin = await s.origin((request, answer) =>
      reply(200, { ...json, etag: '"v1"' }, request.target === '/large' ? large : small)(request, answer),
    )
    const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
    for (const [target, body] of [
      ['/small', small],
      ['/large', large],
    ] as const) {
      const answer = await gw.get(target, { headers: accept(coding) })
      t.equal(answer.header('content-encoding'), coding)
      t.equal(answer.header('content-length'), undefined)
      t.equal(answer.header('vary'), 'Accept-Encoding')
      t.equal(answer.header('etag'), `"v1~${coding}"`)
      t.ok(answer.isComplete)
      t.ok(answer.body.bytes.length < body.length / 2)
      t.equal(decoded(answer), body)
    }
    t.equal(origin.last.header('accept-encoding'), 'identity')
    t.equal(await gw.metric('gateway_compression_answers_total', { encoding: coding, level: 'normal' }), 2)
    t.equal(await gw.metric('gateway_compression_bytes_total', { direction: 'in' }), small.length + large.length)
  })
}

scenario(
  'weights decide first, then the order of the configuration; identity when nothing else is wanted',
  async (s, t) => {
    const origin = await s.origin(reply(200, json, small))
    const gw = await s.gateway({
      routes: [
        { match: '/gzip-first', upstream: origin.url, compression: { encodings: ['gzip', 'br'] } },
        { match: '/**', upstream: origin.url, compression: true },
      ],
    })
    const chosen = async (target: string, ...headers: string[]) => {
      const answer = await gw.get(target, { headers })
      t.equal(decoded(answer), small)
      t.equal(answer.header('vary'), 'Accept-Encoding', 'the choice could differ')
      return answer.header('content-encoding')
    }
    t.equal(await chosen('/', ...accept('gzip, deflate, br, zstd')), 'zstd')
    t.equal(await chosen('/', ...accept('gzip;q=1, zstd;q=0.5, br;q=0.7')), 'gzip')
    t.equal(await chosen('/', ...accept('*')), 'zstd')
    t.equal(await chosen('/', ...accept('zstd;q=0, *')), 'br')
    t.equal(await chosen('/', ...accept('GZIP')), 'gzip')
    t.equal(await chosen('/', ...accept('x-gzip')), 'gzip')
    t.equal(await chosen('/', ...accept('gzip;q=0')), undefined)
    t.equal(await chosen('/', ...accept('identity, gzip;q=0.5')), undefined)
    t.equal(await chosen('/', ...accept('')), undefined)
    t.equal(await chosen('/', ...accept('deflate, compress')), undefined)
    t.equal(await chosen('/', ...accept('gzip;q=2')), undefined)
    t.equal(await chosen('/', ...accept('gzip'), ...accept('br')), 'br')
    t.equal(await chosen('/'), undefined)
    t.equal(await chosen('/gzip-first', ...accept('gzip, deflate, br, zstd')), 'gzip')
    t.equal(await chosen('/gzip-first', ...accept('zstd')), undefined)
    t.equal(await gw.metric('gateway_compression_skipped_total', { reason: 'not-accepted' }), 6)
  },
)

scenario('what does not pay, or must not be touched, goes out as it came', async (s, t) => {
  const origin = await s.origin((request, answer) => {
    const cases: Record<string, [number, Record<string, string>, string]> = {
      '/image': [200, { 'content-type': 'image/png' }, small],
      '/untyped': [200, {}, small],
      '/tiny': [200, json, '{}'],
      '/fixed': [200, { ...json, 'cache-control': 'max-age=1, no-transform' }, small],
      '/coded': [200, { ...json, 'content-encoding': 'compress' }, small],
      '/part': [206, { ...json, 'content-range': 'bytes 0-9/100' }, small],
      '/grpc': [200, { 'content-type': 'application/grpc+json' }, small],
    }
    const [status, fields, body] = cases[request.target] ?? [404, {}, '']
    return reply(status, { ...fields, etag: '"v1"', 'content-md5': 'x' }, body)(request, answer)
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
  const asCame = async (target: string, reason: string, ...more: string[]) => {
    const answer = await gw.get(target, { headers: [...accept('gzip, br, zstd'), ...more] })
    t.equal(answer.header('etag'), '"v1"', target)
    t.equal(answer.header('content-md5'), 'x', target)
    t.equal(answer.header('content-length'), String(answer.body.bytes.length), target)
    t.equal(await gw.metric('gateway_compression_skipped_total', { reason }), 1, reason)
    return answer
  }
  t.equal((await asCame('/image', 'type')).header('vary'), undefined, 'everybody gets the same')
  t.equal((await asCame('/tiny', 'size')).header('vary'), undefined)
  t.equal((await asCame('/fixed', 'no-transform')).header('vary'), undefined)
  t.equal((await asCame('/coded', 'encoded')).header('content-encoding'), 'compress')
  t.equal((await asCame('/part', 'partial')).header('vary'), 'Accept-Encoding')
  for (const field of ['gzip', 'gzip, identity;q=0']) {
    const grpc = await gw.get('/grpc', { headers: accept(field) })
    t.strictSame([grpc.header('content-encoding'), grpc.header('vary')], [undefined, undefined], field)
  }
  const untyped = await gw.get('/untyped', { headers: accept('gzip') })
  t.equal(untyped.header('content-encoding'), undefined)
})

scenario('a client that asks for no transformation deals with the backend alone', async (s, t) => {
  const origin = await s.origin(reply(200, json, small))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
  const answer = await gw.get('/', { headers: [...accept('gzip'), 'Cache-Control', 'no-transform'] })
  t.equal(answer.header('content-encoding'), undefined)
  t.equal(origin.last.header('accept-encoding'), 'gzip')
})

scenario('a client that refuses identity gets a coding even where it does not pay', async (s, t) => {
  const origin = await s.origin(reply(200, { 'content-type': 'image/png' }, 'tiny'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
  const answer = await gw.get('/', { headers: accept('gzip, identity;q=0') })
  t.strictSame([answer.header('content-encoding'), answer.header('vary')], ['gzip', 'Accept-Encoding'])
  t.equal(decoded(answer), 'tiny')
  t.equal((await gw.get('/', { headers: accept('gzip, *;q=0') })).header('content-encoding'), 'gzip')
  t.equal((await gw.get('/', { headers: accept('identity;q=0') })).header('content-encoding'), undefined)
})

scenario('HEAD gets the head of GET, without the body', async (s, t) => {
  const origin = await s.origin(reply(200, { ...json, etag: '"v1"', date: 'now' }, small))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
  for (const field of [...codings, 'identity']) {
    const [got, head] = [
      await gw.get('/', { headers: accept(field) }),
      await gw.get('/', { method: 'HEAD', headers: accept(field) }),
    ]
    const lines = (answer: typeof got) =>
      answer.lines.filter((line) => !/^(?:connection|keep-alive|transfer-encoding|x-request-id)/i.test(line))
    t.strictSame(lines(head), lines(got), field)
    t.equal(head.text, '')
  }
})

scenario('fields that speak of the origin’s bytes go with them, in trailers too', async (s, t) => {
  const digests = {
    'content-digest': 'sha-256=:x:',
    'repr-digest': 'sha-256=:x:',
    digest: 'x',
    'accept-ranges': 'bytes',
  }
  const trailers = { 'Content-Digest': 'sha-256=:x:', 'Server-Timing': 'db;dur=1' }
  const origin = await s.origin(reply(200, { ...json, ...digests }, small, { chunks: [small], trailers }))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
  const answer = await gw.get('/', { headers: ['TE', 'trailers', ...accept('br')] })
  t.equal(decoded(answer), small)
  for (const name of Object.keys(digests)) t.equal(answer.header(name), undefined, name)
  t.strictSame(answer.trailerLines, ['Server-Timing: db;dur=1'])
})

scenario('the gateway’s own answers and those of `respond` are compressed, too', async (s, t) => {
  const gw = await s.gateway({
    routes: [{ respond: { status: 200, headers: { 'content-type': 'text/html' }, body: large }, compression: true }],
  })
  const answer = await gw.get('/', { headers: accept('br') })
  t.equal(answer.header('content-encoding'), 'br')
  t.equal(decoded(answer), large)
})

scenario('each event of a stream reaches the client at once', async (s, t) => {
  let answering: Answering | undefined
  const origin = await s.origin((_request, answer) => {
    answering = answer
    answer.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
  const client = await gw.client()
  client.request({ headers: accept('gzip') })
  const answer = await client.answer()
  t.equal(answer.header('content-encoding'), 'gzip')
  const gunzip = createGunzip()
  let text = ''
  gunzip.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  const reading = (async () => {
    for (let piece = await answer.body.next(); piece !== undefined; piece = await answer.body.next())
      gunzip.write(piece)
  })()
  for (const event of ['one', 'two', 'three']) {
    answering?.chunk(`data: ${event}\n\n`)
    await eventually(`event ${event}`, () => text.endsWith(`data: ${event}\n\n`))
  }
  answering?.lastChunk()
  await reading
  t.equal(answer.isComplete, true)
})

scenario('a broken answer never looks complete', async (s, t) => {
  const origin = await s.origin((_request, answer) =>
    answer
      .send(
        `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${large.length}\r\n\r\n`,
        large.slice(0, 100_000),
      )
      .end(),
  )
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
  for (const coding of codings) {
    const answer = await gw.get('/', { headers: accept(coding) })
    t.equal(answer.isComplete, false, coding)
  }
})

scenario('clients that go away in the middle leave nothing behind', async (s, t) => {
  const origin = await s.origin(reply(200, json, listing(2_000_000)))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
  for (const coding of codings) {
    const clients = await Promise.all(Array.from({ length: 12 }, () => gw.client()))
    for (const client of clients) client.request({ headers: accept(coding) })
    await Promise.all(clients.map((client) => client.answer()))
    for (const client of clients) client.reset()
  }
  await eventually('all to be over', async () => (await gw.metric('gateway_requests_in_flight')) === 0)
  await eventually('no work to wait', async () => (await gw.metric('gateway_compression_waiting')) === 0)
  const before = (await gw.metric('gateway_compression_answers_total', { encoding: 'br', level: 'normal' })) ?? 0
  const answer = await gw.get('/', { headers: accept('br') })
  t.equal(decoded(answer), listing(2_000_000))
  t.equal(await gw.metric('gateway_compression_answers_total', { encoding: 'br', level: 'normal' }), before + 1)
})

scenario('a client that stops reading for a while still gets everything', async (s, t) => {
  const body = Buffer.concat([noise(6_000_000), Buffer.from(large)])
  const origin = await s.origin(reply(200, { 'content-type': 'text/plain' }, body))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
  for (const coding of codings) {
    const client = await gw.client()
    client.request({ headers: accept(coding) })
    const answer = await client.answer()
    for (let pieces = 0; pieces < 5; pieces++) {
      await answer.body.next()
      client.incoming.pause()
      // Others go on meanwhile, through the same threads.
      t.equal((await gw.get('/', { headers: accept(coding) })).isComplete, true)
      client.incoming.resume()
    }
    await answer.body.rest()
    t.ok(answer.isComplete)
    t.ok(decode(coding, answer.body.bytes).equals(body), coding)
  }
})
