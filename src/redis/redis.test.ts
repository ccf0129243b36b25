import t, { type Test } from 'tap'
import { type RedisOptions, TestRedis } from '../../test/harness/redis.ts'
import { Connection, reasonOf } from '../../test/harness/redis-state.ts'

async function server(t: Test, options?: RedisOptions): Promise<TestRedis> {
  const redis = await TestRedis.start(options)
  t.teardown(() => redis.close())
  return redis
}

function connection(t: Test, written: object): Connection {
  const made = new Connection(written)
  t.teardown(() => made.close())
  return made
}

async function connected(t: Test, redis: TestRedis, more: object = {}): Promise<Connection> {
  const made = connection(t, { url: redis.url, ...more })
  await made.logged(/connected to Redis/)
  return made
}

t.test('values and counters come back as they were written, bytes as bytes', async (t) => {
  const c = await connected(t, await server(t))
  const { state } = c
  t.equal(c.up, 1)
  const bytes = new Uint8Array([0, 255, 10, 13, 0])
  t.same(await state.call('SET', 'a', bytes.subarray(1)), Buffer.from('OK'))
  t.same(await state.call('get', 'a'), Buffer.from([255, 10, 13, 0]))
  t.equal(await state.call('INCR', 'n'), 1)
  t.equal(await state.call('GET', 'absent'), null)
  t.equal(c.count('get', 'ok'), 2)
})

t.test('a script runs by its digest, and again after the server has forgotten it', async (t) => {
  const redis = await server(t)
  const { state } = await connected(t, redis)
  const script = { name: 'add', lua: `return redis.call('INCRBY', KEYS[1], ARGV[1])` }
  t.equal(await state.run(script, ['n'], [2]), 2)
  t.equal(await state.run(script, ['n'], [3]), 5)
  await redis.ask('SCRIPT', 'FLUSH')
  t.equal(await state.run(script, ['n'], [4]), 9)
})

t.test('while there is no server, commands fail at once; when there is one, they work', async (t) => {
  const redis = await TestRedis.absent()
  t.teardown(() => redis.close())
  const c = connection(t, { url: redis.url })
  await c.logged(/Redis is down/)
  t.equal(c.state.isUp, false)
  t.equal(await reasonOf(c.state.call('GET', 'a')), 'down')
  await redis.start()
  await c.logged(/up again/)
  t.equal(await reasonOf(c.state.call('GET', 'a')), 'answered')
  t.equal(c.lines.filter((line) => /is down/.test(line)).length, 1, 'one line for the episode')
})

t.test('a killed server costs the commands under way, is reported once, and is found again', async (t) => {
  const redis = await server(t)
  const c = await connected(t, redis)
  await redis.kill()
  await c.logged(/is down/)
  for (let i = 0; i < 100; i++) t.equal(await reasonOf(c.state.call('GET', 'a')), 'down')
  t.equal(c.up, 0)
  await redis.start()
  await c.logged(/up again/)
  t.equal(await reasonOf(c.state.call('SET', 'a', 'b')), 'answered')
  t.equal(c.up, 1)
  t.equal(c.lines.filter((line) => /is down/.test(line)).length, 1)
})

t.test('a paused server costs one timeout, not one per command, and its late answer brings it back', async (t) => {
  const redis = await server(t)
  const c = await connected(t, redis)
  redis.pause()
  const first = Array.from({ length: 50 }, () => reasonOf(c.state.call('GET', 'a')))
  const reasons = await Promise.all(first)
  t.equal(reasons.filter((reason) => reason === 'timeout').length, 1)
  t.equal(reasons.filter((reason) => reason === 'down').length, 49)
  for (let i = 0; i < 100; i++) t.equal(await reasonOf(c.state.call('GET', 'a')), 'down')
  t.equal(c.count('get', 'timeout'), 1)
  redis.resume()
  await c.logged(/up again/)
  t.equal(await reasonOf(c.state.call('GET', 'a')), 'answered')
})

t.test('a slow command on one connection does not hold up the others', async (t) => {
  const redis = await server(t)
  // A busy machine is no slow Redis.
  const c = await connected(t, redis, { timeouts: { command: '10s' } })
  const big = Buffer.alloc(4 << 20, 1)
  const answers = [c.state.call('SET', 'big', big), c.state.call('INCR', 'n')]
  t.equal(await answers[1], 1)
  await answers[0]
})

t.test('a full server refuses, and stays up', async (t) => {
  const redis = await server(t, { args: ['--maxmemory-policy', 'noeviction'] })
  const c = await connected(t, redis)
  t.equal(await reasonOf(c.state.call('SET', 'big', Buffer.alloc(1_000_000))), 'answered')
  await redis.ask('CONFIG', 'SET', 'maxmemory', '1mb')
  t.equal(await reasonOf(c.state.call('SET', 'other', Buffer.alloc(1_000_000))), 'refused')
  t.equal(await reasonOf(c.state.call('SET', 'other', 'x')), 'refused')
  t.equal(await reasonOf(c.state.call('INCR', 'big')), 'refused')
  t.equal(c.state.isUp, true)
  t.equal(c.count('set', 'refused'), 2)
})

t.test('a wrong password is reported without showing it, and the right one works', async (t) => {
  const redis = await server(t, { password: 'right-password' })
  const wrong = connection(t, { url: `redis://:wrong-password@127.0.0.1:${redis.port}` })
  await wrong.logged(/is down/)
  t.equal(await reasonOf(wrong.state.call('GET', 'a')), 'down')
  t.match(await wrong.state.call('GET', 'a').catch(String), /WRONGPASS|invalid/)
  t.notMatch(await wrong.state.call('GET', 'a').catch(String), /wrong-password/)
  const right = await connected(t, redis, { password: 'right-password' })
  t.equal(await reasonOf(right.state.call('GET', 'a')), 'answered')
})

t.test('a flushed server answers as if new', async (t) => {
  const redis = await server(t)
  const c = await connected(t, redis)
  await c.state.call('SET', 'a', '1')
  await redis.ask('FLUSHALL')
  t.equal(await c.state.call('GET', 'a'), null)
})

t.test('subscribers hear messages, that they were lost, and that they arrive again', async (t) => {
  const redis = await server(t)
  const c = await connected(t, redis)
  const heard: string[] = []
  let wake = () => {}
  const note = (text: string) => {
    heard.push(text)
    wake()
  }
  const until = async (length: number) => {
    while (heard.length < length)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
  }
  const stop = c.state.subscribe('news', {
    message: (payload) => note(payload.toString()),
    lost: () => note('lost'),
    regained: () => note('regained'),
  })
  await until(2)
  t.same(heard, ['lost', 'regained'], 'not there before the server has said so')
  await c.state.publish('news', Buffer.from('one'))
  await c.state.publish('other', Buffer.from('elsewhere'))
  await until(3)
  await redis.kill()
  await until(4)
  await redis.start()
  await until(5)
  await c.logged(/up again/)
  await c.state.publish('news', Buffer.from('two'))
  await until(6)
  t.same(heard.slice(2), ['one', 'lost', 'regained', 'two'])
  stop()
})

t.test('a subscriber whose server is silent learns that it may miss messages', async (t) => {
  const redis = await server(t)
  const c = await connected(t, redis)
  const { promise: isLive, resolve: live } = Promise.withResolvers<void>()
  const { promise: isLost, resolve: lost } = Promise.withResolvers<void>()
  const { promise: isBack, resolve: back } = Promise.withResolvers<void>()
  let was = 0
  c.state.subscribe('news', {
    message: () => {},
    lost: () => {
      if (was === 1) lost()
    },
    regained: () => {
      was++
      if (was === 1) live()
      else back()
    },
  })
  await isLive
  redis.pause()
  await isLost
  redis.resume()
  await isBack
})

t.test('after close nothing is left running, and commands say so', async (t) => {
  const c = await connected(t, await server(t))
  const underWay = reasonOf(c.state.call('GET', 'a'))
  c.state.close()
  t.equal(await underWay, 'down')
  t.equal(await reasonOf(c.state.call('GET', 'a')), 'down')
})

t.test('a cluster is reached through any of its servers', async (t) => {
  const redis = await TestRedis.startCluster()
  t.teardown(() => redis.close())
  const c = connection(t, { cluster: [`127.0.0.1:${redis.port}`] })
  await c.logged(/connected to Redis|up again/)
  t.same(await c.state.call('SET', 'a', Buffer.from('x')), Buffer.from('OK'))
  t.same(await c.state.call('GET', 'a'), Buffer.from('x'))
  t.equal(await c.state.run({ name: 'one', lua: `return redis.call('INCR', KEYS[1])` }, ['n'], []), 1)
  t.equal(await reasonOf(c.state.call('GET', 'b')), 'answered')
  redis.pause()
  const reasons: string[] = []
  for (let i = 0; i < 20; i++) reasons.push(await reasonOf(c.state.call('GET', `k${i}`)))
  t.ok(reasons.filter((reason) => reason === 'timeout').length <= 3, 'a few timeouts in all')
  redis.resume()
  await c.logged(/up again/, c.lines.filter((line) => /up again/.test(line)).length + (c.state.isUp ? 0 : 1))
})
