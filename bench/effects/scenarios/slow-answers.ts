import { gateway, haproxy, nginx } from '../configurations.ts'
import { atMost, milliseconds, percent } from '../rows.ts'
import type { Backends, Scenario } from '../scenario.ts'
import { failedOf, phaseOf, steady, warmUp } from './common.ts'

const behaviour = { ms: 10, slow: { share: 0.02, ms: 1000 } }

export const slowAnswers: Scenario = {
  name: 'slow-answers',
  about: 'Every endpoint takes a second for every fiftieth answer, in place of 10 ms.',
  seconds: 8,
  backends: [{ behaviour }, { behaviour }, { behaviour }],
  configurations: {
    nginx: (site) => nginx(site, { upstream: 'least_conn;' }),
    haproxy: (site) => haproxy(site, { backend: 'balance leastconn' }),
    gateway: (site) => gateway(site, { upstream: 'balance: least_requests', route: 'hedge: {after: p95, budget: 5%}' }),
  },
  async measure(stage) {
    const phases = [warmUp(400), steady('main', stage.seconds, 400)]
    let reachedBefore = 0
    const result = await stage.load({ timeoutMs: 5000, phases }, [
      {
        atSecond: warmUp(400).seconds,
        act: async () => {
          reachedBefore = await reached(stage.backends)
        },
      },
    ])
    const main = phaseOf(result, 'main')
    const extra = ((await reached(stage.backends)) - reachedBefore) / main.offered - 1
    return { p99: main.p99Ms, failed: failedOf(main), extra }
  },
  rows: [
    atMost('2 % of answers take 1 s, 400/s: p99', 'p99', 60, milliseconds),
    atMost('same: extra load on the backends', 'extra', 0.06, percent),
  ],
}

async function reached(backends: Backends): Promise<number> {
  return (await backends.counts()).reduce((sum, each) => sum + each.reached, 0)
}
