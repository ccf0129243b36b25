import { TestRedis } from '../../harness/redis.ts'
import { scenario } from '../../harness/scenario.ts'

scenario('a Redis that is not there keeps no request waiting, and is reported once', async (s, t) => {
  const origin = await s.origin()
  const redis = await TestRedis.absent()
  s.atEnd(() => redis.close())
  const gw = await s.gateway({ redis: { url: redis.url }, routes: [{ upstream: origin.url }] })
  for (let i = 0; i < 5; i++) t.equal((await gw.get()).status, 200)
  t.equal(await gw.metric('gateway_redis_up'), 0)
})

scenario('a reload keeps the connections to Redis, unless what it says of Redis has changed', async (s, t) => {
  const origin = await s.origin()
  const redis = await TestRedis.start()
  s.atEnd(() => redis.close())
  const config = { redis: { url: redis.url }, routes: [{ upstream: origin.url }] }
  const gw = await s.gateway(config)
  const ids = async (): Promise<string[]> => String(await redis.ask('CLIENT', 'LIST')).match(/\bid=\d+/g) ?? []
  while ((await ids()).length < 4) await redis.ask('PING')
  const before = await ids()
  await gw.apply({ ...config, routes: [{ name: 'other', upstream: origin.url }] })
  t.same(await ids(), before)
  await gw.apply({ ...config, redis: { url: redis.url, prefix: 'other:' } })
  while ((await ids()).filter((id) => !before.includes(id)).length < 3) await redis.ask('PING')
  while ((await ids()).length > 4) await redis.ask('PING')
  t.equal((await gw.get()).status, 200)
})
