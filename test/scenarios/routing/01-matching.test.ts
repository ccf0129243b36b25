import { reply } from '../../harness/origin.ts'
import { type Scenario, scenario } from '../../harness/scenario.ts'

const named = (body: string) => ({ status: 200, body })

/** A gateway whose routes answer with their own place in the list. */
function numbered(s: Scenario, matches: readonly unknown[]) {
  return s.gateway({
    routes: matches.map((match, i) => ({ name: `r${i}`, match, respond: named(String(i)) })),
  })
}

scenario('the first route that matches answers, top to bottom', async (s, t) => {
  const gw = await numbered(s, ['/a/special', '/a/**', '/**'])
  t.equal((await gw.get('/a/special')).text, '0')
  t.equal((await gw.get('/a/b/c')).text, '1')
  t.equal((await gw.get('/b')).text, '2')
})

scenario('paths match exactly, by one segment, by the rest, by name or by expression', async (s, t) => {
  const gw = await numbered(s, ['/exact', '/one/*/end', '/rest/**', '/item/{id}', '~^/v[12]/'])
  const expected: [target: string, status: number, body?: string][] = [
    ['/exact', 200, '0'],
    ['/exact/', 404],
    ['/exactly', 404],
    ['/one/x/end', 200, '1'],
    ['/one/x/y/end', 404],
    ['/rest/', 200, '2'],
    ['/rest/a/b', 200, '2'],
    ['/restless', 404],
    ['/item/7', 200, '3'],
    ['/item/7/8', 404],
    ['/v2/x', 200, '4'],
    ['/v3/x', 404],
  ]
  for (const [target, status, body] of expected) {
    const answer = await gw.get(target)
    t.equal(answer.status, status, target)
    if (body !== undefined) t.equal(answer.text, body, target)
  }
})

scenario('hosts match without their port and in any case; a wildcard takes subdomains', async (s, t) => {
  const gw = await numbered(s, [{ host: ['shop.example.com', '*.cdn.example.com'] }])
  const status = async (host: string) => (await gw.get('/', { host })).status
  t.equal(await status('shop.example.com'), 200)
  t.equal(await status('SHOP.Example.com:8080'), 200)
  t.equal(await status('a.cdn.example.com'), 200)
  t.equal(await status('cdn.example.com'), 404)
  t.equal(await status('example.com'), 404)
})

scenario('methods, header fields and query narrow a match', async (s, t) => {
  const gw = await numbered(s, [
    { methods: ['POST', 'PUT'] },
    { headers: { 'x-beta': '1' } },
    { headers: { 'x-any': '*' } },
    { query: { preview: '*' } },
    { query: { v: '2' } },
    '/**',
  ])
  t.equal((await gw.fetch({ method: 'PUT' })).text, '0')
  t.equal((await gw.get('/', { headers: { 'X-Beta': '1' } })).text, '1')
  t.equal((await gw.get('/', { headers: { 'X-Beta': '2', 'X-Any': '' } })).text, '2')
  t.equal((await gw.get('/?a=1&preview')).text, '3')
  t.equal((await gw.get('/?v=2')).text, '4')
  t.equal((await gw.get('/?v=3')).text, '5')
})

scenario('the path that decides the route is the path that is sent', async (s, t) => {
  const origin = await s.origin(reply())
  const gw = await s.gateway({
    routes: [
      { match: '/admin/**', respond: { status: 403 } },
      { match: '/**', upstream: origin.url },
    ],
  })
  for (const target of ['/a/../admin/x', '/%61dmin/x', '/./admin/x', '/a/%2e%2e/admin/x']) {
    t.not((await gw.get(target)).status, 200, target)
  }
  t.equal(origin.requests.length, 0)
  await gw.get('/a/./b/../%63?q=%2e')
  t.equal(origin.last.target, '/a/c?q=%2e')
})
