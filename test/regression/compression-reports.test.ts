/** What public reports say went wrong in the compression of other proxies and clients, tried on this one. */
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { type Answering, exactly, reply } from '../harness/origin.ts'
import { scenario } from '../harness/scenario.ts'
import { eventually } from '../harness/wire.ts'
import { accept, codings, decoded, json, listing, noise } from '../scenarios/compression/coding.ts'

const text = listing(5_000)
const encode = { gzip: gzipSync, br: brotliCompressSync, zstd: zstdCompressSync }

// tower-rs/tower-http#737, curl/curl#22161: one gzip member per event (RFC 1952 §2.2), one zstd frame (RFC 8878 §3).
for (const came of ['gzip', 'zstd'] as const) {
  for (const coding of [...codings, 'identity'] as const) {
    if (coding === came) continue

    scenario(`a body of several ${came} streams is one body: to ${coding}`, async (s, t) => {
      const parts = ['one, ', 'two, ', text, 'three'].map((part) => encode[came](part))
      const origin = await s.origin(async (request, answer) => {
        await request.body.rest()
        answer.send('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n')
        answer.send(`Content-Encoding: ${came}\r\n\r\n`)
        if (request.target === '/whole') answer.chunk(Buffer.concat(parts))
        else if (request.target === '/parts') for (const part of parts) answer.chunk(part)
        else for (const byte of Buffer.concat(parts)) answer.chunk(Uint8Array.of(byte))
        answer.lastChunk()
      })
      const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
      for (const target of ['/whole', '/parts', '/bytes']) {
        const answer = await gw.get(target, { headers: accept(coding) })
        t.ok(answer.isComplete, target)
        t.equal(decoded(answer), `one, two, ${text}three`, target)
      }
    })
  }

  scenario(`each event in a ${came} stream of its own is with the client at once`, async (s, t) => {
    let answering: Answering | undefined
    const origin = await s.origin((_request, answer) => {
      answering = answer
      answer.send('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n')
      answer.send(`Content-Encoding: ${came}\r\n\r\n`)
    })
    const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
    const client = await gw.client()
    client.request({})
    const answer = await client.answer()
    const reading = answer.body.rest()
    let sent = ''
    for (const event of ['{"a":1}\n', '{"b":2}\n', '{"c":3}\n']) {
      answering?.chunk(encode[came](event))
      sent += event
      await eventually(event, () => answer.text === sent)
    }
    answering?.lastChunk()
    await reading
    t.strictSame([answer.text, answer.isComplete], [sent, true])
  })

  scenario(`a request body of several ${came} streams reaches the backend as one`, async (s, t) => {
    const origin = await s.origin(reply(200, {}, 'ok'))
    const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: { decompress_requests: true } }] })
    const client = await gw.client()
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: ${came}\r\nTransfer-Encoding: chunked\r\n\r\n`)
    for (const part of ['one, ', text]) client.chunk(encode[came](part))
    client.chunk(Buffer.concat([encode[came]('t'), encode[came]('wo')]))
    client.send('0\r\n\r\n')
    t.equal((await client.whole()).status, 200)
    t.equal(origin.last.body.text, `one, ${text}two`)
  })
}

// Nullus157/async-compression#488, by way of the first: what is no stream behind one must not look like part of the body.
scenario('what follows the end of a coded body is never sent on as if it belonged to it', async (s, t) => {
  for (const came of codings) {
    for (const tail of ['x', 'garbage, and more of it']) {
      for (const isApart of [false, true]) {
        const origin = await s.origin(async (_request, answer) => {
          answer.send('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n')
          answer.send(`Content-Encoding: ${came}\r\n\r\n`)
          const body = encode[came](text)
          answer.chunk(isApart ? body : Buffer.concat([body, Buffer.from(tail)]))
          await seen.promise
          answer.chunk(tail).lastChunk()
        })
        const seen = Promise.withResolvers<void>()
        const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
        const client = await gw.client()
        const answer = await client.request({}).answer()
        const reading = answer.body.rest()
        await eventually('the body', () => answer.text === text || !client.socket.readable)
        seen.resolve()
        await reading
        t.ok(answer.text === text || !answer.isComplete, `${came} ${tail} ${isApart}`)
        t.notOk(answer.text.includes('garbage'), `${came} ${tail} ${isApart}`)
      }
    }
  }
})

scenario('nor does a request wait for ever that has something behind its coded body', async (s, t) => {
  const origin = await s.origin(reply(200, {}, 'ok'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: { decompress_requests: true } }] })
  for (const coding of codings) {
    const client = await gw.client()
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: ${coding}\r\nTransfer-Encoding: chunked\r\n\r\n`)
    client.chunk(Buffer.concat([encode[coding](text), Buffer.from('x')]))
    client.chunk('garbage').send('0\r\n\r\n')
    const answer = await client.whole()
    t.match(String(answer.status), /^(?:200|400)$/, coding)
    t.notOk(origin.last.body.text.includes('garbage'), coding)
  }
})

// traefik/traefik#1937, #2351, #10306: the status of what is compressed.
scenario('status, reason and Location stay what they are', async (s, t) => {
  const origin = await s.origin((request, answer) => {
    const status = Number(request.target.slice(1))
    return reply(status, { 'content-type': 'text/html', location: '/there' }, text, { reason: 'Why Not' })(
      request,
      answer,
    )
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
  for (const status of [200, 201, 203, 207, 226, 299, 300, 302, 400, 401, 404, 418, 500, 503, 599]) {
    const answer = await gw.get(`/${status}`, { headers: accept('gzip') })
    t.strictSame([answer.status, answer.reason, answer.header('location')], [status, 'Why Not', '/there'])
    t.equal(decoded(answer), text)
  }
})

// traefik/traefik#11519: an answer must not fail for its Content-Type.
scenario('a malformed Content-Type is passed on', async (s, t) => {
  const origin = await s.origin((request, answer) =>
    reply(200, { 'content-type': request.header('x-type') ?? '' }, text)(request, answer),
  )
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: { minify: true } }] })
  for (const type of ['text/html;', 'text/html; charset', ';', '/', 'text/', 'application/json;;charset="', 'a b, c']) {
    const answer = await gw.get('/', { headers: [...accept('br'), 'X-Type', type] })
    t.strictSame([answer.status, answer.header('content-type')], [200, type])
    t.ok(decoded(answer) === text, type)
  }
})

// google/ngx_brotli#81, #118, tokers/zstd-nginx-module#53: cut off at the borders of buffers, and without the last block.
scenario('nothing is cut off at any size', async (s, t) => {
  const dense = noise(270_000).toString('base64')
  const origin = await s.origin((request, answer) => {
    const [, kind, size] = request.target.split('/')
    const body = dense.slice(0, Number(size))
    const half = Math.floor(body.length / 2)
    const options = kind === 'chunked' ? { chunks: [body.slice(0, half), body.slice(half)] } : {}
    return reply(200, { 'content-type': 'text/plain' }, body, options)(request, answer)
  })
  const routes = [1, 2, 6].map((level) => ({
    match: `/*/*/${level}`,
    upstream: origin.url,
    compression: { level: { zstd: level, br: level, gzip: level } },
  }))
  const gw = await s.gateway({ routes })
  for (const coding of codings) {
    for (const size of [16_383, 16_384, 32_768, 65_536, 131_071, 131_072, 131_073, 262_144, 262_145]) {
      for (const kind of ['known', 'chunked']) {
        for (const level of [1, 2, 6]) {
          const answer = await gw.get(`/${kind}/${size}/${level}`, { headers: accept(coding) })
          t.ok(answer.isComplete && decoded(answer) === dense.slice(0, size), `${coding} ${kind} ${size} ${level}`)
        }
      }
    }
  }
})

// envoyproxy/envoy#6894: trailers end a body, too; #14225: HEAD says what GET does.
scenario('a body that ends with trailers ends in its coding', async (s, t) => {
  const origin = await s.origin(reply(200, json, text, { chunks: [text], trailers: { 'X-Sum': '1' } }))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: { padding: '9B' } }] })
  for (const coding of codings) {
    const answer = await gw.get('/', { headers: [...accept(coding), 'TE', 'trailers'] })
    t.strictSame([decoded(answer), answer.trailerLines], [text, ['X-Sum: 1']])
    const head = await gw.get('/', { method: 'HEAD', headers: accept(coding) })
    t.equal(head.header('content-encoding'), coding)
  }
})

// caddyserver/caddy#7096: the 304 names what the client has; nor does it give that another coding.
scenario('a 304 of a backend that compresses says nothing of its coding to who has another', async (s, t) => {
  const origin = await s.origin((request, answer) => {
    const fields = { ...json, etag: '"v1"', 'content-encoding': 'gzip', 'content-digest': 'sha-256=:x:' }
    return request.header('if-none-match') === '"v1"'
      ? exactly(`HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\nContent-Encoding: gzip\r\nContent-Digest: x\r\n\r\n`)(
          request,
          answer,
        )
      : reply(200, fields, gzipSync(text))(request, answer)
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
  for (const [field, tag, coding] of [
    ['br', '"v1~br"', undefined],
    ['identity', '"v1~identity"', undefined],
    ['gzip', '"v1"', 'gzip'],
  ] as const) {
    const first = await gw.get('/', { headers: accept(field) })
    t.strictSame([first.header('etag'), decoded(first)], [tag, text])
    const again = await gw.get('/', { headers: [...accept(field), 'If-None-Match', tag] })
    t.strictSame([again.status, again.header('etag'), again.header('content-encoding')], [304, tag, coding])
    t.equal(again.header('content-digest'), coding === undefined ? undefined : 'x')
  }
})

// tokers/zstd-nginx-module#23: a body shorter than its Content-Length.
scenario('a body shorter than it said never looks complete, coded or decoded', async (s, t) => {
  for (const came of [undefined, ...codings]) {
    const body = came === undefined ? Buffer.from(text) : encode[came](text)
    const coded = came === undefined ? '' : `Content-Encoding: ${came}\r\n`
    const origin = await s.origin((_request, answer) => {
      answer.send(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n${coded}Content-Length: ${body.length + 1}\r\n\r\n`)
      answer.send(body).end()
    })
    const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
    for (const field of [...codings, 'identity']) {
      t.equal((await gw.get('/', { headers: accept(field) })).isComplete, false, `${came} ${field}`)
    }
  }
})
