import { setImmediate as turn } from 'node:timers/promises'
import type { TestGateway } from '../../harness/gateway.ts'
import { type Behaviour, reply, silence } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'
import { eventually } from '../../harness/wire.ts'

type Pick = (below: number) => number

/** Numerical Recipes' linear congruential generator: a seed is enough to play a failure again. */
function generator(seed: number): Pick {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Answers late, wrongly, in part or not at all. */
function moody(pick: Pick): Behaviour {
  const moods: Behaviour[] = [
    reply(200, {}, 'well'),
    reply(200, { 'Cache-Control': 'max-age=60' }, 'x'.repeat(100_000)),
    reply(503, { 'Retry-After': '1' }, 'busy'),
    reply(500, {}, 'broken'),
    silence,
    (_request, answer) => answer.reset(),
    (_request, answer) => answer.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf').end(),
  ]
  return async (request, answer) => {
    for (let turns = pick(20); turns > 0; turns--) await turn()
    const mood = pick(2) === 0 ? 0 : pick(moods.length)
    return (moods[mood] as Behaviour)(request, answer)
  }
}

/** Sends a request, and leaves after a while, whether it has an answer or not. */
async function visit(gw: TestGateway, pick: Pick): Promise<void> {
  const client = await gw.client()
  const target = `/${pick(5)}`
  if (pick(2) === 0) client.request({ target })
  else {
    client.send(`PUT ${target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`)
    for (let chunks = pick(4); chunks > 0; chunks--) {
      client.chunk('some content')
      await turn()
    }
    if (pick(3) > 0) client.send('0\r\n\r\n')
  }
  for (let turns = pick(60); turns > 0; turns--) await turn()
  if (pick(2) === 0) client.reset()
  else await client.close()
}

/** The sum over all series of a gauge. */
async function sum(gw: TestGateway, name: string): Promise<number> {
  const lines = (await gw.gateway.registry.text()).split('\n').filter((line) => line.startsWith(`${name}{`))
  return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

const gauges = ['gateway_requests_in_flight', 'gateway_upstream_outstanding', 'gateway_mirror_in_flight']

for (const seed of [5, 808, 31_337]) {
  scenario(`clients that leave at any moment leave nothing behind (seed ${seed})`, async (s, t) => {
    const pick = generator(seed)
    const origins = [await s.origin(moody(pick)), await s.origin(moody(pick)), await s.origin(moody(pick))]
    const [first, second, other] = origins.map(({ url }) => url)
    const gw = await s.gateway({
      upstreams: {
        u: {
          endpoints: [first, second],
          balance: 'peak_ewma',
          sticky: true,
          concurrency: 20,
          circuit_breaker: { minimum_requests: 5, window: '100ms', open_for: '10ms' },
          outlier_ejection: { consecutive_errors: 2, base: '20ms' },
        },
        other: { endpoints: [other] },
      },
      routes: [
        {
          upstream: 'u',
          cache: true,
          timeouts: { response: '40ms', total: '200ms' },
          retry: { attempts: 3, on: ['connect', 'unsent', 'reset', 'timeout', 502, 503, 504], budget: '100%' },
          hedge: { after: '1ms', budget: '100%' },
          fallback: { upstream: 'other', status: 503, on: ['failure', 500, 503] },
          mirror: { upstream: 'other', unsafe: true, timeout: '50ms', concurrency: 10 },
        },
      ],
    })
    for (let round = 0; round < 8; round++) await Promise.all(Array.from({ length: 25 }, () => visit(gw, pick)))
    for (const gauge of gauges) await eventually(`no ${gauge}`, async () => (await sum(gw, gauge)) === 0)
    await eventually('room', async () => (await gw.metric('gateway_concurrency_in_flight')) === 0)
    const text = await gw.gateway.registry.text()
    t.notMatch(text, /gateway_upstream_requests_total\{[^}]*outcome="internal"\} [1-9]/)
    t.notMatch(text, /gateway_errors_total\{[^}]*code="internal"[^}]*\} [1-9]/)
    t.match(text, /gateway_hedges_total\{[^}]*outcome="won"\} [1-9]/, 'all of it has been at work')
    t.match(text, /gateway_fallbacks_total\{[^}]*\} [1-9]/)
    t.match(text, /gateway_mirror_requests_total\{[^}]*outcome="2xx"\} [1-9]/)
  })
}
