import { gateway, haproxy, nginx } from '../configurations.ts'
import { count, exactly } from '../rows.ts'
import type { Scenario } from '../scenario.ts'
import { failedOf, phaseOf, warmUp } from './common.ts'

export const varyingLatency: Scenario = {
  name: 'varying-latency',
  about: 'Nothing is wrong: some paths take 5 ms, some 200. Whoever takes long answers for overload sheds.',
  seconds: 8,
  backends: [{ behaviour: { ms: 5 } }],
  configurations: {
    nginx: (site) => nginx(site),
    haproxy: (site) => haproxy(site),
    gateway: (site) => gateway(site, { upstream: 'concurrency: {adaptive: true}' }),
  },
  async measure(stage) {
    const streams = [5, 20, 50, 100, 200].map((ms) => ({ class: 'all', rate: 40, paths: [`/ms/${ms}`] }))
    const phases = [warmUp(200), { name: 'main', seconds: stage.seconds, streams }]
    const main = phaseOf(await stage.load({ timeoutMs: 5000, phases }), 'main')
    return { shed: failedOf(main), p99: main.p99Ms }
  },
  rows: [exactly('no overload, latency varying 5-200 ms by path: shed', 'shed', 0, count)],
}
