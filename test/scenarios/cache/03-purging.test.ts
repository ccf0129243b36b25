import type { TestGateway } from '../../harness/gateway.ts'
import { type Answering, reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'

const nothing = { urls: [], isPrefix: false, tags: [], groups: [], isAll: false, isSoft: false, isDryRun: false }
const labelled = (headers: Record<string, string>) => reply(200, { 'cache-control': 'max-age=600', ...headers }, 'x')

async function isHit(gw: TestGateway, target: string): Promise<boolean> {
  return /; hit/.test((await gw.get(target)).header('cache-status') ?? '')
}

scenario(
  'a purge by URL, by prefix, by tag, by group and of everything removes just that, and counts it',
  async (s, t) => {
    const origin = await s.origin((request, answer) => {
      const tag = request.target.includes('tagged') ? { 'surrogate-key': 'product-7 shop' } : {}
      const group = request.target.includes('grouped') ? { 'cache-groups': '"scripts"' } : {}
      return labelled({ ...tag, ...group })(request, answer)
    })
    const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
    const targets = ['/a', '/a?q=1', '/shop/1', '/shop/2', '/tagged', '/grouped']
    const fill = async () => {
      for (const target of targets) await gw.get(target)
    }
    const left = async () => {
      const hits = []
      for (const target of targets) if (await isHit(gw, target)) hits.push(target)
      return hits
    }
    const { gateway } = gw
    const cases: [Partial<Parameters<typeof gateway.purge>[0]>, string[]][] = [
      [{ urls: [`http://example.com/a`] }, ['/a']],
      [{ urls: ['/shop/'], isPrefix: true }, ['/shop/1', '/shop/2']],
      [{ urls: [`http://example.com/shop`], isPrefix: true }, ['/shop/1', '/shop/2']],
      [{ tags: ['shop'] }, ['/tagged']],
      [{ groups: ['scripts'] }, ['/grouped']],
      [{ tags: ['shop'], urls: ['/tagged'] }, ['/tagged']],
      [{ isAll: true }, targets],
      [{ tags: ['none'] }, []],
    ]
    for (const [request, gone] of cases) {
      await fill()
      const counted = await gateway.purge({ ...nothing, ...request, isDryRun: true })
      t.match(counted, { matched: gone.length, dry_run: true, others: 'none' }, JSON.stringify(request))
      t.match(await gateway.purge({ ...nothing, ...request }), { matched: gone.length, dry_run: false })
      t.same(
        await left(),
        targets.filter((target) => !gone.includes(target)),
        JSON.stringify(request),
      )
    }
    t.match(await gateway.purge({ ...nothing, urls: ['no url'] }), /no URL/)
  },
)

scenario('a soft purge makes answers stale: given while they are fetched anew, and when that fails', async (s, t) => {
  const control = 'max-age=600, stale-while-revalidate=60'
  const origin = await s.origin(
    reply(200, { 'cache-control': control }, 'one'),
    reply(200, { 'cache-control': control }, 'two'),
  )
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  await gw.get('/')
  t.match(await gw.gateway.purge({ ...nothing, urls: ['/'], isSoft: true }), { matched: 1, soft: true })
  const stale = await gw.get('/')
  t.equal(stale.text, 'one')
  t.match(stale.header('cache-status'), /hit; ttl=-?\d/)
  await origin.saw(2)
  let text = ''
  while (text !== 'two') text = (await gw.get('/')).text
})

scenario('what is being fetched while a purge comes is given to who waits, and not kept', async (s, t) => {
  const waiting: Answering[] = []
  const origin = await s.origin((_request, answer) => {
    waiting.push(answer)
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  for (const request of [{ urls: ['/'] }, { tags: ['a'] }, { isAll: true }]) {
    const seen = waiting.length
    const answer = gw.get('/')
    await origin.saw(seen + 1)
    await gw.gateway.purge({ ...nothing, ...request })
    waiting[seen]?.send(
      'HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nSurrogate-Key: a b\r\nContent-Length: 3\r\n\r\nold',
    )
    t.equal((await answer).text, 'old')
  }
  const again = gw.get('/')
  await origin.saw(4)
  waiting[3]?.send('HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 3\r\n\r\nnew')
  t.equal((await again).text, 'new')
})

scenario('a route that uses other keys is purged by the same URLs', async (s, t) => {
  const origin = await s.origin(labelled({}))
  const cache = { key: { query: { only: ['id'] }, host: false } }
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache }] })
  await gw.get('/a?x=1&id=7')
  t.match(await gw.gateway.purge({ ...nothing, urls: [`http://other.example/a?id=7&x=2`] }), { matched: 1 })
})

// RFC 9875 §3
scenario('the answer to a POST says which groups are no longer true', async (s, t) => {
  const origin = await s.origin((request, answer) => {
    if (request.method === 'POST') return reply(204, { 'cache-group-invalidation': '"cart"' })(request, answer)
    return labelled({ 'cache-groups': request.target === '/cart' ? '"cart", "user"' : '"other"' })(request, answer)
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url, cache: true }] })
  await gw.get('/cart')
  await gw.get('/other')
  await gw.fetch({ method: 'POST', target: '/add' })
  t.notOk(await isHit(gw, '/cart'))
  t.ok(await isHit(gw, '/other'))
})

scenario('PURGE works for addresses that may, is refused to others, and is the backend’s elsewhere', async (s, t) => {
  const origin = await s.origin(labelled({}))
  const to = (allow: string) => ({ upstream: origin.url, cache: { purge: { allow: [allow] } } })
  const gw = await s.gateway({
    routes: [
      { match: '/mine/**', ...to('127.0.0.0/8') },
      { match: '/theirs/**', ...to('10.0.0.0/8') },
      { upstream: origin.url, cache: true },
    ],
  })
  for (const target of ['/mine/a', '/theirs/a']) await gw.get(target)
  const purge = (target: string) => gw.fetch({ method: 'PURGE', target })
  const done = await purge('/mine/a')
  t.same([done.status, JSON.parse(done.text)], [200, { matched: 1 }])
  t.equal((await purge('/theirs/a')).status, 403)
  t.notOk(await isHit(gw, '/mine/a'))
  t.ok(await isHit(gw, '/theirs/a'))
  const before = origin.requests.length
  await purge('/other')
  t.equal(origin.requests.length, before + 1)
})
