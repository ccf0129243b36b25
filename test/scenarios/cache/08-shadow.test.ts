import { reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'

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
