import { type Behaviour, silence } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'

const half: Behaviour = (_request, answer) => answer.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')

/** Enough for the wheel: a deadline is reached within two of its ticks. */
const TICKS_MS = 30

scenario('a backend that does not answer in time is given up with 504', async (s, t) => {
  let closed: Promise<void> | undefined
  const origin = await s.origin((_request, answer) => {
    closed = answer.closed()
  })
  const config = { routes: [{ upstream: origin.url, timeouts: { response: '15s', total: '60s' } }] }
  const gw = await s.gateway(config, { clock: s.clock })
  const answer = gw.get('/')
  await origin.saw(1)
  s.clock.advance(15_000 + TICKS_MS)
  t.equal((await answer).status, 504)
  t.equal((await answer).problem.code, 'response_timeout')
  await closed
})

scenario('an answer that stalls is broken off after the idle timeout', async (s, t) => {
  const origin = await s.origin(half)
  const config = { routes: [{ upstream: origin.url, timeouts: { idle: '30s', total: '10m' } }] }
  const gw = await s.gateway(config, { clock: s.clock })
  const client = await gw.client()
  const answer = await client.request().answer()
  await answer.body.next()
  s.clock.advance(30_000 + TICKS_MS)
  await answer.body.rest()
  t.strictSame([answer.text, answer.isComplete], ['half', false])
})

scenario('the total timeout ends what is not answered with 504, and breaks off what is', async (s, t) => {
  for (const behaviour of [silence, half]) {
    const origin = await s.origin(behaviour)
    const config = { routes: [{ upstream: origin.url, timeouts: { response: '5m', idle: '5m', total: '60s' } }] }
    const gw = await s.gateway(config, { clock: s.clock })
    const client = await gw.client()
    client.request()
    await origin.saw(1)
    if (behaviour === silence) {
      s.clock.advance(60_000 + TICKS_MS)
      const answer = await client.whole()
      t.strictSame([answer.status, answer.problem.code], [504, 'total_timeout'])
    } else {
      const answer = await client.answer()
      await answer.body.next()
      s.clock.advance(60_000 + TICKS_MS)
      await answer.body.rest()
      t.equal(answer.isComplete, false)
    }
  }
})

scenario('a connection that does not come about in time is given up with 504', async (s, t) => {
  // A TLS handshake that nobody answers: the connection is not made until it is done.
  const origin = await s.origin(silence)
  const gw = await s.gateway({
    routes: [{ upstream: origin.url.replace('http:', 'https:'), timeouts: { connect: '300ms' }, retry: false }],
  })
  const answer = await gw.get('/')
  t.strictSame([answer.status, answer.problem.code], [504, 'connect_timeout'])
})

scenario('no request that ended in time is touched by a timeout afterwards', async (s, t) => {
  const origin = await s.origin()
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] }, { clock: s.clock })
  const client = await gw.client()
  for (let i = 0; i < 3; i++) {
    t.equal((await client.fetch()).text, 'ok')
    s.clock.advance(50_000)
  }
})
