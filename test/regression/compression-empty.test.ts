import { gunzipSync, gzipSync } from 'node:zlib'
import { exactly, reply } from '../harness/origin.ts'
import { scenario } from '../harness/scenario.ts'
import { accept, codings, decoded } from '../scenarios/compression/coding.ts'

const fields = ['Content-Type: text/plain', 'ETag: "v1"', 'Cache-Control: max-age=60']
const head = (...more: string[]) => `HTTP/1.1 200 OK\r\n${[...fields, ...more].join('\r\n')}\r\n\r\n`

for (const cache of [false, true]) {
  for (const came of codings) {
    const where = `${came}${cache ? ', with a cache' : ''}`

    scenario(`an answer in a coding that has no content is empty for everybody: ${where}`, async (s, t) => {
      const origin = await s.origin(exactly(head(`Content-Encoding: ${came}`, 'Content-Length: 0')))
      const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true, cache }] })
      for (const field of [undefined, 'identity', 'deflate', 'identity;q=0', ...codings, 'gzip, identity;q=0']) {
        for (const method of ['GET', 'HEAD', 'GET']) {
          const answer = await gw.get('/', { method, headers: field === undefined ? [] : accept(field) })
          const isAsCame = field?.startsWith(came) === true
          t.ok(answer.isComplete, `${field} ${method}`)
          t.strictSame([answer.status, answer.text], [200, ''], `${field} ${method}`)
          t.equal(answer.header('content-length'), '0', `${field} ${method}`)
          t.equal(answer.header('content-encoding'), isAsCame ? came : undefined, `${field} ${method}`)
          t.equal(answer.header('etag'), isAsCame ? '"v1"' : '"v1~identity"', `${field} ${method}`)
        }
      }
    })

    scenario(`nor does it need to say beforehand that there is none: ${where}`, async (s, t) => {
      const origin = await s.origin((request, answer) => {
        const isChunked = request.target === '/chunked'
        answer.send(head(`Content-Encoding: ${came}`, isChunked ? 'Transfer-Encoding: chunked' : 'Connection: close'))
        if (isChunked) answer.lastChunk()
        else answer.end()
      })
      const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: { padding: '50B' }, cache }] })
      for (const target of ['/chunked', '/close']) {
        for (const field of ['identity', ...codings, 'identity']) {
          if (field === came) continue
          const answer = await gw.get(target, { headers: accept(field) })
          t.ok(answer.isComplete, `${target} ${field}`)
          t.equal(answer.text === '' ? '' : decoded(answer), '', `${target} ${field}`)
        }
      }
      const client = await gw.client()
      client.send('GET /chunked HTTP/1.0\r\nHost: example.com\r\n\r\n')
      const old = await client.whole()
      t.strictSame([old.status, old.text], [200, ''])
    })
  }
}

scenario('nothing is made out of an empty answer, whatever `min_size` says', async (s, t) => {
  const origin = await s.origin(reply(200, { 'content-type': 'text/plain' }))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: { min_size: '0B' } }] })
  for (const field of [...codings, 'gzip, identity;q=0']) {
    const answer = await gw.get('/', { headers: accept(field) })
    const { text } = answer
    t.strictSame([text, answer.header('content-length'), answer.header('content-encoding')], ['', '0', undefined])
  }
})

scenario('a request body without content is empty in any coding', async (s, t) => {
  const origin = await s.origin(reply(200, {}, 'ok'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: { decompress_requests: true } }] })
  for (const coding of [...codings, 'gzip, br']) {
    for (const framing of ['Content-Length: 0\r\n\r\n', 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n']) {
      const client = await gw.client()
      client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: ${coding}\r\n${framing}`)
      t.equal((await client.whole()).status, 200, `${coding} ${framing}`)
      t.equal(origin.last.body.text, '')
      t.ok(origin.last.body.isComplete)
    }
  }
})

scenario('who refuses identity gets no second coding on top of the first one', async (s, t) => {
  const image = { 'content-type': 'image/png', 'content-encoding': 'gzip' }
  const origin = await s.origin(reply(200, image, gzipSync('an image')))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, compression: true }] })
  const answer = await gw.get('/', { headers: accept('gzip, identity;q=0') })
  t.strictSame([answer.header('content-encoding'), gunzipSync(answer.body.bytes).toString()], ['gzip', 'an image'])
})
