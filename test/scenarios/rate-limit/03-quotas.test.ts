import { TestRedis } from '../../harness/redis.ts'
import { type Scenario, scenario } from '../../harness/scenario.ts'
import { eventually } from '../../harness/wire.ts'

async function limited(s: Scenario, rateLimit: unknown) {
  const origin = await s.origin()
  const config = { routes: [{ name: 'r', upstream: origin.url, rate_limit: rateLimit }] }
  const gw = await s.gateway(config, { clock: s.clock })
  return { gw, config }
}

scenario('a quota holds until its window is over, then begins anew', async (s, t) => {
  const { gw, config } = await limited(s, { limit: '3/m', window: 'fixed' })
  const statuses = async (count: number) => {
    const all: number[] = []
    for (let i = 0; i < count; i++) all.push((await gw.get('/')).status)
    return all
  }
  t.same(await statuses(2), [200, 200])
  s.clock.advance(50_000)
  await gw.apply({ ...config, defaults: { timeouts: { connect: '1s' } } })
  t.same(await statuses(2), [200, 429], 'also over a reload')
  const refused = await gw.get('/')
  t.match([refused.status, refused.problem.code, refused.header('retry-after')], [429, 'rate_limited', '10'])
  t.equal(refused.header('ratelimit-policy'), '"client_ip";q=3;w=60')
  t.equal(refused.header('ratelimit'), '"client_ip";r=0;t=10')
  s.clock.advance(10_000)
  t.same(await statuses(4), [200, 200, 200, 429])
})

scenario('what a smooth limit refuses uses up nothing of a quota, and the other way round', async (s, t) => {
  const { gw } = await limited(s, [
    { name: 'second', limit: '2/s' },
    { name: 'day', limit: '5/d', window: 'fixed' },
  ])
  const passed: number[] = []
  for (let second = 0; second < 4; second++) {
    let count = 0
    for (let i = 0; i < 6; i++) if ((await gw.get('/')).status === 200) count++
    passed.push(count)
    s.clock.advance(1000)
  }
  t.same(passed, [2, 2, 1, 0])
})

scenario('a quota with dry_run refuses nobody, and exempt clients are not counted', async (s, t) => {
  const { gw } = await limited(s, { limit: '1/h', window: 'fixed', dry_run: true })
  t.same([(await gw.get('/')).status, (await gw.get('/')).status], [200, 200])
  t.equal(await gw.metric('gateway_rate_limit_requests_total', { decision: 'would_limit' }), 1)
  const { gw: free } = await limited(s, { limit: '1/h', window: 'fixed', exempt: ['127.0.0.0/8'] })
  t.same([(await free.get('/')).status, (await free.get('/')).status], [200, 200])
})

scenario('instances that share Redis share quotas, and count on their own while it is gone', async (s, t) => {
  const redis = await TestRedis.start()
  s.atEnd(() => redis.close())
  const origin = await s.origin()
  const config = {
    redis: { url: redis.url, timeouts: { command: '1s' } },
    routes: [{ name: 'r', upstream: origin.url, rate_limit: { limit: '3/h', window: 'fixed', scope: 'shared' } }],
  }
  const [one, other] = [await s.gateway(config), await s.gateway(config)]
  for (const gw of [one, other]) {
    await eventually('Redis', async () => (await gw.metric('gateway_redis_up')) === 1)
  }
  const ask = async (gw: typeof one) => (await gw.get('/')).status
  t.same([await ask(one), await ask(other), await ask(one), await ask(other)], [200, 200, 200, 429])
  await redis.kill()
  await eventually('Redis gone', async () => (await one.metric('gateway_redis_up')) === 0)
  t.same([await ask(one), await ask(one), await ask(one), await ask(one)], [200, 200, 200, 429])
  t.ok(((await one.metric('gateway_rate_limit_degraded_total', { route: 'r' })) ?? 0) >= 4)
})
