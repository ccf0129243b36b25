import { reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'

scenario('a prefix is stripped, a path is put together anew, and the query stays', async (s, t) => {
  const origin = await s.origin(reply())
  const gw = await s.gateway({
    routes: [
      { match: '/catalog/**', upstream: origin.url, rewrite: { strip_prefix: '/catalog', path: '/v2{path}' } },
      { match: '/user/{id}', upstream: origin.url, rewrite: { path: '/people/{id}/profile' } },
    ],
  })
  await gw.get('/catalog/shoes?size=42')
  t.equal(origin.last.target, '/v2/shoes?size=42')
  await gw.get('/catalog/')
  t.equal(origin.last.target, '/v2/')
  await gw.get('/user/a%20b')
  t.equal(origin.last.target, '/people/a%20b/profile')
})

scenario('Host is kept, or becomes the upstream’s, or is set', async (s, t) => {
  const origin = await s.origin(reply())
  const gw = await s.gateway({
    routes: [
      { match: '/keep', upstream: origin.url },
      { match: '/upstream', upstream: origin.url, rewrite: { host: 'upstream' } },
      { match: '/set', upstream: origin.url, rewrite: { host: 'legacy.internal' } },
    ],
  })
  const sent = async (target: string) => {
    await gw.get(target, { host: 'Shop.example.com:8080' })
    return origin.last.header('host')
  }
  t.equal(await sent('/keep'), 'shop.example.com:8080')
  t.equal(await sent('/upstream'), `127.0.0.1:${origin.port}`)
  t.equal(await sent('/set'), 'legacy.internal')
})

scenario('request and response fields are set, added and removed', async (s, t) => {
  const origin = await s.origin(reply(200, ['Server', 'x', 'X-A', '1', 'Set-Cookie', 'a=1', 'x-a', '2']))
  const edits = { set: { 'X-A': 'new' }, add: { 'Set-Cookie': 'b=2' }, remove: ['server'] }
  const gw = await s.gateway({ routes: [{ upstream: origin.url, request_headers: edits, response_headers: edits }] })
  const answer = await gw.get('/', { headers: ['Server', 'y', 'x-a', 'old', 'X-Kept', '1'] })
  t.strictSame(answer.headers('x-a'), ['new'])
  t.strictSame(answer.headers('set-cookie'), ['a=1', 'b=2'])
  t.equal(answer.header('server'), undefined)
  t.strictSame(origin.last.headers('x-a'), ['new'])
  t.equal(origin.last.header('server'), undefined)
  t.equal(origin.last.header('x-kept'), '1')
})

scenario('a weighted split sends each its share', async (s, t) => {
  const [blue, green] = [await s.origin(reply(200, {}, 'blue')), await s.origin(reply(200, {}, 'green'))]
  const draws = [0, 0.1, 0.5, 0.89, 0.91, 0.99]
  let drawn = 0
  const gw = await s.gateway(
    {
      upstreams: { blue: { endpoints: [blue.url] }, green: { endpoints: [green.url] } },
      routes: [
        {
          upstream: [
            { to: 'blue', weight: 90 },
            { to: 'green', weight: 10 },
          ],
        },
      ],
    },
    { random: () => draws[drawn++ % draws.length] as number },
  )
  const bodies: string[] = []
  for (let i = 0; i < 60; i++) bodies.push((await gw.get('/')).text)
  t.ok(bodies.includes('blue') && bodies.includes('green'))
  t.ok(bodies.filter((body) => body === 'green').length < 30)
})
