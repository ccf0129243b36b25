import type { TestGateway } from '../../harness/gateway.ts'
import { type Answering, reply, type ScriptedOrigin } from '../../harness/origin.ts'
import { TestRedis } from '../../harness/redis.ts'
import type { Scenario } from '../../harness/scenario.ts'
import { scenario } from '../../harness/scenario.ts'
import { eventually } from '../../harness/wire.ts'

const nothing = { urls: [], isPrefix: false, tags: [], groups: [], isAll: false, isSoft: false, isDryRun: false }
const cacheable = reply(200, { 'cache-control': 'max-age=600', 'surrogate-key': 'product' }, 'x')

async function redisOf(s: Scenario): Promise<TestRedis> {
  const redis = await TestRedis.start()
  s.atEnd(() => redis.close())
  return redis
}

/** One more instance that hears of the others' purges. */
async function instance(
  s: Scenario,
  redis: TestRedis,
  origin: ScriptedOrigin,
  cache: object = {},
  where: object = { url: redis.url },
): Promise<TestGateway> {
  const gw = await s.gateway({
    // A busy machine is no slow Redis.
    redis: { timeouts: { command: '1s' }, ...where },
    cache: { redis: { wait: '5s', ...cache } },
    routes: [{ name: 'all', upstream: origin.url, cache: { stale_while_revalidate: '1h' } }],
  })
  await hears(gw)
  return gw
}

function hears(gw: TestGateway): Promise<void> {
  return eventually('it to hear of purges', async () => (await gw.metric('gateway_cache_bus_up')) === 1)
}

async function isHit(gw: TestGateway, target = '/'): Promise<boolean> {
  return /; hit/.test((await gw.get(target)).header('cache-status') ?? '')
}

function stored(gw: TestGateway, count = 1): Promise<void> {
  const read = () => gw.metric('gateway_cache_shared_stores_total', { result: 'stored' })
  return eventually('it to be stored', async () => ((await read()) ?? 0) >= count)
}

scenario('what one instance fetched, another has', async (s, t) => {
  const origin = await s.origin(cacheable)
  const redis = await redisOf(s)
  const [one, two] = [await instance(s, redis, origin), await instance(s, redis, origin)]
  await one.get('/')
  await stored(one)
  const answer = await two.get('/')
  t.equal(answer.text, 'x')
  t.match(answer.header('cache-status'), /; hit/)
  t.ok(answer.header('age') !== undefined)
  t.equal(origin.requests.length, 1)
  t.equal(await two.metric('gateway_cache_shared_lookups_total', { result: 'hit' }), 1)
  t.ok(await isHit(two), 'from memory by now')
  t.equal(await two.metric('gateway_cache_shared_lookups_total', { result: 'hit' }), 1)
})

scenario('variants and empty bodies are shared like any other', async (s, t) => {
  const origin = await s.origin((request, answer) => {
    if (request.target === '/empty') return reply(204, { 'cache-control': 'max-age=600' })(request, answer)
    const language = /accept-language: (\w+)/i.exec(request.raw)?.[1] ?? 'none'
    return reply(200, { 'cache-control': 'max-age=600', vary: 'Accept-Language' }, language)(request, answer)
  })
  const redis = await redisOf(s)
  const [one, two] = [await instance(s, redis, origin), await instance(s, redis, origin)]
  const languages = ['de', 'fr', 'it']
  for (const language of languages) await one.get('/', { headers: { 'accept-language': language } })
  await one.get('/empty')
  await stored(one, 4)
  for (const language of languages) {
    t.equal((await two.get('/', { headers: { 'accept-language': language } })).text, language)
  }
  t.equal((await two.get('/empty')).status, 204)
  t.equal(origin.requests.length, 4)
})

scenario('one cold object asked of two instances is fetched once', async (s, t) => {
  const waiting: Answering[] = []
  const origin = await s.origin((_request, answer) => {
    waiting.push(answer)
  })
  const redis = await redisOf(s)
  const [one, two] = [await instance(s, redis, origin), await instance(s, redis, origin)]
  const answers = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? one : two).get('/cold'))
  await origin.saw(1)
  await eventually('all to wait', async () => {
    const inFlight = await Promise.all([one, two].map((gw) => gw.metric('gateway_requests_in_flight')))
    return inFlight[0] === 10 && inFlight[1] === 10
  })
  waiting[0]?.send('HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\ncold')
  for (const answer of await Promise.all(answers)) t.strictSame([answer.status, answer.text], [200, 'cold'])
  t.equal(origin.requests.length, 1)
})

scenario('an instance that waits goes on when the other’s answer can’t be shared', async (s, t) => {
  const waiting: Answering[] = []
  const origin = await s.origin((_request, answer) => {
    waiting.push(answer)
  })
  const redis = await redisOf(s)
  const [one, two] = [await instance(s, redis, origin), await instance(s, redis, origin)]
  const first = one.get('/mine')
  await origin.saw(1)
  const second = two.get('/mine')
  await eventually('it to wait', async () => (await two.metric('gateway_requests_in_flight')) === 1)
  const mine = (text: string) => `HTTP/1.1 200 OK\r\nCache-Control: private\r\nContent-Length: 1\r\n\r\n${text}`
  waiting[0]?.send(mine('a'))
  await origin.saw(2)
  waiting[1]?.send(mine('b'))
  t.same([(await first).text, (await second).text], ['a', 'b'])
})

scenario('an instance that dies while it fetches costs the others one bounded wait', async (s, t) => {
  const waiting: Answering[] = []
  const origin = await s.origin((_request, answer) => {
    waiting.push(answer)
  })
  const redis = await redisOf(s)
  const two = await instance(s, redis, origin, { wait: '200ms' })
  const key = async () => String(((await redis.ask('KEYS', 'gw:cache:*:l:*')) as string[])[0])
  const one = await instance(s, redis, origin, { wait: '200ms' })
  one.get('/').catch(() => {})
  await origin.saw(1)
  const lock = await key()
  // What a process that ends leaves behind: its lock, and no word.
  await redis.ask('SET', lock, 'somebody gone', 'PX', 200)
  const answer = two.get('/')
  await origin.saw(2)
  waiting[1]?.send('HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 1\r\n\r\nx')
  t.equal((await answer).text, 'x')
  t.equal(await two.metric('gateway_cache_shared_waits_total', { result: 'expired' }), 1)
  waiting[0]?.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
})

scenario('a purge on one instance is obeyed by the others, in memory and in Redis', async (s, t) => {
  let n = 0
  const origin = await s.origin((request, answer) =>
    reply(
      200,
      { 'cache-control': 'max-age=600', 'surrogate-key': 'product', 'cache-groups': '"g"' },
      `v${++n}`,
    )(request, answer),
  )
  const redis = await redisOf(s)
  const [one, two] = [await instance(s, redis, origin), await instance(s, redis, origin)]
  const received = () => two.metric('gateway_cache_purge_messages_total', { kind: 'received' })
  const requests = [
    { urls: ['http://example.com/'] },
    { urls: ['/'] },
    { urls: ['/'], isPrefix: true },
    { tags: ['product'] },
    { groups: ['g'] },
    { isAll: true },
  ]
  for (const [i, request] of requests.entries()) {
    const before = (await two.get('/')).text
    await stored(two, i + 1)
    t.equal((await one.get('/')).text, before, 'both have it')
    t.match(await one.gateway.purge({ ...nothing, ...request }), { matched: 1, others: 'sent' })
    await eventually('the other to hear', async () => (await received()) === i + 1)
    const after = (await (i % 2 === 0 ? one : two).get('/')).text
    t.not(after, before, JSON.stringify(request))
    if (i % 2 === 0) {
      await stored(one, i / 2 + 1)
      t.equal((await two.get('/')).text, after)
      await two.gateway.purge({ ...nothing, isAll: true })
      await eventually('the first to hear', async () => {
        return (await one.metric('gateway_cache_purge_messages_total', { kind: 'received' })) === i / 2 + 1
      })
    }
  }
})

scenario('a soft purge makes what others have stale, and what is in Redis', async (s, t) => {
  const origin = await s.origin(cacheable)
  const redis = await redisOf(s)
  const [one, two] = [await instance(s, redis, origin), await instance(s, redis, origin)]
  await one.get('/')
  await stored(one)
  await one.gateway.purge({ ...nothing, tags: ['product'], isSoft: true })
  await eventually('the other to hear', async () => {
    return (await two.metric('gateway_cache_purge_messages_total', { kind: 'received' })) === 1
  })
  t.match((await two.get('/')).header('cache-status'), /hit; ttl=(?:0|-\d)/, 'stale, from Redis')
})

scenario('a POST on one instance removes what the others have', async (s, t) => {
  const origin = await s.origin(cacheable)
  const redis = await redisOf(s)
  const [one, two] = [await instance(s, redis, origin), await instance(s, redis, origin)]
  await two.get('/')
  await stored(two)
  await one.fetch({ method: 'POST', target: '/' })
  await eventually('the other to hear', async () => {
    return (await two.metric('gateway_cache_purge_messages_total', { kind: 'received' })) === 1
  })
  t.notOk(await isHit(two))
})

scenario('what was purged while an instance could not hear is caught up with, and the rest stays', async (s, t) => {
  const origin = await s.origin(cacheable)
  const redis = await redisOf(s)
  const [one, two] = [await instance(s, redis, origin), await instance(s, redis, origin)]
  for (const target of ['/a', '/b']) await two.get(target)
  // Every connection of the second one's breaks; it is told of nothing until they are back.
  await redis.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await one.gateway.purge({ ...nothing, urls: ['/a'] })
  await eventually('it to know', async () => {
    const kinds = await Promise.all(
      ['received', 'caught_up'].map((kind) => two.metric('gateway_cache_purge_messages_total', { kind })),
    )
    return kinds[0] === 1 || kinds[1] === 1
  })
  t.notOk(await isHit(two, '/a'))
  t.ok(await isHit(two, '/b'))
})

scenario('an instance whose Redis has lost the log doubts all that it has', async (s, t) => {
  const origin = await s.origin(cacheable)
  const redis = await redisOf(s)
  const gw = await instance(s, redis, origin)
  await gw.get('/')
  await redis.kill()
  await eventually('it to be deaf', async () => (await gw.metric('gateway_cache_bus_up')) === 0)
  t.match(await gw.gateway.purge({ ...nothing, urls: ['/other'] }), { others: 'queued' })
  await redis.start()
  await hears(gw)
  t.equal(await gw.metric('gateway_cache_purge_messages_total', { kind: 'doubted' }), 1)
  const answer = await gw.get('/')
  t.match(answer.header('cache-status'), /hit; ttl=(?:0|-\d)/, 'stale, and refreshed')
  await eventually('the purge to be told', async () => {
    return (await gw.metric('gateway_cache_purge_messages_total', { kind: 'sent' })) === 1
  })
})

scenario('broken and foreign values in Redis are counted and passed over', async (s, t) => {
  const origin = await s.origin(cacheable)
  const redis = await redisOf(s)
  const one = await instance(s, redis, origin)
  await one.get('/')
  await stored(one)
  const [key] = (await redis.ask('KEYS', 'gw:cache:{*}')) as string[]
  const fields = (await redis.ask('HKEYS', String(key))) as string[]
  for (const [i, broken] of ['garbage', '', 'gw\u0001\u0001aaaaaaaaaaaaaaaaaa'].entries()) {
    await redis.ask('HSET', String(key), String(fields[0]), broken)
    const gw = await instance(s, redis, origin)
    t.equal((await gw.get('/')).text, 'x')
    t.equal(await gw.metric('gateway_cache_shared_lookups_total', { result: 'unreadable' }), 1)
    t.equal(origin.requests.length, i + 2)
    await stored(gw)
  }
})

scenario('with Redis killed, paused, full or flushed, every request has its answer', async (s, t) => {
  const origin = await s.origin(cacheable)
  const redis = await redisOf(s)
  const gw = await instance(s, redis, origin)
  let n = 0
  const some = async (what: string) => {
    const answers = await Promise.all(Array.from({ length: 40 }, () => gw.get(`/${n++}`)))
    t.ok(
      answers.every((answer) => answer.status === 200 && answer.text === 'x'),
      what,
    )
  }
  await some('as it should be')
  await redis.ask('FLUSHALL')
  await some('flushed')
  await redis.ask('CONFIG', 'SET', 'maxmemory', '1mb')
  await some('full')
  await redis.ask('CONFIG', 'SET', 'maxmemory', '0')
  redis.pause()
  await some('paused')
  await some('still paused')
  redis.resume()
  await hears(gw)
  await redis.kill()
  await some('killed')
  await redis.start()
  await hears(gw)
  await some('back')
  await stored(gw)
})

scenario('in a cluster, too, answers, fetches and purges are shared', async (s, t) => {
  const origin = await s.origin(cacheable)
  const redis = await TestRedis.startCluster()
  s.atEnd(() => redis.close())
  // A cluster's first commands make connections on their way.
  const where = { cluster: [`127.0.0.1:${redis.port}`], timeouts: { command: '5s' } }
  const [one, two] = [await instance(s, redis, origin, {}, where), await instance(s, redis, origin, {}, where)]
  // An answer is offered to Redis once: on a busy machine the cluster may not have taken up its work by then.
  let count = 0
  let target = ''
  await eventually('the other to have it', async () => {
    target = `/${count++}`
    await one.get(target)
    return isHit(two, target)
  })
  t.equal(origin.requests.filter((request) => request.target === target).length, 1)
  // The subscription is moved without a word: what was missed meanwhile stands in the log.
  await redis.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
  t.match(await one.gateway.purge({ ...nothing, tags: ['product'] }), { matched: count, others: 'sent' })
  await eventually('the other to know', async () => !(await isHit(two, target)))
  t.equal(await two.metric('gateway_cache_purge_messages_total', { kind: 'doubted' }), 0)
})
