/** Whoever lists `reset`, the riskier kind, has kept connections that close as a request goes out tried again, too. */
import { type Behaviour, reply } from '../harness/origin.ts'
import { scenario } from '../harness/scenario.ts'

/** Answers the first request on a connection, and closes it as the second arrives. */
function racing(): Behaviour {
  const used = new Set<number>()
  return (request, answer) => {
    if (used.has(request.connection)) {
      answer.reset()
      return
    }
    used.add(request.connection)
    return reply(200, {}, 'ok')(request, answer)
  }
}

for (const on of [
  ['connect', 'reset'],
  ['reset'],
  ['connect', 'reset', 'timeout', 502, 503, 504],
  ['connect', 'unsent'],
]) {
  scenario(`no GET fails for a kept connection that closes: on: [${on.join(', ')}]`, async (s, t) => {
    const origin = await s.origin(racing())
    const gw = await s.gateway({
      upstreams: { u: { endpoints: [origin.url], outlier_ejection: false } },
      routes: [{ upstream: 'u', retry: { on } }],
    })
    for (let i = 0; i < 20; i++) t.equal((await gw.get('/')).status, 200)
    t.ok(origin.connections > 5)
  })
}
