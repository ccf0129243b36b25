import { gzipSync } from 'node:zlib'
import { type Behaviour, reply } from '../harness/origin.ts'
import { scenario } from '../harness/scenario.ts'
import { accept, json, listing } from '../scenarios/compression/coding.ts'

const body = listing(4_000)
const png = { 'content-type': 'image/png' }
const modified = 'Thu, 01 Jan 2026 00:00:00 GMT'

type Case = readonly [name: string, fields: Readonly<Record<string, string>>, body: string | Uint8Array, vary: string[]]

const coding = ['Accept-Encoding']
const cases: readonly Case[] = [
  ['compressible', json, body, coding],
  ['image', png, body, []],
  ['untyped', {}, body, []],
  ['tiny', json, '{}', []],
  ['nothing', json, '', []],
  ['fixed', { ...json, 'cache-control': 'max-age=60, no-transform' }, body, []],
  ['gzip', { ...json, 'content-encoding': 'gzip' }, gzipSync(body), coding],
  ['compress', { ...json, 'content-encoding': 'compress' }, body, []],
  ['image-varies', { ...png, vary: 'accept-encoding' }, body, ['accept-encoding']],
  ['tiny-varies', { ...json, vary: 'Origin' }, '{}', ['Origin']],
  ['varies', { ...json, vary: 'Origin' }, body, ['Origin', 'Accept-Encoding']],
]

const backend: Behaviour = (request, answer) => {
  const found = cases.find(([name]) => request.target === `/${name}`)
  const [, fields, content] = found ?? ['', {}, '', []]
  const all = { 'cache-control': 'max-age=60', etag: '"v1"', 'last-modified': modified, ...fields }
  const isKnown = request.header('if-none-match') === '"v1"'
  return reply(isKnown ? 304 : 200, all, content)(request, answer)
}

for (const cache of [false, true]) {
  const where = cache ? ', with a cache' : ''

  scenario(`Vary is there where another client may get another answer, and nowhere else${where}`, async (s, t) => {
    const origin = await s.origin(backend)
    const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true, cache }] })
    for (const [name, , , vary] of cases) {
      for (const field of ['identity', 'gzip', 'br', 'identity']) {
        for (const method of ['GET', 'HEAD']) {
          const answer = await gw.get(`/${name}`, { method, headers: accept(field) })
          t.equal(answer.status, 200)
          t.strictSame(answer.headers('vary'), vary, `${name} ${field} ${method}`)
        }
      }
    }
  })

  scenario(`a 304 varies as its 200 does where that can be known, and else says so${where}`, async (s, t) => {
    const origin = await s.origin(backend)
    const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true, cache }] })
    for (const [name, , , vary] of cases) {
      const first = await gw.get(`/${name}`, { headers: accept('br') })
      const tag = first.header('etag') as string
      const again = await gw.get(`/${name}`, { headers: [...accept('br'), 'If-None-Match', tag] })
      t.strictSame([again.status, again.header('etag')], [304, tag], name)
      const isUnsure = ['untyped', 'tiny', 'nothing', 'compress', 'tiny-varies'].includes(name)
      const expected = isUnsure ? [...vary, 'Accept-Encoding'] : vary
      t.strictSame(again.headers('vary'), expected, name)
    }
  })
}

scenario('a part varies where the whole may, and where its type does not say', async (s, t) => {
  const part = { 'content-range': 'bytes 0-9/5000' }
  const parts: [Record<string, string>, string[]][] = [
    [{ ...json, ...part }, coding],
    [part, coding],
    [{ 'content-type': 'multipart/byteranges; boundary=x' }, coding],
    [{ ...png, ...part }, []],
    [{ ...json, ...part, 'cache-control': 'no-transform' }, []],
  ]
  for (const [fields, vary] of parts) {
    const origin = await s.origin(reply(206, fields, body.slice(0, 10)))
    const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
    const answer = await gw.get('/', { headers: [...accept('br'), 'Range', 'bytes=0-9'] })
    t.strictSame([answer.status, answer.headers('vary')], [206, vary])
  }
})
