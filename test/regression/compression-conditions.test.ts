import { type Behaviour, reply } from '../harness/origin.ts'
import { scenario } from '../harness/scenario.ts'
import { accept, codings, decoded, json, listing } from '../scenarios/compression/coding.ts'

const body = listing(5_000)
const modified = 'Thu, 01 Jan 2026 00:00:00 GMT'

/** A backend that compares conditions as text. `?t=TAG` says what its tag is. */
const literal: Behaviour = (request, answer) => {
  const etag = decodeURIComponent(request.target.split('t=')[1] ?? '"v1"')
  const fields = { ...json, etag, 'last-modified': modified }
  const match = request.header('if-match')
  if (match !== undefined && match !== etag) return reply(412, fields)(request, answer)
  const isKnown = request.header('if-none-match') === etag
  if (request.method === 'PUT') return reply(isKnown ? 412 : 204, { etag })(request, answer)
  const isFresh = request.header('if-none-match') === undefined && request.header('if-modified-since') === modified
  if (isKnown || isFresh) return reply(304, { etag })(request, answer)
  const range = request.header('range')
  if (range !== undefined && (request.header('if-range') ?? etag) === etag) {
    return reply(206, { ...fields, 'content-range': `bytes 0-9/${body.length}` }, body.slice(0, 10))(request, answer)
  }
  return reply(200, fields, body)(request, answer)
}

const target = (tag: string) => `/?t=${encodeURIComponent(tag)}`
const tags = ['"v1"', '"v1~br"', '"v1~own"', '"v1~min.gzip"', '"a, b"', '"v~1"', '"back\\\\"']

for (const coding of [...codings, 'identity']) {
  scenario(`a tag that was given out comes back to the backend as its own, alone: ${coding}`, async (s, t) => {
    const origin = await s.origin(literal)
    const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
    for (const tag of tags) {
      const first = await gw.get(target(tag), { headers: accept(coding) })
      t.equal(decoded(first), body)
      const told = first.header('etag') as string
      const send = (method: string, ...headers: string[]) =>
        gw.fetch({ method, target: target(tag), headers: [...accept(coding), ...headers] })
      for (const method of ['GET', 'HEAD']) {
        const again = await send(method, 'If-None-Match', told)
        t.strictSame([again.status, again.header('etag')], [304, told], tag)
        t.equal(origin.last.header('if-none-match'), tag)
      }
      const put = await send('PUT', 'If-Match', told)
      t.strictSame([put.status, origin.last.header('if-match')], [204, tag])
      t.equal((await send('PUT', 'If-None-Match', told)).status, 412, 'do not overwrite what I have')
      const fixed = await send('PUT', 'If-Match', told, 'Cache-Control', 'No-Transform')
      t.strictSame([fixed.status, origin.last.header('if-match')], [204, tag])
    }
  })
}

scenario('lists keep their order, and name each tag once, over several lines too', async (s, t) => {
  const origin = await s.origin(reply(200, json, body))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
  const sent = async (name: string, ...lines: string[]) => {
    await gw.fetch({ headers: [...accept('br, gzip, zstd'), ...lines.flatMap((line) => [name, line])] })
    return origin.last.headers(name.toLowerCase())
  }
  for (const name of ['If-None-Match', 'If-Match']) {
    t.strictSame(await sent(name, '*'), ['*'])
    t.strictSame(await sent(name, '"a","b"'), ['"a","b"'])
    t.strictSame(await sent(name, 'W/"w", "z~br", "a", "a~gzip", "z"'), ['W/"w", "z", "a"'])
    t.strictSame(await sent(name, '"z~br", "a"', '"b", "z~zstd"'), ['"z", "a", "b"'])
    t.strictSame(await sent(name, '"x~brotli", "x~", "~"'), ['"x~brotli", "x~", "~"'])
  }
  t.strictSame(await sent('If-None-Match', 'W/"a~br"'), ['"a"'])
  t.strictSame(await sent('If-Match', 'W/"a~br"'), ['W/"a"'], 'If-Match compares strongly (RFC 9110 §13.1.1)')
})

scenario('a tag of a coding that another route gave is understood, too', async (s, t) => {
  const origin = await s.origin(literal)
  const gw = await s.gateway({
    routes: [
      { match: '/br', upstream: origin.url, compression: { encodings: ['br'], minify: true } },
      { match: '/**', upstream: origin.url, compression: { encodings: ['gzip'] } },
    ],
  })
  const told = (await gw.get('/br', { headers: accept('br') })).header('etag') as string
  t.equal(told, '"v1~min.br"')
  const put = await gw.fetch({ method: 'PUT', headers: ['If-Match', told] })
  t.strictSame([put.status, origin.last.header('if-match')], [204, '"v1"'])
})

scenario('a variant that the client can’t read is not asked about, nor is the date then', async (s, t) => {
  const origin = await s.origin(literal)
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
  for (const since of [['If-Modified-Since', modified], []]) {
    for (const isFirst of [true, false]) {
      const condition = ['If-None-Match', '"v1~br"']
      const headers = isFirst ? [...condition, ...since] : [...since, ...condition]
      const answer = await gw.get('/', { headers })
      t.strictSame([answer.status, answer.text], [200, body])
      t.equal(origin.last.header('if-none-match'), undefined)
    }
  }
  t.equal((await gw.get('/', { headers: ['If-Modified-Since', modified] })).status, 304)
})

for (const cache of [false, true]) {
  scenario(
    `If-Range: the backend’s own tag has parts, that of a coding none${cache ? ', cached' : ''}`,
    async (s, t) => {
      const origin = await s.origin(literal)
      const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true, cache }] })
      for (const tag of tags) {
        const ranged = (...headers: string[]) =>
          gw.get(target(tag), { headers: [...headers, 'Range', 'bytes=0-9', ...accept('br')] })
        const part = await ranged()
        t.equal(part.status, 206)
        const told = part.header('etag') as string
        const more = await ranged('If-Range', told)
        t.strictSame([more.status, more.text, more.header('etag')], [206, body.slice(0, 10), told], tag)
        if (!cache) t.equal(origin.last.header('if-range'), tag)
        const coded = (await gw.get(target(tag), { headers: accept('br') })).header('etag') as string
        for (const condition of [coded, `W/${coded}`]) {
          const whole = await ranged('If-Range', condition)
          t.strictSame([whole.status, decoded(whole), whole.header('etag')], [200, body, coded], tag)
          t.strictSame([origin.last.header('if-range'), origin.last.header('range')], [undefined, undefined], tag)
        }
      }
    },
  )
}
