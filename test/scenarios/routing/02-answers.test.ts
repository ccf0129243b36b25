import { scenario } from '../../harness/scenario.ts'

scenario('a redirect goes where its template says, and keeps the query', async (s, t) => {
  const gw = await s.gateway({
    routes: [
      { match: '/old/**', redirect: { to: 'https://{host}{path}', status: 308 } },
      { match: '/gone', redirect: { to: 'https://example.org/new', status: 301 } },
    ],
  })
  const moved = await gw.get('/old/a%20b?x=1', { host: 'Example.com' })
  t.equal(moved.status, 308)
  t.match(moved.header('location'), /^https:\/\/example\.com\/old\/a%20b/)
  t.equal(moved.text, '')
  t.match(await gw.get('/gone'), { status: 301 })
})

scenario('a fixed response has its status, fields and body, and none of it for HEAD', async (s, t) => {
  const gw = await s.gateway({ routes: [{ respond: { status: 418, headers: { 'X-Kind': 'teapot' }, body: 'short' } }] })
  const answer = await gw.get('/')
  t.equal(answer.status, 418)
  t.equal(answer.header('x-kind'), 'teapot')
  t.equal(answer.text, 'short')
  const head = await gw.fetch({ method: 'HEAD' })
  t.equal(head.header('content-length'), '5')
  t.equal(head.text, '')
})

scenario('many requests on one connection are answered in order', async (s, t) => {
  const gw = await s.gateway({ routes: [{ match: '/a', respond: { body: 'a' } }, { respond: { body: 'other' } }] })
  const client = await gw.client()
  client.request({ target: '/a' }).request({ target: '/b' }).request({ target: '/a' })
  t.equal((await client.whole()).text, 'a')
  t.equal((await client.whole()).text, 'other')
  t.equal((await client.whole()).text, 'a')
})
