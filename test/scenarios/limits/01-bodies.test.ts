import { reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'
import { eventually } from '../../harness/wire.ts'

const listeners = [{ address: '127.0.0.1:0', limits: { body_size: '10B' } }]

scenario('a body that announces too much is refused with 413 before anything is sent', async (s, t) => {
  const origin = await s.origin()
  const gw = await s.gateway({ listeners, routes: [{ upstream: origin.url }] })
  const answer = await gw.fetch({ method: 'POST', body: 'x'.repeat(11) })
  t.strictSame([answer.status, answer.problem.code], [413, 'body_too_large'])
  t.equal(origin.requests.length, 0)
  t.equal((await gw.fetch({ method: 'POST', body: 'x'.repeat(10) })).status, 200)
})

scenario('a chunked body is cut at its limit: 413 for the client, no whole body for the backend', async (s, t) => {
  const origin = await s.origin(reply())
  const gw = await s.gateway({ listeners, routes: [{ upstream: origin.url }] })
  const client = await gw.client()
  client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n').chunk('12345678')
  const request = await origin.saw(1)
  client.chunk('90123')
  const answer = await client.whole()
  t.strictSame([answer.status, answer.problem.code], [413, 'body_too_large'])
  await client.closed()
  await eventually('the end of the connection to the backend', () => origin.open === 0)
  t.equal(request.body.isComplete, false)
})

scenario('a route may take more, or less, than its listener', async (s, t) => {
  const origin = await s.origin()
  const gw = await s.gateway({
    listeners,
    routes: [
      { match: '/more', upstream: origin.url, limits: { body_size: '20B' } },
      { match: '/less', upstream: origin.url, limits: { body_size: '5B' } },
    ],
  })
  const status = async (target: string, bytes: number) =>
    (await gw.fetch({ method: 'POST', target, body: 'x'.repeat(bytes) })).status
  t.equal(await status('/more', 20), 200)
  t.equal(await status('/more', 21), 413)
  t.equal(await status('/less', 5), 200)
  t.equal(await status('/less', 6), 413)
})

scenario('a header section beyond its limits is refused with 431', async (s, t) => {
  const gw = await s.gateway({
    listeners: [{ address: '127.0.0.1:0', limits: { header_size: '2KiB', header_count: 10 } }],
    routes: [{ respond: { body: 'ok' } }],
  })
  t.equal((await gw.get('/', { headers: { 'X-Big': 'x'.repeat(3000) } })).status, 431)
  const many = Array.from({ length: 11 }, (_, i) => [`X-${i}`, '1']).flat()
  t.equal((await gw.get('/', { headers: many })).status, 431)
  t.equal((await gw.get('/', { headers: many.slice(0, 18) })).status, 200)
})
