import { gateway, haproxy, nginx } from '../configurations.ts'
import { atLeast, atMost, exactly, milliseconds, ratio } from '../rows.ts'
import type { Scenario } from '../scenario.ts'
import { capacity, capacityPerSecond, phaseOf, steady, warmUp } from './common.ts'

export const overload: Scenario = {
  name: 'overload',
  about: 'A backend that can do 500/s is asked 1500/s, by clients that wait 500 ms; then 250/s.',
  seconds: 8,
  backends: [{ behaviour: { ms: 0, capacity } }],
  configurations: {
    // Its `max_conns` has no queue: set to 10 it refuses at once what exceeds that, and a little of what would not.
    nginx: (site) => nginx(site),
    // What can be set by hand is set to exactly what this backend can do.
    haproxy: (site) =>
      haproxy(site, { defaults: 'timeout queue 300ms\n  option abortonclose', server: `maxconn ${capacity.workers}` }),
    gateway: (site) => gateway(site, { upstream: 'concurrency: {adaptive: true}' }),
  },
  async measure(stage) {
    const phases = [
      warmUp(250),
      steady('overload', stage.seconds, 1500),
      // What was under way as the overload ended.
      steady('settling', 1, 250),
      steady('after', 4, 250),
    ]
    const result = await stage.load({ timeoutMs: 500, phases })
    const during = phaseOf(result, 'overload')
    const after = phaseOf(result, 'after')
    return {
      goodput: during.ok / (capacityPerSecond * during.seconds),
      p99: during.p99Ms,
      after: after.ok / after.offered,
    }
  },
  rows: [
    atLeast('capacity 500/s, offered 1500/s, clients wait 500 ms: goodput/capacity', 'goodput', 0.95, ratio),
    atMost('same: p99 of answered', 'p99', 250, milliseconds),
    exactly('after the overload, 250/s: success', 'after', 1, ratio),
  ],
}
