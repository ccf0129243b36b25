import { createHash } from 'node:crypto'
import { type BrotliOptions, brotliDecompressSync, zstdDecompressSync } from 'node:zlib'
import { type Behaviour, reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'
import { eventually } from '../../harness/wire.ts'
import { accept, codings, decoded, json, listing, noise } from './coding.ts'

const fresh = { ...json, 'cache-control': 'max-age=60', etag: '"v1"' }

scenario(
  'minify sends JSON without whitespace to everybody, coded or not, and leaves other text alone',
  async (s, t) => {
    const value = JSON.parse(listing(30_000))
    const pretty = JSON.stringify(value, undefined, 2)
    const origin = await s.origin((request, answer) =>
      reply(
        200,
        request.target === '/text' ? { ...fresh, 'content-type': 'text/plain' } : fresh,
        pretty,
      )(request, answer),
    )
    for (const cache of [true, false]) {
      const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: { minify: true }, cache }] })
      for (const round of [1, 2]) {
        for (const coding of [...codings, 'identity']) {
          const answer = await gw.get('/', { headers: accept(coding) })
          t.equal(decoded(answer), JSON.stringify(value), `${coding} ${round}`)
          const tag = coding === 'identity' ? '"v1~min"' : `"v1~min.${coding}"`
          t.equal(answer.header('etag'), tag)
          const again = await gw.get('/', { headers: [...accept(coding), 'If-None-Match', tag] })
          t.strictSame([again.status, again.header('etag')], [cache ? 304 : 200, tag])
        }
      }
      t.equal(decoded(await gw.get('/text', { headers: accept('br') })), pretty)
    }
  },
)

scenario('padding makes the length of one client’s answers vary, and every decoder skips it', async (s, t) => {
  const body = listing(5_000)
  const large = listing(200_000)
  const origin = await s.origin((request, answer) =>
    reply(200, fresh, request.target === '/large' ? large : body)(request, answer),
  )
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: { padding: '200B' } }] })
  for (const coding of codings) {
    const lengths = new Set<number>()
    for (let i = 0; i < 8; i++) {
      const answer = await gw.get('/', { headers: accept(coding) })
      t.equal(decoded(answer), body)
      lengths.add(answer.body.bytes.length)
    }
    t.ok(lengths.size > 2, `${coding}: ${[...lengths]}`)
    t.equal(decoded(await gw.get('/large', { headers: accept(coding) })), large)
  }
})

const base = noise(20_000).toString('base64')
const versions = [base, `${base.slice(0, 9000)}changed${base.slice(9000)}`, `${base}appended`]

/** The next version whenever the cache asks again. */
const versioned: Behaviour = (() => {
  let count = -1
  return (request, answer) => {
    count = Math.min(count + 1, versions.length - 1)
    const fields = { 'content-type': 'text/javascript', 'cache-control': 'max-age=60', etag: `"v${count}"` }
    return reply(200, fields, versions[count])(request, answer)
  }
})()

const available = (text: string) => `:${createHash('sha256').update(text).digest('base64')}:`

scenario('a client that has an earlier version gets what differs', async (s, t) => {
  const origin = await s.origin(versioned)
  const routes = [{ upstream: origin.url, compression: { dictionaries: true }, cache: true }]
  const gw = await s.gateway({ routes })
  const first = await gw.get('/app(1).js', { headers: accept('gzip, br, zstd, dcb, dcz') })
  t.equal(first.header('use-as-dictionary'), 'match="/app\\\\(1\\\\).js"')
  t.equal(first.header('content-encoding'), 'zstd')
  t.match(first.headers('vary').join(', '), /Available-Dictionary/)
  const ask = (field: string, dictionary: string) =>
    gw.get('/app(1).js', { headers: [...accept(field), 'Available-Dictionary', dictionary] })
  await gw.fetch({ method: 'POST', target: '/app(1).js', body: '' })
  await gw.fetch({ method: 'POST', target: '/app(1).js', body: '' })
  // Node's brotli takes a dictionary, but its types don't know.
  const known = { dictionary: Buffer.from(versions[0] ?? '') } as BrotliOptions & { dictionary: Buffer }
  const decode = {
    dcb: (bytes: Buffer) => brotliDecompressSync(bytes.subarray(36), known),
    dcz: (bytes: Buffer) => zstdDecompressSync(bytes.subarray(40), known),
  }
  for (const round of ['made', 'kept']) {
    for (const coding of ['dcz', 'dcb'] as const) {
      const answer = await ask(`gzip, br, zstd, ${coding}`, available(versions[0] ?? ''))
      t.equal(answer.header('content-encoding'), coding, round)
      t.equal(decode[coding](answer.body.bytes).toString(), versions[2], `${coding} ${round}`)
      t.ok(answer.body.bytes.length < 200, `${coding}: ${answer.body.bytes.length}`)
      const hash = createHash('sha256')
        .update(versions[0] ?? '')
        .digest()
      t.ok(answer.body.bytes.includes(hash), 'the header names the dictionary')
      const tag = answer.header('etag') as string
      t.match(tag, new RegExp(`^"v[12]~${coding}\\.[0-9a-f]{8}"$`))
      const headers = [...accept(coding), 'If-None-Match', tag]
      const again = await gw.get('/app(1).js', { headers })
      t.strictSame([again.status, again.header('etag')], [304, tag])
    }
  }
  const unknown = await ask('br, dcb', available('never sent'))
  t.equal(unknown.header('content-encoding'), 'br')
  for (const malformed of ['', ':', 'x', '::', '"a"']) {
    t.equal((await ask('br, dcb', malformed)).header('content-encoding'), 'br', malformed)
  }
  const without = await ask('br', available(versions[0] ?? ''))
  t.equal(without.header('content-encoding'), 'br')
  t.equal(origin.requests.filter((request) => request.header('available-dictionary') !== undefined).length, 0)
})

scenario('dictionaries are forgotten beyond their memory, the least recently used first', async (s, t) => {
  const origin = await s.origin((request, answer) =>
    reply(200, fresh, Buffer.concat([noise(9_000), Buffer.from(request.target)]))(request, answer),
  )
  const compression = { dictionaries: { memory: '20kB', match: '/*.json' } }
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression, cache: true }] })
  const body = (target: string) => Buffer.concat([noise(9_000), Buffer.from(target)])
  const has = async (target: string) => {
    const key = `:${createHash('sha256').update(body(target)).digest('base64')}:`
    const answer = await gw.get('/other', { headers: [...accept('dcz'), 'Available-Dictionary', key] })
    return answer.header('content-encoding') === 'dcz'
  }
  const first = await gw.get('/1', { headers: accept('dcz') })
  t.equal(first.header('use-as-dictionary'), 'match="/*.json"')
  await eventually('the first to be known', () => has('/1'))
  await gw.get('/2')
  await eventually('the second to be known', () => has('/2'))
  await gw.get('/3')
  await eventually('the third to be known', () => has('/3'))
  t.notOk(await has('/1'))
})
