import { type Behaviour, reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'
import { accept, codings, decoded, json, listing } from './coding.ts'

const body = listing(20_000)

/** A backend that knows conditions, and only its own entity tag. */
const conditional: Behaviour = (request, answer) => {
  const fields = { ...json, etag: '"v1"', 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' }
  const noneMatch = request.header('if-none-match')?.split(', ') ?? []
  const match = request.header('if-match')?.split(', ')
  const range = request.header('range')
  const ifRange = request.header('if-range')
  if (request.method === 'PUT') {
    return reply(match?.includes('"v1"') === true ? 204 : 412, { etag: '"v2"' })(request, answer)
  }
  if (noneMatch.includes('"v1"')) return reply(304, { etag: '"v1"' })(request, answer)
  if (range !== undefined && (ifRange === undefined || ifRange === '"v1"' || ifRange === fields['last-modified'])) {
    const part = { ...fields, 'content-range': `bytes 0-9/${body.length}` }
    return reply(206, part, body.slice(0, 10))(request, answer)
  }
  return reply(200, { ...fields, 'cache-control': 'max-age=60' }, body)(request, answer)
}

for (const cache of [false, true]) {
  const where = cache ? 'the cache' : 'the backend'

  scenario(
    `a client that has a coding of the answer gets 304 from ${where}, with the tag that it knows`,
    async (s, t) => {
      const origin = await s.origin(conditional)
      const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true, cache }] })
      for (const coding of codings) {
        const first = await gw.get('/', { headers: accept(coding) })
        const tag = first.header('etag') as string
        t.equal(tag, `"v1~${coding}"`)
        t.equal(decoded(first), body)
        for (const method of ['GET', 'HEAD']) {
          const again = await gw.get('/', { method, headers: [...accept(coding), 'If-None-Match', `"x", ${tag}`] })
          t.strictSame([again.status, again.header('etag'), again.header('vary')], [304, tag, 'Accept-Encoding'])
          t.equal(again.header('content-encoding'), undefined)
        }
        const weak = await gw.get('/', { headers: [...accept(coding), 'If-None-Match', `W/${tag}`] })
        t.equal(weak.status, 304)
      }
      const plain = await gw.get('/', { headers: ['If-None-Match', '"v1"'] })
      t.strictSame([plain.status, plain.header('etag')], [304, '"v1"'])
    },
  )

  scenario(`a 304 of ${where} never confirms a coding to a client that cannot read it`, async (s, t) => {
    const origin = await s.origin(conditional)
    const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true, cache }] })
    await gw.get('/')
    const other = await gw.get('/', { headers: [...accept('gzip'), 'If-None-Match', '"v1~br"'] })
    t.strictSame([other.status, other.header('content-encoding')], [200, 'gzip'])
    const none = await gw.get('/', { headers: ['If-None-Match', '"v1~br"'] })
    t.strictSame([none.status, none.text], [200, body])
    const both = await gw.get('/', { headers: [...accept('gzip, br;q=0'), 'If-None-Match', '"v1~br", "v1~gzip"'] })
    t.strictSame([both.status, both.header('etag')], [304, '"v1~gzip"'])
    const stale = await gw.get('/', { headers: [...accept('gzip'), 'If-None-Match', '"v0~gzip"'] })
    t.equal(stale.status, 200)
  })

  scenario(`ranges from ${where} are parts of the uncoded body, and never mixed with a coding`, async (s, t) => {
    const origin = await s.origin(conditional)
    const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true, cache }] })
    await gw.get('/')
    const ranged = (...headers: string[]) =>
      gw.get('/', { headers: [...accept('br'), 'Range', 'bytes=0-9', ...headers] })
    const part = await ranged()
    t.strictSame([part.status, part.text, part.header('etag')], [206, body.slice(0, 10), '"v1"'])
    t.equal(part.header('content-encoding'), undefined)
    t.equal(part.header('vary'), 'Accept-Encoding')
    t.equal((await ranged('If-Range', '"v1"')).status, 206)
    const coded = await ranged('If-Range', '"v1~br"')
    t.strictSame([coded.status, decoded(coded)], [200, body], 'a part of the coded body is not to be had')
    t.equal(coded.header('accept-ranges'), undefined)
    const dated = await ranged('If-Range', 'Thu, 01 Jan 2026 00:00:00 GMT')
    t.strictSame([dated.status, decoded(dated)], [200, body], 'a date does not tell codings apart')
    const plain = ['Range', 'bytes=0-9', 'If-Range', 'Thu, 01 Jan 2026 00:00:00 GMT']
    t.equal((await gw.get('/', { headers: plain })).status, 206)
  })
}

scenario('an update on condition of a coded answer’s tag reaches the backend with its own tag', async (s, t) => {
  const origin = await s.origin(conditional)
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true, cache: true }] })
  const tag = (await gw.get('/', { headers: accept('zstd') })).header('etag') as string
  const put = (condition: string) => gw.fetch({ method: 'PUT', body: 'new', headers: ['If-Match', condition] })
  const done = await put(tag)
  t.strictSame([done.status, done.header('etag')], [204, '"v2"'])
  t.equal((await put('"v0~zstd"')).status, 412)
  t.equal((await put('"v1"')).status, 204)
})

scenario('weak tags are shared by all codings; a tag that merely looks like ours still works', async (s, t) => {
  const origin = await s.origin((request, answer) => {
    const etag = request.target === '/weak' ? 'W/"v1"' : '"v1~br"'
    const isSame = request.header('if-none-match')?.split(', ').includes(etag)
    return reply(isSame === true ? 304 : 200, { ...json, etag }, isSame === true ? '' : body)(request, answer)
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
  for (const target of ['/weak', '/like-ours']) {
    const first = await gw.get(target, { headers: accept('br') })
    const tag = first.header('etag') as string
    t.equal(tag, target === '/weak' ? 'W/"v1"' : '"v1~br~br"')
    const again = await gw.get(target, { headers: [...accept('br'), 'If-None-Match', tag] })
    t.strictSame([again.status, again.header('etag')], [304, tag], target)
  }
  const tag = (await gw.get('/like-ours')).header('etag') as string
  t.equal(tag, '"v1~br~own"')
  const own = await gw.get('/like-ours', { headers: ['If-None-Match', tag] })
  t.strictSame([own.status, own.header('etag'), origin.last.header('if-none-match')], [304, tag, '"v1~br"'])
})
