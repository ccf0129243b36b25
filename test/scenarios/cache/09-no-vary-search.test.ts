import { reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'

const fresh = { 'cache-control': 'max-age=60', etag: '"v1"' }

scenario('an answer whose origin says so stands for other queries (No-Vary-Search)', async (s, t) => {
  const told = { ...fresh, 'no-vary-search': 'params=("utm_source")' }
  const origin = await s.origin(reply(200, told, 'one'), reply(200, told, 'two'), reply(204), reply(200, told, 'three'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  await gw.get('/a?id=1&utm_source=x')
  t.equal((await gw.get('/a?id=1&utm_source=y')).text, 'one')
  t.equal((await gw.get('/a?id=1')).text, 'one')
  t.equal((await gw.get('/a?id=2')).text, 'two')
  await gw.fetch({ method: 'POST', target: '/a?id=1' })
  t.equal(
    (await gw.get('/a?id=1&utm_source=x')).text,
    'three',
    'an unsafe request makes it untrue under any of its names',
  )
})
