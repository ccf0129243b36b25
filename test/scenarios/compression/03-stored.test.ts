import { type Answering, reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'
import { eventually } from '../../harness/wire.ts'
import { accept, codings, decoded, json, listing, noise } from './coding.ts'

const fresh = { ...json, 'cache-control': 'max-age=60', etag: '"v1"', vary: 'Accept-Encoding' }
const small = listing(4_000)
const large = listing(300_000)

for (const [size, body] of [
  ['small', small],
  ['large', large],
] as const) {
  scenario(`one fetch of a ${size} object serves every coding, and each coding is made once`, async (s, t) => {
    const origin = await s.origin(reply(200, fresh, body))
    const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true, cache: true }] })
    for (const round of ['cold', 'kept']) {
      for (const coding of [...codings, 'identity']) {
        const answer = await gw.get('/', { headers: accept(coding) })
        t.equal(decoded(answer), body, `${coding}, ${round}`)
        t.equal(answer.header('content-encoding'), coding === 'identity' ? undefined : coding)
        const length = round === 'kept' ? String(answer.body.bytes.length) : answer.header('content-length')
        t.equal(answer.header('content-length'), length, `${coding}, ${round}`)
      }
    }
    t.equal(origin.requests.length, 1)
    t.equal(await gw.metric('gateway_compression_bytes_total', { encoding: 'br', direction: 'in' }), body.length)
    for (const coding of codings) {
      const kept = await gw.metric('gateway_compression_answers_total', { encoding: coding, level: 'kept' })
      t.equal(kept, 1, coding)
    }
    const head = await gw.get('/', { method: 'HEAD', headers: accept('br') })
    const got = await gw.get('/', { headers: accept('br') })
    t.equal(head.header('content-length'), String(got.body.bytes.length))
  })
}

scenario('fifty clients who ask for one cold object share one fetch and one compression', async (s, t) => {
  let answering: Answering | undefined
  const origin = await s.origin((_request, answer) => {
    answering = answer
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true, cache: true }] })
  const answers = Array.from({ length: 50 }, () => gw.get('/cold', { headers: accept('br') }))
  await eventually('all to wait', async () => (await gw.metric('gateway_requests_in_flight')) === 50)
  answering?.send('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: max-age=60\r\n')
  answering?.send('Transfer-Encoding: chunked\r\n\r\n')
  for (let at = 0; at < large.length; at += 50_000) answering?.chunk(large.slice(at, at + 50_000))
  answering?.lastChunk()
  for (const answer of await Promise.all(answers)) t.equal(decoded(answer), large)
  t.equal(origin.requests.length, 1)
  t.equal(await gw.metric('gateway_compression_bytes_total', { direction: 'in' }), large.length)
  const kept = await gw.get('/cold', { headers: accept('br') })
  t.equal(kept.header('content-length'), String(kept.body.bytes.length))
})

scenario('the client whose request began a compression may leave: the others still get all of it', async (s, t) => {
  let answering: Answering | undefined
  const origin = await s.origin((_request, answer) => {
    answering = answer
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true, cache: true }] })
  const first = await gw.client()
  first.request({ headers: accept('zstd') })
  await origin.saw(1)
  const second = gw.get('/', { headers: accept('zstd') })
  await eventually('both to wait', async () => (await gw.metric('gateway_requests_in_flight')) === 2)
  answering?.send('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: max-age=60\r\n')
  answering?.send(`Content-Length: ${large.length}\r\n\r\n`, large.slice(0, 150_000))
  await first.answer()
  await first.close()
  await eventually('one to be left', async () => (await gw.metric('gateway_requests_in_flight')) === 1)
  answering?.send(large.slice(150_000))
  t.equal(decoded(await second), large)
})

scenario('an object that is asked for again and again is compressed better in the background', async (s, t) => {
  const origin = await s.origin(reply(200, fresh, large))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true, cache: true }] })
  for (const coding of codings) {
    const length = async () => {
      const answer = await gw.get('/', { headers: accept(coding) })
      t.equal(decoded(answer), large)
      return answer.body.bytes.length
    }
    const first = await length()
    await eventually(`a smaller ${coding}`, async () => (await length()) < first)
  }
})

scenario('a revalidated object keeps its codings, a new one gets new ones', async (s, t) => {
  const once = { ...fresh, 'cache-control': 'max-age=0' }
  const next = listing(5_000, 77)
  const origin = await s.origin(
    reply(200, once, small),
    reply(304, { etag: '"v1"', 'cache-control': 'max-age=0' }),
    reply(304, { etag: '"v1"', 'cache-control': 'max-age=0' }),
    reply(200, { ...fresh, etag: '"v2"' }, next),
  )
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true, cache: true }] })
  const got = async () => decoded(await gw.get('/', { headers: accept('br') }))
  t.strictSame([await got(), await got(), await got()], [small, small, small])
  t.equal(await gw.metric('gateway_compression_bytes_total', { encoding: 'br', direction: 'in' }), small.length)
  t.strictSame([await got(), await got()], [next, next])
})

scenario('what does not get smaller is not compressed again', async (s, t) => {
  const dense = noise(5000)
  const origin = await s.origin(reply(200, fresh, dense))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true, cache: true }] })
  for (const round of [1, 2, 3]) {
    const answer = await gw.get('/', { headers: accept('gzip') })
    t.ok(answer.isComplete)
    if (round > 1) t.equal(answer.header('content-encoding'), undefined)
  }
  t.equal(await gw.metric('gateway_compression_skipped_total', { reason: 'incompressible' }), 2)
})

scenario('encodings count against the cache’s memory', async (s, t) => {
  const origin = await s.origin(reply(200, fresh, large))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true, cache: true }] })
  await gw.get('/')
  const before = (await gw.metric('gateway_cache_bytes')) ?? 0
  await gw.get('/', { headers: accept('gzip') })
  const kept = await gw.get('/', { headers: accept('gzip') })
  const after = (await gw.metric('gateway_cache_bytes')) ?? 0
  t.ok(after - before >= kept.body.bytes.length && after - before < kept.body.bytes.length + 1000)
})
