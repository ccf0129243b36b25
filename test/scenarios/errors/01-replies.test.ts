import { deadUrl, reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'

scenario(
  'an error of the gateway is problem+json with the request id that the backend would have seen',
  async (s, t) => {
    const gw = await s.gateway({ routes: [{ match: '/a', respond: { body: 'x' } }] })
    const answer = await gw.get('/b')
    t.equal(answer.status, 404)
    t.equal(answer.header('content-type'), 'application/problem+json')
    t.match(answer.problem, { code: 'no_route', status: 404, title: 'No such route' })
    t.equal(answer.problem.request_id, answer.header('x-request-id'))
  },
)

scenario('an error is plain text for who prefers that', async (s, t) => {
  const gw = await s.gateway({ routes: [] })
  const answer = await gw.get('/', { headers: { Accept: 'text/html,*/*;q=0.8' } })
  t.equal(answer.header('content-type'), 'text/plain; charset=utf-8')
  t.match(answer.text, /^404 No such route\nrequest id: \S+\n$/)
})

scenario('an error has no content for HEAD, and the connection goes on', async (s, t) => {
  const gw = await s.gateway({ routes: [{ match: '/a', respond: { body: 'x' } }] })
  const client = await gw.client()
  const answer = await client.fetch({ method: 'HEAD', target: '/b' })
  t.equal(answer.status, 404)
  t.ok(Number(answer.header('content-length')) > 0)
  t.equal((await client.fetch({ target: '/a' })).text, 'x')
})

scenario('an error tells nothing of what is behind the gateway', async (s, t) => {
  const url = await deadUrl()
  const gw = await s.gateway({ routes: [{ upstream: url }] })
  const answer = await gw.get('/')
  t.strictSame([answer.status, answer.problem.code], [502, 'connect_failed'])
  t.notMatch(answer.raw + answer.text, new RegExp(`ECONNREFUSED|${new URL(url).port}|node|undici|\\.ts`))
})

scenario('errors of the backend pass as they are', async (s, t) => {
  const origin = await s.origin(reply(503, { 'Retry-After': '7' }, 'down for lunch', { reason: 'Lunch' }))
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  const answer = await gw.get('/')
  t.equal(answer.statusLine, 'HTTP/1.1 503 Lunch')
  t.equal(answer.header('retry-after'), '7')
  t.equal(answer.text, 'down for lunch')
})

scenario('CONNECT and TRACE are refused', async (s, t) => {
  const origin = await s.origin()
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  for (const request of ['CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n']) {
    const client = await gw.client()
    t.equal((await client.send(request).whole()).status, 405)
  }
  t.equal(origin.connections, 0)
})
