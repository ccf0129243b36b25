import type { TestGateway } from '../../harness/gateway.ts'
import { deadUrl, reply, type ScriptedOrigin } from '../../harness/origin.ts'
import { type Scenario, scenario } from '../../harness/scenario.ts'

async function three(s: Scenario): Promise<ScriptedOrigin[]> {
  return [await s.origin(reply(200, {}, 'a')), await s.origin(reply(200, {}, 'b')), await s.origin(reply(200, {}, 'c'))]
}

async function bodies(gw: TestGateway, count: number): Promise<string> {
  let all = ''
  for (let i = 0; i < count; i++) all += (await gw.get('/')).text
  return all
}

scenario('endpoints take their turns', async (s, t) => {
  const endpoints = (await three(s)).map((origin) => origin.url)
  const gw = await s.gateway({ upstreams: { u: { endpoints } }, routes: [{ upstream: 'u' }] })
  const order = await bodies(gw, 6)
  t.equal(order.slice(0, 3), order.slice(3))
  t.equal([...order.slice(0, 3)].sort().join(''), 'abc')
})

scenario('weights are kept exactly, and spread smoothly', async (s, t) => {
  const [a, b, c] = await three(s)
  const endpoints = [{ url: a?.url, weight: 5 }, b?.url, c?.url]
  const gw = await s.gateway({ upstreams: { u: { endpoints } }, routes: [{ upstream: 'u' }] })
  const order = await bodies(gw, 14)
  t.equal([...order].sort().join(''), 'aaaaaaaaaabbcc')
  t.notMatch(order.slice(0, 7), /aaaa/, 'not all of the heavy one’s turns in a row')
})

scenario('a refused endpoint is passed over for another, also for POST, since nothing reached it', async (s, t) => {
  const alive = await s.origin(reply(200, {}, 'alive'))
  const gw = await s.gateway({
    upstreams: { u: { endpoints: [await deadUrl(), alive.url] } },
    routes: [{ upstream: 'u' }],
  })
  for (let i = 0; i < 4; i++) {
    t.match(await gw.fetch({ method: 'POST', body: 'once' }), { status: 200, text: 'alive' })
  }
  t.strictSame(
    alive.requests.map((request) => request.body.text),
    ['once', 'once', 'once', 'once'],
  )
})

scenario('a request that may have reached a backend is not sent again', async (s, t) => {
  const origin = await s.origin((_request, answer) => answer.reset(), reply())
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  const answer = await gw.fetch({ method: 'POST', body: 'once' })
  t.strictSame([answer.status, answer.problem.code], [502, 'connection_closed'])
  t.equal(origin.requests.length, 1)
})

scenario('a kept connection that the backend has closed costs no request', async (s, t) => {
  const origin = await s.origin(async (request, answer) => {
    await reply(200, {}, 'ok')(request, answer)
    answer.end()
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  for (let i = 0; i < 5; i++) t.equal((await gw.get('/')).status, 200)
})

scenario(
  'a kept connection that closes just as a request arrives on it costs no GET, and repeats no POST',
  async (s, t) => {
    const perConnection = new Map<number, number>()
    const origin = await s.origin(async (request, answer) => {
      await request.body.rest()
      const number = (perConnection.get(request.connection) ?? 0) + 1
      perConnection.set(request.connection, number)
      if (number === 1) return reply(200, {}, 'ok')(request, answer)
      return answer.reset()
    })
    const gw = await s.gateway({ routes: [{ upstream: origin.url, retry: { attempts: 2 } }] })
    for (let i = 0; i < 6; i++) t.equal((await gw.get('/')).status, 200)
    t.equal((await gw.fetch({ method: 'PUT', body: 'x' })).status, 502, 'its body is gone')
    t.equal((await gw.get('/')).status, 200)
    const posted = await gw.fetch({ method: 'POST', body: 'x' })
    t.strictSame([posted.status, posted.problem.code], [502, 'kept_closed'])
    t.equal(await gw.metric('gateway_outlier_ejections_total'), undefined)
  },
)

scenario('connections to a backend are kept and used again', async (s, t) => {
  const origin = await s.origin()
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  for (let i = 0; i < 5; i++) await gw.get('/')
  t.equal(origin.connections, 1)
})
