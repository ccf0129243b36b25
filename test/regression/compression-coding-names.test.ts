import { brotliCompressSync, gzipSync } from 'node:zlib'
import { exactly, reply } from '../harness/origin.ts'
import { scenario } from '../harness/scenario.ts'
import { accept, codings, decode, decoded, listing } from '../scenarios/compression/coding.ts'

const text = listing(5_000)
const gzip = gzipSync(text)

/** Ways to say in Content-Encoding that the body is in gzip, and nothing else (RFC 9110 §8.4, §8.4.1.3, §5.6.1.2). */
const ways: Record<string, readonly string[]> = {
  'x-gzip': ['x-gzip'],
  'X-GZIP': ['X-GZIP'],
  'identity before it': ['identity, gzip'],
  'identity behind it': ['GZip ,Identity'],
  'empty members': [', gzip,,'],
  'several lines': ['identity', 'x-gzip'],
  'empty lines': ['', 'gzip', ''],
}

const head = (lines: readonly string[], body: Uint8Array) =>
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: max-age=60\r\nETag: "v1"\r\n${lines
    .map((line) => `content-encoding: ${line}\r\n`)
    .join('')}Content-Length: ${body.byteLength}\r\n\r\n`

for (const cache of [false, true]) {
  for (const [name, lines] of Object.entries(ways)) {
    scenario(`gzip is understood however it is written: ${name}${cache ? ', with a cache' : ''}`, async (s, t) => {
      const origin = await s.origin((request, answer) =>
        exactly(head(lines, gzip), request.method === 'HEAD' ? '' : gzip)(request, answer),
      )
      const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true, cache }] })
      for (const field of [undefined, 'identity', 'compress', 'br', 'zstd', 'br']) {
        const name = String(field)
        const answer = await gw.get('/', { headers: field === undefined ? [] : accept(field) })
        const coding = codings.find((coding) => coding === field)
        t.ok(answer.isComplete, name)
        t.strictSame(answer.headers('content-encoding'), coding === undefined ? [] : [coding], name)
        t.equal(answer.header('etag'), `"v1~${coding ?? 'identity'}"`, name)
        t.equal(decoded(answer), text, name)
        const same = await gw.get('/', { method: 'HEAD', headers: field === undefined ? [] : accept(field) })
        t.equal(same.header('content-encoding'), coding, name)
      }
      for (const field of ['gzip', 'x-gzip']) {
        const answer = await gw.get('/', { headers: accept(field) })
        t.ok(decode('gzip', answer.body.bytes).equals(Buffer.from(text)), 'it goes on as it came')
        t.equal(answer.header('etag'), '"v1"')
      }
    })
  }
}

scenario('a coding that is not known, or one on top of another, goes on as it came', async (s, t) => {
  const twice = brotliCompressSync(gzip)
  const cases: [string[], Uint8Array][] = [
    [['x-compress'], gzip],
    [['x-gzip, br'], twice],
    [['gzip', 'br'], twice],
  ]
  for (const [lines, body] of cases) {
    const origin = await s.origin(exactly(head(lines, body), body))
    const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
    for (const field of ['br', 'identity']) {
      const answer = await gw.get('/', { headers: accept(field) })
      t.strictSame(answer.headers('content-encoding'), lines)
      t.ok(answer.body.bytes.equals(Buffer.from(body)))
    }
  }
})

scenario('request bodies are taken out of codings written in any of these ways', async (s, t) => {
  const origin = await s.origin(reply(200, {}, 'ok'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: { decompress_requests: true } }] })
  for (const [name, lines] of Object.entries(ways)) {
    const headers = lines.flatMap((line) => ['Content-Encoding', line])
    t.equal((await gw.fetch({ method: 'POST', body: gzip, headers })).status, 200, name)
    t.equal(origin.last.body.text, text, name)
  }
})
