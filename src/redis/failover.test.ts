import t, { type Test } from 'tap'
import { TestRedis } from '../../test/harness/redis.ts'
import { Connection, reasonOf } from '../../test/harness/redis-state.ts'
import { eventually } from '../../test/harness/wire.ts'

interface Watched {
  readonly primary: TestRedis
  readonly replica: TestRedis
  readonly sentinel: TestRedis
  readonly c: Connection
}

/** A primary with a replica, and a connection to whichever of them the sentinel names. */
async function watched(t: Test): Promise<Watched> {
  const primary = await TestRedis.start()
  t.teardown(() => primary.close())
  const replica = await TestRedis.startReplica(primary)
  t.teardown(() => replica.close())
  const sentinel = await TestRedis.startSentinel(primary)
  t.teardown(() => sentinel.close())
  const c = connection(t, { sentinel: { addresses: [`127.0.0.1:${sentinel.port}`] } })
  await c.logged(/connected to Redis/)
  return { primary, replica, sentinel, c }
}

function connection(t: Test, where: object): Connection {
  const c = new Connection({ timeouts: { command: '1s' }, ...where })
  t.teardown(() => c.close())
  return c
}

const isWritten = async (c: Connection): Promise<boolean> =>
  (await reasonOf(c.state.call('SET', 'after', 'x'))) === 'answered'

t.test(
  'when the primary dies, the one that the sentinel names instead is used, and subscriptions move there',
  async (t) => {
    const { primary, replica, c } = await watched(t)
    const heard: string[] = []
    c.state.subscribe('news', {
      message: (payload) => heard.push(payload.toString()),
      lost: () => heard.push('lost'),
      regained: () => heard.push('regained'),
    })
    await eventually('the subscription', async () => heard.includes('regained'))
    await c.state.call('SET', 'before', 'x')
    await eventually('the replica to have it', async () => (await replica.ask('GET', 'before')) === 'x')
    await primary.kill()
    await c.logged(/Redis is down/)
    t.equal(await reasonOf(c.state.call('GET', 'before')), 'down', 'at once, meanwhile')
    await eventually('the replica to be written to', () => isWritten(c))
    t.same(await c.state.call('GET', 'before'), Buffer.from('x'))
    t.equal(await replica.ask('GET', 'after'), 'x')
    await c.logged(/up again/)
    await eventually('the subscription to be there again', async () => heard.at(-1) === 'regained')
    await c.state.publish('news', Buffer.from('one'))
    await eventually('the message', async () => heard.at(-1) === 'one')
    t.same(heard, ['lost', 'regained', 'lost', 'regained', 'one'])
  },
)

t.test('a primary that is made a replica is left for its successor', async (t) => {
  const { primary, replica, sentinel, c } = await watched(t)
  const failOver = () =>
    sentinel.ask('SENTINEL', 'FAILOVER', 'mymaster').then(
      () => true,
      () => false,
    )
  await eventually('the sentinel to have looked at the replica', failOver)
  await eventually('the replica to be promoted', async () => /role:master/.test(String(await replica.ask('INFO'))))
  // The sentinel does that, too, eight seconds later.
  await primary.ask('REPLICAOF', '127.0.0.1', replica.port)
  await eventually('the successor to be written to', async () => {
    await isWritten(c)
    return (await replica.ask('GET', 'after')) === 'x'
  })
  t.ok(await isWritten(c))
})

t.test('a sentinel that is gone disturbs nobody who is connected', async (t) => {
  const { sentinel, c } = await watched(t)
  await sentinel.kill()
  for (let i = 0; i < 20; i++) t.ok(await isWritten(c))
  t.equal(c.up, 1)
})

t.test('values, scripts and messages find their way through a cluster of three', async (t) => {
  const servers = await TestRedis.startServersOfCluster(3)
  for (const server of servers) t.teardown(() => server.close())
  const c = connection(t, { cluster: [`127.0.0.1:${servers[1]?.port}`] })
  await c.logged(/connected to Redis|up again/)
  const script = { name: 'add', lua: `return redis.call('INCRBY', KEYS[1], ARGV[1])` }
  for (let i = 0; i < 50; i++) {
    t.same(await c.state.call('SET', `value ${i}`, `${i}`), Buffer.from('OK'))
    t.same(await c.state.call('GET', `value ${i}`), Buffer.from(`${i}`))
    t.equal(await c.state.run(script, [`count ${i}`], [i]), i)
  }
  const counts = await Promise.all(servers.map(async (server) => Number(await server.ask('DBSIZE'))))
  t.equal(counts[0] !== 0 && counts[1] !== 0 && counts[2] !== 0, true, `each holds a part: ${counts}`)
  const heard: string[] = []
  c.state.subscribe('news', { message: (payload) => heard.push(payload.toString()), lost() {}, regained() {} })
  await eventually('a message', async () => {
    await c.state.publish('news', Buffer.from('one'))
    return heard.includes('one')
  })
})

t.test(
  'with one of three servers of a cluster gone, the others answer, nobody waits, and it is found again',
  async (t) => {
    const servers = await TestRedis.startServersOfCluster(3)
    for (const server of servers) t.teardown(() => server.close())
    const c = connection(t, { cluster: servers.map(({ port }) => `127.0.0.1:${port}`) })
    await c.logged(/connected to Redis|up again/)
    const all = async () => {
      const reasons: string[] = []
      for (let i = 0; i < 60; i++) reasons.push(await reasonOf(c.state.call('SET', `key ${i}`, 'x')))
      return new Set(reasons)
    }
    t.same(await all(), new Set(['answered']))
    await servers[2]?.kill()
    for (let i = 0; i < 3; i++) t.same(await all(), new Set(['answered', 'down']), 'no timeout, and not all down')
    t.equal(c.lines.filter((line) => /is down/.test(line)).length, 0)
    await servers[2]?.start()
    await eventually('all to be answered', async () => (await all()).size === 1 && c.state.isUp)
  },
)
