import { type Scenario, scenario } from '../../harness/scenario.ts'
import { eventually } from '../../harness/wire.ts'

async function paced(s: Scenario, rateLimit: object, more: object = {}) {
  const origin = await s.origin()
  const gw = await s.gateway(
    { routes: [{ name: 'r', upstream: origin.url, rate_limit: rateLimit, ...more }] },
    { clock: s.clock },
  )
  const decided = (decision: string) => gw.metric('gateway_rate_limit_requests_total', { route: 'r', decision })
  return { gw, origin, decided }
}

scenario(
  'with pace, a request that comes too early waits for its turn, and only what would wait too long is refused',
  async (s, t) => {
    const { gw, origin, decided } = await paced(s, { limit: '10/s', burst: 1, pace: '250ms' })
    t.equal((await gw.get('/')).status, 200)
    const waiting = [gw.get('/'), gw.get('/')]
    await eventually('two that wait', async () => (await decided('paced')) === 2)
    t.equal((await gw.get('/')).status, 429, 'its turn would be in 300 ms')
    t.equal(origin.requests.length, 1)
    s.clock.advance(100)
    await eventually('the first turn', () => origin.requests.length === 2)
    s.clock.advance(100)
    t.same(
      (await Promise.all(waiting)).map(({ status }) => status),
      [200, 200],
    )
    t.equal(origin.requests.length, 3)
  },
)

scenario('a request that could not wait for its turn within its deadline is refused at once', async (s, t) => {
  const { gw } = await paced(s, { limit: '1/s', burst: 1, pace: '10s' }, { timeouts: { total: '500ms' } })
  t.equal((await gw.get('/')).status, 200)
  const refused = await gw.get('/')
  t.same([refused.status, refused.header('retry-after')], [429, '1'])
})

scenario('a client that leaves while it waits is let go, and sends nothing on', async (s, t) => {
  const { gw, origin, decided } = await paced(s, { limit: '1/s', burst: 1, pace: '10s' })
  t.equal((await gw.get('/')).status, 200)
  const client = await gw.client()
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await eventually('one that waits', async () => (await decided('paced')) === 1)
  client.reset()
  await eventually(
    'nobody in flight',
    async () => ((await gw.metric('gateway_requests_in_flight', { route: 'r' })) ?? 0) === 0,
  )
  s.clock.advance(5000)
  t.equal((await gw.get('/')).status, 200)
  t.equal(origin.requests.length, 2)
})
