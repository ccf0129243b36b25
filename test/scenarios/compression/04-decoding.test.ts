import { brotliCompressSync, constants, gzipSync, type InputType, zstdCompressSync } from 'node:zlib'
import { reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'
import { accept, codings, decoded, json, listing } from './coding.ts'

const quick = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }
const encode = {
  gzip: (body: InputType) => gzipSync(body),
  br: (body: InputType) => brotliCompressSync(body, quick),
  zstd: (body: InputType) => zstdCompressSync(body),
}
const text = listing(300_000)
const fresh = { ...json, 'cache-control': 'max-age=60', etag: '"v1"' }

scenario('a backend that compresses although nobody asked serves every client through the cache', async (s, t) => {
  for (const came of codings) {
    const coded = { ...fresh, 'content-encoding': came, vary: 'Accept-Encoding' }
    const origin = await s.origin(reply(200, coded, encode[came](text)))
    const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true, cache: true }] })
    for (const round of ['cold', 'kept']) {
      for (const coding of [...codings, 'identity']) {
        const answer = await gw.get('/', { headers: accept(coding) })
        const case_ = `${came} to ${coding}, ${round}`
        t.equal(decoded(answer), text, case_)
        t.equal(answer.header('content-encoding'), coding === 'identity' ? undefined : coding, case_)
        t.equal(answer.header('etag'), coding === came ? '"v1"' : `"v1~${coding}"`, case_)
        t.equal(answer.header('vary'), 'Accept-Encoding', case_)
        const tag = answer.header('etag') as string
        const again = await gw.get('/', { headers: [...accept(coding), 'If-None-Match', tag] })
        t.strictSame([again.status, again.header('etag')], [304, tag], case_)
      }
    }
    t.equal(origin.requests.length, 1)
  }
})

scenario(
  'without a cache, what came compressed goes on to those who take it, and is changed for others',
  async (s, t) => {
    const origin = await s.origin(reply(200, { ...json, 'content-encoding': 'gzip', etag: '"v1"' }, gzipSync(text)))
    const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
    const got = async (field: string) => {
      const answer = await gw.get('/', { headers: accept(field) })
      t.equal(decoded(answer), text)
      return [answer.header('content-encoding'), answer.header('etag')]
    }
    t.strictSame(await got('zstd, br, gzip'), ['gzip', '"v1"'])
    t.strictSame(await got('br'), ['br', '"v1~br"'])
    t.strictSame(await got('deflate'), [undefined, '"v1~identity"'])
    const head = await gw.get('/', { method: 'HEAD' })
    t.strictSame([head.header('content-encoding'), head.header('content-length')], [undefined, undefined])
  },
)

scenario('a decompression bomb from a backend breaks off, and a broken coding never looks complete', async (s, t) => {
  const bodies: Record<string, Buffer> = {
    '/bomb': gzipSync(Buffer.alloc(5_000_000)),
    '/broken': gzipSync(text).subarray(0, 5000),
    '/garbage': Buffer.from(text),
  }
  const origin = await s.origin((request, answer) =>
    reply(200, { ...fresh, 'content-encoding': 'gzip' }, bodies[request.target] ?? '')(request, answer),
  )
  const compression = { max_decoded: '1MB' }
  for (const cache of [true, false]) {
    const gw = await s.gateway({ routes: [{ upstream: origin.url, compression, cache }] })
    for (const target of Object.keys(bodies)) {
      for (const field of ['identity', 'br']) {
        for (const round of [1, 2]) {
          const answer = await gw.get(target, { headers: accept(field) })
          t.equal(answer.isComplete, false, `${target} ${field} ${round}`)
          t.ok(answer.body.bytes.length <= 1_000_000)
        }
      }
    }
    t.equal(await gw.metric('gateway_compression_waiting'), 0)
    const other = await gw.get('/garbage', { headers: accept('gzip') })
    t.equal(other.isComplete, true, 'who takes it as it is gets it as it is')
  }
})

scenario('request bodies reach a backend that can’t decompress as what they are', async (s, t) => {
  const origin = await s.origin(reply(200, {}, 'ok'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: { decompress_requests: true } }] })
  const post = async (coding: string, body: Uint8Array | string) => {
    const headers = ['Content-Encoding', coding, 'Content-Digest', 'sha-256=:x:', 'Content-Type', 'application/json']
    const answer = await gw.fetch({ method: 'POST', body, headers })
    t.equal(answer.status, 200, coding)
    t.equal(origin.last.header('content-encoding'), undefined)
    t.equal(origin.last.header('content-digest'), undefined)
    t.equal(origin.last.header('content-type'), 'application/json')
    t.equal(origin.last.body.text, text, coding)
  }
  for (const coding of codings) await post(coding, encode[coding](text))
  await post('x-gzip', gzipSync(text))
  await post('gzip, br', encode.br(gzipSync(text)))
  const client = await gw.client()
  client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n')
  const coded = gzipSync(text)
  for (let at = 0; at < coded.length; at += 1000) client.chunk(coded.subarray(at, at + 1000))
  client.send('0\r\n\r\n')
  t.equal((await client.whole()).status, 200)
  t.equal(origin.last.body.text, text)
})

scenario('without the option, and without a body, requests go on as they came', async (s, t) => {
  const origin = await s.origin(reply(200, {}, 'ok'))
  const gw = await s.gateway({
    routes: [
      { match: '/off', upstream: origin.url, compression: true },
      { match: '/**', upstream: origin.url, compression: { decompress_requests: true } },
    ],
  })
  const headers = ['Content-Encoding', 'gzip']
  await gw.fetch({ method: 'POST', target: '/off', body: gzipSync(text), headers })
  t.equal(origin.last.header('content-encoding'), 'gzip')
  t.equal((await gw.get('/', { headers })).status, 200)
  t.equal(origin.last.header('content-encoding'), 'gzip')
})

scenario('bodies that can’t be decompressed, or grow too large, are refused and never look complete', async (s, t) => {
  const origin = await s.origin(reply(200, {}, 'ok'))
  const limited = { decompress_requests: { max_size: '1MB', max_ratio: 50 } }
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: limited }] })
  const refused = async (coding: string, body: Uint8Array | string, status: number, code: string) => {
    const answer = await gw.fetch({ method: 'POST', body, headers: ['Content-Encoding', coding] })
    t.strictSame([answer.status, answer.problem.code], [status, code], `${coding} ${body.length}`)
    return answer
  }
  const unsupported = await refused('deflate', 'x', 415, 'unsupported_encoding')
  t.equal(unsupported.header('accept-encoding'), 'zstd, br, gzip')
  await refused('gzip, gzip, gzip', 'x', 415, 'unsupported_encoding')
  t.equal(origin.requests.length, 0)
  for (const coding of codings) {
    await refused(coding, 'this is neither', 400, 'bad_encoding')
    await refused(coding, encode[coding](text).subarray(0, 3000), 400, 'bad_encoding')
    await refused(coding, encode[coding](Buffer.alloc(900_000)), 413, 'body_too_large')
    const dense = encode[coding](listing(1_200_000))
    await refused(coding, dense, 413, 'body_too_large')
  }
  await refused('gzip, gzip', gzipSync(gzipSync(Buffer.alloc(50_000_000))), 413, 'body_too_large')
  for (const request of origin.requests) t.notOk(request.body.isComplete, 'the backend never saw a whole one')
})
