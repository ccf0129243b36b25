import { gateway, haproxy, nginx } from '../configurations.ts'
import { atMost, milliseconds } from '../rows.ts'
import type { Scenario } from '../scenario.ts'
import { failedOf, phaseOf, steady, warmUp } from './common.ts'

export const slowEndpoint: Scenario = {
  name: 'slow-endpoint',
  about: 'One of three endpoints takes 200 ms in place of 10.',
  seconds: 8,
  backends: [{ behaviour: { ms: 10 } }, { behaviour: { ms: 10 } }, { behaviour: { ms: 200 } }],
  configurations: {
    nginx: (site) => nginx(site, { upstream: 'least_conn;' }),
    haproxy: (site) => haproxy(site, { backend: 'balance leastconn' }),
    gateway: (site) => gateway(site, { upstream: 'balance: peak_ewma' }),
  },
  async measure(stage) {
    const phases = [warmUp(600), steady('main', stage.seconds, 600)]
    const main = phaseOf(await stage.load({ timeoutMs: 5000, phases }), 'main')
    const reached = (await stage.backends.counts()).map((each) => each.reached)
    const all = reached.reduce((sum, each) => sum + each, 0)
    return { p99: main.p99Ms, failed: failedOf(main), slowShare: (reached.at(-1) ?? Number.NaN) / all }
  },
  rows: [atMost('three endpoints (10 ms), one 20x slower, 600/s: p99', 'p99', 30, milliseconds)],
}
