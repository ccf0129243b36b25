import { gunzipSync } from 'node:zlib'
import { deadUrl, reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'

scenario('a fixed answer is compressed and edited as any other', async (s, t) => {
  const body = 'sorry '.repeat(1000)
  const gw = await s.gateway({
    routes: [
      {
        upstream: await deadUrl(),
        compression: { encodings: ['gzip'] },
        response_headers: { set: { 'x-own': '1' } },
        fallback: { status: 200, body },
      },
    ],
  })
  const answer = await gw.get('/', { headers: { 'Accept-Encoding': 'gzip' } })
  t.match([answer.status, answer.header('content-encoding'), answer.header('x-own')], [200, 'gzip', '1'])
  t.equal(gunzipSync(Buffer.from(answer.body.text, 'latin1')).toString(), body)
})

scenario('what another upstream answers is compressed as any other, whole', async (s, t) => {
  const body = 'spare '.repeat(20_000)
  const spare = await s.origin(reply(200, { 'Content-Type': 'text/plain' }, body))
  const gw = await s.gateway({
    routes: [{ upstream: await deadUrl(), compression: { encodings: ['gzip'] }, fallback: { upstream: spare.url } }],
  })
  const client = await gw.client()
  for (let i = 0; i < 2; i++) {
    const answer = await client.fetch({ headers: { 'Accept-Encoding': 'gzip' } })
    t.equal(gunzipSync(Buffer.from(answer.body.text, 'latin1')).toString(), body)
  }
})

scenario('a request with a body is mirrored, retried and given to the fallback from one memory', async (s, t) => {
  const body = 'x'.repeat(10_000)
  const main = await s.origin(async (request, answer) => {
    await request.body.rest()
    answer.reset()
  })
  const spare = await s.origin(reply(200, {}, 'spare'))
  const copy = await s.origin(reply())
  const gw = await s.gateway({
    routes: [
      {
        upstream: main.url,
        retry: { attempts: 2, on: ['reset'] },
        mirror: { upstream: copy.url, unsafe: true },
        fallback: { upstream: spare.url },
      },
    ],
  })
  t.equal((await gw.fetch({ method: 'PUT', body })).text, 'spare')
  await copy.saw(1)
  await copy.last.body.rest()
  t.same(
    [main, spare, copy].map((origin) => origin.requests.map((request) => request.body.text === body)),
    [[true, true], [true], [true]],
  )
})
