import type { TestGateway } from '../../harness/gateway.ts'
import { type Scenario, scenario } from '../../harness/scenario.ts'

async function limited(s: Scenario, rateLimit: unknown, more: object = {}): Promise<TestGateway> {
  const origin = await s.origin()
  return s.gateway(
    { routes: [{ name: 'r', upstream: origin.url, rate_limit: rateLimit, ...more }] },
    { clock: s.clock },
  )
}

async function statuses(gw: TestGateway, count: number, headers: Record<string, string> = {}): Promise<number[]> {
  const all: number[] = []
  for (let i = 0; i < count; i++) all.push((await gw.get('/', { headers })).status)
  return all
}

const count = (all: readonly number[], status: number) => all.filter((each) => each === status).length

scenario('a client may send a burst, then so many a second, and is told so', async (s, t) => {
  const gw = await limited(s, { limit: '10/s', burst: 3 })
  t.same(await statuses(gw, 5), [200, 200, 200, 429, 429])
  s.clock.advance(100)
  t.same(await statuses(gw, 2), [200, 429])
  s.clock.advance(1000)
  const first = await gw.get('/')
  t.equal(first.header('ratelimit-policy'), '"client_ip";q=3;w=1')
  t.equal(first.header('ratelimit'), '"client_ip";r=2;t=1')
  await statuses(gw, 2)
  const refused = await gw.get('/')
  t.match([refused.status, refused.problem.code], [429, 'rate_limited'])
  t.equal(refused.header('retry-after'), '1')
  t.equal(refused.header('ratelimit'), '"client_ip";r=0;t=1')
  t.equal(
    await gw.metric('gateway_rate_limit_requests_total', { route: 'r', limit: 'client_ip', decision: 'limited' }),
    4,
  )
})

scenario('over a long time the rate is kept exactly', async (s, t) => {
  const gw = await limited(s, { limit: '100/s', burst: 10 })
  const client = await gw.client()
  let passed = 0
  for (let i = 0; i < 400; i++) {
    if ((await client.fetch()).status === 200) passed++
    s.clock.advance(2)
  }
  t.ok(Math.abs(passed - (10 + 80)) <= 1, `${passed}`)
})

scenario('clients are told apart by header, cookie or query; whoever has none, by his address', async (s, t) => {
  for (const [by, header, value] of [
    ['header:x-api-key', 'X-Api-Key', (n: number) => `key-${n}`],
    ['cookie:user', 'Cookie', (n: number) => `a=b; user=${n}`],
  ] as const) {
    const gw = await limited(s, { limit: '1/m', by })
    t.same(await statuses(gw, 2, { [header]: value(1) }), [200, 429], by)
    t.same(await statuses(gw, 2, { [header]: value(2) }), [200, 429], by)
    t.same(await statuses(gw, 2), [200, 429], `${by}, without`)
  }
  const gw = await limited(s, { limit: '1/m', by: ['query:user', 'path'] })
  for (const target of ['/a?user=1', '/a?user=2', '/b?user=1']) {
    t.equal((await gw.get(target)).status, 200, target)
    t.equal((await gw.get(target)).status, 429, target)
  }
})

scenario(
  'of several limits all must let a request pass, and a refused one uses up none of the others',
  async (s, t) => {
    const gw = await limited(s, [
      { name: 'short', limit: '2/s' },
      { name: 'long', limit: '6/m' },
    ])
    const all: number[] = []
    for (let second = 0; second < 4; second++) {
      all.push(...(await statuses(gw, 10)))
      s.clock.advance(1000)
    }
    t.equal(count(all, 200), 6, 'the long one was not used up by what the short one refused')
    t.equal((await gw.get('/')).header('ratelimit-policy'), '"short";q=2;w=1, "long";q=6;w=60')
  },
)

scenario('exempt clients are not counted, a costly request counts more, and dry_run refuses nobody', async (s, t) => {
  const exempt = await limited(s, { limit: '1/m', exempt: ['127.0.0.0/8'] })
  t.equal(count(await statuses(exempt, 5), 200), 5)
  const costly = await limited(s, { limit: '10/s', cost: 5 })
  t.same(await statuses(costly, 3), [200, 200, 429])
  const dry = await limited(s, { limit: '1/m', dry_run: true })
  t.equal(count(await statuses(dry, 3), 200), 3)
  t.equal(await dry.metric('gateway_rate_limit_requests_total', { decision: 'would_limit' }), 2)
})

scenario('a reload gives nobody a fresh allowance, and the same limit on two routes counts both', async (s, t) => {
  const origin = await s.origin()
  const config = (name: string) => ({
    defaults: { rate_limit: { limit: '2/m' } },
    routes: [
      { match: '/a', name, upstream: origin.url },
      { match: '/free', upstream: origin.url, rate_limit: false },
      { upstream: origin.url },
    ],
  })
  const gw = await s.gateway(config('one'), { clock: s.clock })
  t.equal((await gw.get('/a')).status, 200)
  await gw.apply(config('two'))
  t.equal((await gw.get('/b')).status, 200)
  t.equal((await gw.get('/a')).status, 429)
  t.equal((await gw.get('/free')).status, 200)
})
