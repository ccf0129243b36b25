import { reply, silence } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'

const breaker = { error_rate: '50%', minimum_requests: 5, window: '10s', open_for: '500ms' }

scenario(
  'a backend that fails is left alone, tried with one request, and used again when that succeeds',
  async (s, t) => {
    let isBroken = true
    const origin = await s.origin((request, answer) => reply(isBroken ? 500 : 200, {}, 'x')(request, answer))
    const gw = await s.gateway({
      upstreams: { u: { endpoints: [origin.url], circuit_breaker: breaker } },
      routes: [{ upstream: 'u' }],
    })
    const client = await gw.client()
    for (let i = 0; i < 5; i++) t.equal((await client.fetch({})).status, 500)
    const state = () => gw.metric('gateway_circuit_breaker_state')
    while ((await state()) !== 2) await new Promise(setImmediate)
    const refused = await client.fetch({})
    t.equal(refused.status, 503)
    t.match(refused.problem.code, 'circuit_open')
    t.equal(origin.requests.length, 5)
    while ((await state()) !== 1) await new Promise((resolve) => setTimeout(resolve, 5))
    t.equal((await client.fetch({})).status, 500, 'one may try')
    while ((await state()) !== 2) await new Promise(setImmediate)
    t.equal((await client.fetch({})).status, 503, 'and opens it again')
    t.equal(origin.requests.length, 6)
    isBroken = false
    while ((await state()) !== 1) await new Promise((resolve) => setTimeout(resolve, 5))
    t.equal((await client.fetch({})).status, 200)
    while ((await state()) !== 0) await new Promise(setImmediate)
    t.equal((await client.fetch({})).status, 200)
    t.equal(await gw.metric('gateway_circuit_breaker_transitions_total', { to: 'closed' }), 1)
    t.match(
      gw.lines.filter(({ message }) => message === 'circuit breaker').map(({ fields }) => fields.state),
      ['open', 'half_open', 'open', 'half_open', 'closed'],
    )
  },
)

scenario(
  'while one request tries, others are still refused, and one that is given up does not block it',
  async (s, t) => {
    const behaviours = [...Array.from({ length: 5 }, () => reply(500)), silence, reply(200, {}, 'well')]
    const origin = await s.origin(...behaviours)
    const gw = await s.gateway({
      upstreams: { u: { endpoints: [origin.url], circuit_breaker: breaker } },
      routes: [{ upstream: 'u' }],
    })
    for (let i = 0; i < 5; i++) await gw.get('/')
    const state = () => gw.metric('gateway_circuit_breaker_state')
    while ((await state()) !== 1) await new Promise((resolve) => setTimeout(resolve, 5))
    const probing = await gw.client()
    probing.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await origin.saw(6)
    t.equal((await gw.get('/')).status, 503)
    await probing.close()
    let answer = await gw.get('/')
    while (answer.status === 503) answer = await gw.get('/')
    t.match(answer, { status: 200, text: 'well' })
  },
)

scenario('requests go round an endpoint whose breaker is open', async (s, t) => {
  const bad = await s.origin(reply(500))
  const good = await s.origin(reply(200, {}, 'good'))
  const gw = await s.gateway({
    upstreams: {
      u: {
        endpoints: [bad.url, good.url],
        outlier_ejection: false,
        circuit_breaker: { ...breaker, open_for: '1h' },
      },
    },
    routes: [{ upstream: 'u' }],
  })
  for (let i = 0; i < 10; i++) await gw.get('/')
  while ((await gw.metric('gateway_circuit_breaker_state', { endpoint: `127.0.0.1:${bad.port}` })) !== 2) {
    await new Promise(setImmediate)
  }
  const before = bad.requests.length
  for (let i = 0; i < 10; i++) t.equal((await gw.get('/')).status, 200)
  t.equal(bad.requests.length, before)
})

scenario('a tier whose breakers are open gives way to the next, and takes over again once it is well', async (s, t) => {
  let isBroken = true
  const main = await s.origin((request, answer) => reply(isBroken ? 500 : 200, {}, 'main')(request, answer))
  const spare = await s.origin(reply(200, {}, 'spare'))
  const gw = await s.gateway({
    upstreams: {
      u: {
        endpoints: [main.url, { url: spare.url, tier: 1 }],
        outlier_ejection: false,
        circuit_breaker: breaker,
      },
    },
    routes: [{ upstream: 'u' }],
  })
  const state = () => gw.metric('gateway_circuit_breaker_state', { endpoint: `127.0.0.1:${main.port}` })
  for (let i = 0; i < 5; i++) await gw.get('/')
  while ((await state()) !== 2) await new Promise(setImmediate)
  t.match(await gw.get('/'), { status: 200, text: 'spare' })
  t.equal(await gw.metric('gateway_upstream_panic', { upstream: 'u' }), 0)
  isBroken = false
  while ((await gw.get('/')).text !== 'main');
  while ((await state()) !== 0) await new Promise(setImmediate)
  for (let i = 0; i < 4; i++) t.equal((await gw.get('/')).text, 'main')
})
