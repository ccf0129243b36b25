import { NameServer, type Zone } from '../../harness/dns.ts'
import type { TestGateway } from '../../harness/gateway.ts'
import { reply } from '../../harness/origin.ts'
import { type Scenario, scenario } from '../../harness/scenario.ts'

const service = '_http._tcp.app.test'

async function names(s: Scenario, zone: Zone): Promise<NameServer> {
  const server = await NameServer.start(zone)
  s.atEnd(() => server.close())
  return server
}

/** One service per port, all on this machine. */
function ports(...list: readonly number[]): Zone {
  return { a: { 'app.test': ['127.0.0.1'] }, srv: { [service]: list.map((port) => ({ port, target: 'app.test' })) } }
}

async function lookups(gw: TestGateway, outcome: string, atLeast: number): Promise<void> {
  const value = () => gw.metric('gateway_discovery_lookups_total', { outcome })
  while (((await value()) ?? 0) < atLeast) await new Promise((resolve) => setTimeout(resolve, 5))
}

scenario('endpoints are what the name server says, from the first request on', async (s, t) => {
  const a = await s.origin(reply(200, {}, 'a'))
  const b = await s.origin(reply(200, {}, 'b'))
  const server = await names(s, ports(a.port))
  const discover = { srv: service, refresh: '100ms', resolvers: [server.address] }
  const gw = await s.gateway({ upstreams: { u: { discover } }, routes: [{ upstream: 'u' }] })
  t.equal((await gw.get('/')).text, 'a')
  server.zone = ports(b.port)
  await lookups(gw, 'changed', 2)
  for (let i = 0; i < 3; i++) t.equal((await gw.get('/')).text, 'b')
  server.zone = ports(a.port, b.port)
  await lookups(gw, 'changed', 3)
  const both = new Set([(await gw.get('/')).text, (await gw.get('/')).text])
  t.same([...both].sort(), ['a', 'b'])
  t.equal(b.connections, 1, 'what stays keeps its connections')
})

scenario('a name server that fails, or knows nothing any more, takes no endpoint away', async (s, t) => {
  const a = await s.origin(reply(200, {}, 'a'))
  const server = await names(s, ports(a.port))
  const discover = { srv: service, refresh: '100ms', resolvers: [server.address] }
  const gw = await s.gateway({ upstreams: { u: { discover } }, routes: [{ upstream: 'u' }] })
  server.isFailing = true
  await lookups(gw, 'failed', 2)
  t.equal((await gw.get('/')).text, 'a')
  server.isFailing = false
  server.zone = {}
  await lookups(gw, 'failed', 4)
  t.equal((await gw.get('/')).text, 'a')
  server.zone = ports(a.port)
  await lookups(gw, 'same', 1)
  const said = gw.lines.map(({ message }) => message).filter((message) => /looked up|found again/.test(message))
  t.same(said, ['endpoints cannot be looked up', 'endpoints are found again'], 'said once, not at each look-up')
})

scenario(
  'half an answer takes no endpoint away, and a target that is gone keeps none of the others out',
  async (s, t) => {
    const two = { port: 1, target: 'two.test' }
    const zone = (a: Zone['a']): Zone => ({
      a: { 'app.test': ['127.0.0.1'], ...a },
      aaaa: { 'app.test': ['0:0:0:0:0:0:0:1'] },
      srv: { [service]: [{ port: 1, target: 'app.test' }, two, { port: 1, target: '.' }] },
    })
    const server = await names(s, zone({ 'two.test': ['127.0.0.2'] }))
    const discover = { srv: service, refresh: '100ms', resolvers: [server.address] }
    const gw = await s.gateway({ upstreams: { u: { discover } }, routes: [{ upstream: 'u' }] })
    const found = () => gw.gateway.upstreams()[0]?.endpoints.map(({ url }) => url)
    const all = ['http://127.0.0.1:1', 'http://127.0.0.2:1', 'http://[::1]:1']
    t.same(found(), all)
    server.refused.add('AAAA app.test').add('A two.test')
    await lookups(gw, 'partial', 2)
    t.same(found(), all, 'what was not answered stays')
    server.refused.delete('A two.test')
    server.zone = zone({})
    await lookups(gw, 'partial', 4)
    t.same(found(), ['http://127.0.0.1:1', 'http://[::1]:1'], 'no such name is an answer')
    server.refused.clear()
    await lookups(gw, 'same', 1)
    const said = gw.lines.map(({ message }) => message).filter((message) => /looked up|found again/.test(message))
    t.same(said, ['endpoints cannot be looked up', 'endpoints are found again'])
  },
)

scenario('a kind of address that is never answered keeps no other from changing', async (s, t) => {
  const server = await names(s, { a: { 'app.test': ['127.0.0.1', '127.0.0.2'] } })
  server.refused.add('AAAA app.test')
  const discover = { dns: 'app.test:1', refresh: '100ms', resolvers: [server.address] }
  const gw = await s.gateway({ upstreams: { u: { discover } }, routes: [{ upstream: 'u' }] })
  server.zone = { a: { 'app.test': ['127.0.0.2'] } }
  await lookups(gw, 'changed', 2)
  t.same(
    gw.gateway.upstreams()[0]?.endpoints.map(({ url }) => url),
    ['http://127.0.0.2:1'],
  )
})

scenario('names are looked up again when their records expire, within bounds', async (s, t) => {
  const server = await names(s, { a: { 'app.test': ['127.0.0.1'] }, ttl: 30 })
  const discover = { dns: 'app.test:1', resolvers: [server.address] }
  const gw = await s.gateway({ upstreams: { u: { discover } }, routes: [{ upstream: 'u' }] }, { clock: s.clock })
  await lookups(gw, 'changed', 1)
  const { questions } = server
  s.clock.advance(29_900)
  await new Promise(setImmediate)
  t.equal(server.questions, questions)
  server.zone = { a: { 'app.test': ['127.0.0.1'] }, ttl: 0 }
  s.clock.advance(200)
  await lookups(gw, 'same', 1)
  s.clock.advance(1100)
  await lookups(gw, 'same', 2)
  server.zone = { a: { 'app.test': ['127.0.0.1'] }, ttl: 86_400 }
  s.clock.advance(1100)
  await lookups(gw, 'same', 3)
  s.clock.advance(60_100)
  await lookups(gw, 'same', 4)
  t.same(
    gw.gateway.upstreams()[0]?.endpoints.map(({ url }) => url),
    ['http://127.0.0.1:1'],
  )
})

scenario('priorities of services are tiers, and their weights count', async (s, t) => {
  const main = await s.origin(reply(200, {}, 'main'))
  const spare = await s.origin(reply(200, {}, 'spare'))
  const server = await names(s, {
    a: { 'app.test': ['127.0.0.1'] },
    srv: {
      [service]: [
        { port: spare.port, target: 'app.test', priority: 20 },
        { port: main.port, target: 'app.test', priority: 10, weight: 5 },
      ],
    },
  })
  const discover = { srv: service, resolvers: [server.address] }
  const gw = await s.gateway({ upstreams: { u: { discover } }, routes: [{ upstream: 'u' }] })
  for (let i = 0; i < 4; i++) t.equal((await gw.get('/')).text, 'main')
  t.match(
    gw.gateway
      .upstreams()[0]
      ?.endpoints.map(({ tier, weight }) => [tier, weight])
      .sort(),
    [
      [0, 5],
      [1, 1],
    ],
  )
})

scenario('names that the machine itself knows are found without a name server', async (s, t) => {
  const a = await s.origin(reply(200, {}, 'a'))
  const gw = await s.gateway({
    upstreams: { u: { discover: { dns: `localhost:${a.port}` } } },
    routes: [{ upstream: 'u' }],
  })
  t.equal((await gw.get('/')).status, 200)
})

scenario('without any endpoint yet, requests are refused, and served once there are some', async (s, t) => {
  const a = await s.origin(reply(200, {}, 'a'))
  const server = await names(s, {})
  const discover = { srv: service, refresh: '100ms', resolvers: [server.address] }
  const gw = await s.gateway({ upstreams: { u: { discover } }, routes: [{ upstream: 'u' }] })
  const refused = await gw.get('/')
  t.match([refused.status, refused.problem.code], [503, 'no_endpoint'])
  server.zone = ports(a.port)
  await lookups(gw, 'changed', 1)
  t.equal((await gw.get('/')).text, 'a')
})

scenario('no request fails while the set changes under load', async (s, t) => {
  const origins = [await s.origin(reply(200, {}, 'a')), await s.origin(reply(200, {}, 'b')), await s.origin(reply())]
  const all = origins.map(({ port }) => port)
  const server = await names(s, ports(...all))
  const discover = { srv: service, refresh: '100ms', resolvers: [server.address] }
  const gw = await s.gateway({ upstreams: { u: { discover } }, routes: [{ upstream: 'u' }] })
  let isOver = false
  let failed = 0
  const users = Array.from({ length: 8 }, async () => {
    const client = await gw.client()
    while (!isOver) if ((await client.fetch()).status !== 200) failed++
  })
  for (let round = 0; round < 6; round++) {
    server.zone = ports(...all.filter((_, i) => i !== round % 3))
    await lookups(gw, 'changed', round + 2)
  }
  isOver = true
  await Promise.all(users)
  t.equal(failed, 0)
})

scenario('a reload keeps what was found, under other rules for looking it up, too', async (s, t) => {
  const a = await s.origin(reply(200, {}, 'a'))
  const server = await names(s, ports(a.port))
  const discover = (refresh: string) => ({ srv: service, refresh, resolvers: [server.address] })
  const config = (route: string, refresh: string) => ({
    upstreams: { u: { discover: discover(refresh) } },
    routes: [{ name: route, upstream: 'u' }],
  })
  const gw = await s.gateway(config('one', '1h'))
  await gw.get('/')
  server.isFailing = true
  await gw.apply(config('two', '1h'))
  t.equal((await gw.get('/')).text, 'a')
  await gw.apply(config('two', '2h'))
  await lookups(gw, 'failed', 1)
  t.equal((await gw.get('/')).text, 'a')
  t.equal(a.connections, 1)
})
