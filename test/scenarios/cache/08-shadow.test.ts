import { type Answering, reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'
import { eventually } from '../../harness/wire.ts'

const fresh = { 'cache-control': 'max-age=60', etag: '"v1"' }

scenario(
  'in shadow mode every request reaches the backend as it came, and metrics tell what a cache would do',
  async (s, t) => {
    const origin = await s.origin(...['one', 'one', 'two'].map((text) => reply(200, fresh, text)))
    const gw = await s.gateway({ routes: [{ name: 'r', upstream: origin.url, cache: { mode: 'shadow' } }] })
    const conditional = { headers: ['If-None-Match', '"v1"'] }
    for (const expected of ['one', 'one', 'two']) {
      const answer = await gw.get('/a', conditional)
      t.equal(answer.text, expected)
      t.equal(answer.header('cache-status'), undefined)
      t.equal(answer.header('age'), undefined)
    }
    t.equal(origin.requests.length, 3)
    t.equal(origin.last.header('if-none-match'), '"v1"')
    t.equal(origin.last.header('surrogate-capability'), undefined)
    const count = (result: string) => gw.metric('gateway_cache_shadow_requests_total', { route: 'r', result })
    t.strictSame([await count('miss'), await count('hit')], [1, 2])
    t.ok(((await gw.metric('gateway_cache_shadow_saved_seconds_total', { route: 'r' })) ?? -1) >= 0)
    t.equal(
      await gw.metric('gateway_cache_differing_bodies_total', { route: 'r' }),
      1,
      'the third body was another one',
    )
  },
)

scenario('in shadow mode nobody waits for another, and unsafe requests count', async (s, t) => {
  const origin = await s.origin(
    reply(200, fresh, 'one'),
    reply(200, fresh, 'two'),
    reply(204),
    reply(200, fresh, 'three'),
  )
  const gw = await s.gateway({ routes: [{ name: 'r', upstream: origin.url, cache: { mode: 'shadow' } }] })
  const both = await Promise.all([gw.get('/a'), gw.get('/a')])
  t.strictSame(both.map(({ text }) => text).sort(), ['one', 'two'])
  await gw.fetch({ method: 'POST', target: '/a' })
  await gw.get('/a')
  t.equal((await gw.metric('gateway_cache_shadow_requests_total', { route: 'r', result: 'hit' })) ?? 0, 0)
})

scenario('in shadow mode an answer ages as it would in the cache, however often it is asked for', async (s, t) => {
  const origin = await s.origin(reply(200, fresh, 'one'))
  const config = { routes: [{ name: 'r', upstream: origin.url, cache: { mode: 'shadow' } }] }
  const gw = await s.gateway(config, { clock: s.clock })
  const count = (result: string) => gw.metric('gateway_cache_shadow_requests_total', { route: 'r', result })
  await gw.get('/a')
  s.clock.advance(50_000)
  await gw.get('/a')
  s.clock.advance(20_000)
  await gw.get('/a')
  t.strictSame([await count('miss'), await count('hit'), await count('validate')], [1, 1, 1])
})

scenario('in shadow mode requests count as collapsed that would have waited for one fetch', async (s, t) => {
  const waiting: Answering[] = []
  const origin = await s.origin((_request, answer) => {
    waiting.push(answer)
  })
  const gw = await s.gateway({ routes: [{ name: 'r', upstream: origin.url, cache: { mode: 'shadow' } }] })
  const answers = ['/a', '/a', '/mine', '/mine'].map((target) => gw.get(target))
  await eventually('all to reach the backend', () => waiting.length === 4)
  for (const [index, answer] of waiting.entries()) {
    const isShared = origin.requests[index]?.target === '/a'
    answer.send(`HTTP/1.1 200 OK\r\nCache-Control: ${isShared ? 'max-age=60' : 'private'}\r\nContent-Length: 0\r\n\r\n`)
  }
  await Promise.all(answers)
  const count = (result: string) => gw.metric('gateway_cache_shadow_requests_total', { route: 'r', result })
  t.strictSame([await count('miss'), await count('collapsed')], [3, 1])
})

scenario('in shadow mode purges and cache groups have their effect, and nothing counts as purged', async (s, t) => {
  const origin = await s.origin(reply(200, { ...fresh, 'cache-groups': '"g"' }, 'one'))
  const gw = await s.gateway({ routes: [{ name: 'r', upstream: origin.url, cache: { mode: 'shadow' } }] })
  const nothing = { urls: [], isPrefix: false, tags: [], groups: [], isAll: false, isSoft: false, isDryRun: false }
  const count = async (result: string) => (await gw.metric('gateway_cache_shadow_requests_total', { result })) ?? 0
  await gw.get('/a')
  t.match(await gw.gateway.purge({ ...nothing, groups: ['g'] }), { matched: 0 })
  await gw.get('/a')
  t.match(await gw.gateway.purge({ ...nothing, urls: ['/a'] }), { matched: 0 })
  await gw.get('/a')
  t.strictSame([await count('miss'), await count('hit')], [3, 0])
  await gw.get('/a', { method: 'HEAD' })
  t.equal(await count('hit'), 1, 'HEAD would be answered from what is stored')
})

scenario('in shadow mode what many small answers leave behind stays within the budget', async (s, t) => {
  const origin = await s.origin(reply(200, { 'cache-control': 'max-age=60', etag: '"v1"' }, 'x'))
  const routes = [{ name: 'r', upstream: origin.url, cache: { mode: 'shadow' } }]
  const gw = await s.gateway({ cache: { memory: '64KiB' }, routes })
  for (let i = 0; i < 40; i++) await gw.get(`/${i}`)
  for (let i = 0; i < 40; i++) await gw.get(`/${i}`)
  const hits = (await gw.metric('gateway_cache_shadow_requests_total', { result: 'hit' })) ?? 0
  t.ok(hits <= 16, `${hits} answers of one byte take a quarter of 64 KiB at most`)
})
