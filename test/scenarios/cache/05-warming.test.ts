import { reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'
import { eventually } from '../../harness/wire.ts'

const cacheable = reply(200, { 'cache-control': 'max-age=600' }, 'x')
const warm = ['http://example.com/items/1', 'http://example.com/items/2?size=l']

scenario('what a route names is fetched after the start, and the first client finds it stored', async (s, t) => {
  const origin = await s.origin(cacheable)
  const gw = await s.gateway({
    routes: [{ match: '/items/{id}', rewrite: { path: '/v2/{id}' }, upstream: origin.url, cache: { warm } }],
  })
  await eventually('it to be warm', () => gw.lines.some((line) => line.message === 'the cache is warm'))
  t.same(
    origin.requests.map((request) => `${request.method} ${request.target}`),
    ['GET /v2/1', 'GET /v2/2?size=l'],
  )
  t.match((await gw.get('/items/1')).header('cache-status'), /; hit/)
  t.match((await gw.get('/items/2?size=l')).header('cache-status'), /; hit/)
  t.equal(origin.requests.length, 2)
})

scenario('a reload fetches what is new, and what fails is told once', async (s, t) => {
  const origin = await s.origin(cacheable)
  const config = (urls: string[]) => ({ routes: [{ match: '/items/**', upstream: origin.url, cache: { warm: urls } }] })
  const gw = await s.gateway(config([]))
  await gw.get('/items/1')
  await gw.apply(config([...warm, 'http://example.com/elsewhere']))
  const said = () => gw.lines.find((line) => /not everything could be fetched/.test(line.message))
  await eventually('it to be done', () => said() !== undefined)
  t.match(said()?.fields, { urls: 3, failed: 1, first: ['http://example.com/elsewhere'] })
  t.equal(origin.requests.length, 2, 'the first was there')
})

scenario('warming ends with the gateway', async (s, t) => {
  const origin = await s.origin(() => {})
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: { warm } }] })
  await origin.saw(1)
  await gw.close()
  t.equal(origin.requests.length, 1)
})
