/** A burst is not an overload: it makes everything late for a moment, and is worked off. */
import t from 'tap'
import { overloadSchema } from '../../src/features/overload/schema.ts'
import { limitsSchema } from '../../src/net/schema.ts'
import type { Answering } from '../harness/origin.ts'
import { scenario } from '../harness/scenario.ts'
import { eventually } from '../harness/wire.ts'

const clients = 400

scenario('clients who come at once are all answered by a gateway that was late for two seconds', async (s, t) => {
  const answers: Answering[] = []
  const origin = await s.origin((_request, answer) => {
    answers.push(answer)
  })
  const upstreams = { u: { endpoints: [{ url: origin.url }], pool: { connections: 1024 } } }
  const gw = await s.gateway({ overload: {}, upstreams, routes: [{ upstream: 'u' }] }, { clock: s.clock })
  // The event loop does not turn for so long, again and again.
  for (let i = 0; i < 4; i++) s.clock.stall(500)
  const burst = Array.from({ length: clients }, () => gw.get('/'))
  await eventually('all to reach the backend', () => answers.length === clients)
  for (let i = 0; i < 2; i++) s.clock.stall(400)
  for (const answer of answers) answer.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  t.same(new Set((await Promise.all(burst)).map(({ status }) => status)), new Set([200]))
  t.equal(await gw.metric('gateway_shed_total'), undefined)
})

scenario('whoever comes right after an overload is answered', async (s, t) => {
  const origin = await s.origin()
  const gw = await s.gateway({ overload: {}, routes: [{ upstream: origin.url }] }, { clock: s.clock })
  for (let i = 0; i < 20; i++) s.clock.stall(2000)
  t.equal(await gw.metric('gateway_pressure_level'), 5)
  await s.clock.advance(100)
  for (let i = 0; i < 20; i++) t.equal((await gw.get('/')).status, 200)
})

t.test('by default, no listener has so many connections that their requests are too many in flight', async (t) => {
  // Low priority may fill 80 % of it.
  t.ok(limitsSchema.parse({}).max_connections <= overloadSchema.parse({}).max_in_flight * 0.8)
})
