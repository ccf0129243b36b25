/** The request that tries a half-open breaker may be at the mercy of its client's pace: others must not be. */
import { reply } from '../harness/origin.ts'
import { scenario } from '../harness/scenario.ts'

scenario('a slow upload that tries first does not keep a well endpoint from everybody else', async (s, t) => {
  const origin = await s.origin(reply(500), reply(500), reply(200, {}, 'well'))
  const circuit_breaker = { consecutive_failures: 2, minimum_requests: 2, open_for: '50ms' }
  const gw = await s.gateway(
    { upstreams: { u: { endpoints: [origin.url], circuit_breaker } }, routes: [{ upstream: 'u' }] },
    { clock: s.clock },
  )
  for (let i = 0; i < 2; i++) t.equal((await gw.get('/')).status, 500)
  const state = () => gw.metric('gateway_circuit_breaker_state')
  // The breaker's own timers are real ones.
  while ((await state()) !== 1) await new Promise(setImmediate)
  const slow = await gw.client()
  slow.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\na')
  await origin.saw(3)
  t.equal((await gw.get('/')).problem.code, 'circuit_open', 'one at a time')
  s.clock.advance(60)
  const answer = await gw.get('/')
  t.same([answer.status, answer.text], [200, 'well'])
  while ((await state()) !== 0) await new Promise(setImmediate)
})
