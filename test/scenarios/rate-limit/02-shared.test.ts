import type { TestGateway } from '../../harness/gateway.ts'
import { TestRedis } from '../../harness/redis.ts'
import { type Scenario, scenario } from '../../harness/scenario.ts'

async function instances(s: Scenario, rateLimit: unknown, count = 2) {
  const redis = await TestRedis.start()
  s.atEnd(() => redis.close())
  const origin = await s.origin()
  const config = {
    // A busy machine is no slow Redis.
    redis: { url: redis.url, timeouts: { command: '1s' } },
    routes: [{ name: 'r', upstream: origin.url, rate_limit: rateLimit }],
  }
  const all = await Promise.all(Array.from({ length: count }, () => s.gateway(config)))
  for (const gw of all) await isUp(gw, 1)
  return { redis, all }
}

async function isUp(gw: TestGateway, expected: 0 | 1): Promise<void> {
  while ((await gw.metric('gateway_redis_up')) !== expected) await new Promise((resolve) => setTimeout(resolve, 5))
}

scenario('instances that share Redis count together', async (s, t) => {
  const { all } = await instances(s, { limit: '10/h', scope: 'shared' })
  let passed = 0
  for (let i = 0; i < 16; i++) if ((await (all[i % 2] as TestGateway).get('/')).status === 200) passed++
  t.equal(passed, 10)
  const refused = await (all[0] as TestGateway).get('/')
  t.equal(refused.status, 429)
  t.match(refused.header('ratelimit'), /^"client_ip";r=0;t=3\d\d\d$/)
  t.ok(Number(refused.header('retry-after')) > 300)
})

scenario(
  'of shared and own limits all must let a request pass, and what one refuses costs the others nothing',
  async (s, t) => {
    const { all } = await instances(s, [
      { name: 'mine', limit: '3/h' },
      { name: 'wide', limit: '5/h', scope: 'shared' },
      { name: 'narrow', limit: '2/h', scope: 'shared', by: 'path' },
    ])
    const [one, other] = all as [TestGateway, TestGateway]
    const ask = async (gw: TestGateway, target: string) => (await gw.get(target)).status
    t.same(
      [await ask(one, '/a'), await ask(one, '/a'), await ask(one, '/a'), await ask(one, '/a')],
      [200, 200, 429, 429],
    )
    t.equal(await ask(one, '/b'), 200)
    t.equal(await ask(one, '/c'), 429, 'its own limit')
    t.same([await ask(other, '/c'), await ask(other, '/d'), await ask(other, '/e')], [200, 200, 429], 'five in all')
  },
)

scenario(
  'without Redis each instance counts for itself at once, nobody meets an error, and later they count together again',
  async (s, t) => {
    const { redis, all } = await instances(s, { limit: '3/h', scope: 'shared' })
    const [one, other] = all as [TestGateway, TestGateway]
    t.equal((await one.get('/')).status, 200)
    await redis.kill()
    for (const gw of [one, other]) {
      const statuses = []
      for (let i = 0; i < 5; i++) statuses.push((await gw.get('/')).status)
      t.same(statuses, [200, 200, 200, 429, 429])
      t.equal(await gw.metric('gateway_rate_limit_degraded_total', { route: 'r' }), 5)
    }
    await redis.start()
    await isUp(one, 1)
    await isUp(other, 1)
    const after = []
    for (let i = 0; i < 4; i++) after.push((await (i % 2 === 0 ? one : other).get('/')).status)
    t.same(after, [200, 200, 200, 429], 'the new server knows nothing of before')
  },
)

scenario('a Redis that hangs costs a few requests its timeout, and nobody an error', async (s, t) => {
  const { redis, all } = await instances(s, { limit: '1000/h', scope: 'shared' }, 1)
  const [gw] = all as [TestGateway]
  redis.pause()
  for (let i = 0; i < 10; i++) t.equal((await gw.get('/')).status, 200)
  redis.resume()
  await isUp(gw, 1)
  t.equal((await gw.get('/')).status, 200)
})

scenario('dry_run refuses nobody, and is counted', async (s, t) => {
  const { all } = await instances(s, { limit: '1/h', scope: 'shared', dry_run: true }, 1)
  const [gw] = all as [TestGateway]
  for (let i = 0; i < 3; i++) t.equal((await gw.get('/')).status, 200)
  t.equal(await gw.metric('gateway_rate_limit_requests_total', { decision: 'would_limit' }), 2)
})
