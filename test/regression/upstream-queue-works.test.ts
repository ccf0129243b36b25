/** A queue before a slow backend is worked off: nobody is refused while places come free in time. */
import { setTimeout as pass } from 'node:timers/promises'
import { reply } from '../harness/origin.ts'
import { scenario } from '../harness/scenario.ts'

for (const [what, concurrency] of [
  ['a fixed limit', { adaptive: false, max: 2, queue_timeout: '30s' }],
  ['an adaptive limit', { adaptive: true, min: 2, max: 2, queue_timeout: '30s' }],
] as const) {
  for (const workMs of [50, 200]) {
    scenario(
      `twelve requests at once are all answered by a backend of ${workMs} ms behind ${what} of two`,
      async (s, t) => {
        let [under, most] = [0, 0]
        const origin = await s.origin(async (request, answer) => {
          under++
          most = Math.max(most, under)
          await pass(workMs)
          under--
          await reply(200, {}, 'ok')(request, answer)
        })
        const upstreams = { u: { endpoints: [origin.url], concurrency } }
        const gw = await s.gateway({ upstreams, routes: [{ upstream: 'u' }] })
        const answers = await Promise.all(Array.from({ length: 12 }, () => gw.get('/')))
        t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
        t.equal(most, 2, 'and no more than two were there at once')
      },
    )
  }
}
