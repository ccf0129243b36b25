import { gateway, haproxy, nginx } from '../configurations.ts'
import { exactly, milliseconds, ratio, timesPeer } from '../rows.ts'
import type { Scenario } from '../scenario.ts'
import { phaseOf } from './common.ts'

const CLIENTS = 5000

/** No warm-up: a burst may well be the first that a new process sees, and one that has just begun is the slowest. */
export const burst: Scenario = {
  name: 'burst',
  about: '5000 clients connect at once, each for one answer that takes 100 ms; 100 ask again when they have theirs.',
  seconds: 3,
  backends: [{ behaviour: { ms: 100 } }],
  configurations: {
    nginx: (site) => nginx(site),
    haproxy: (site) => haproxy(site),
    gateway: (site) => gateway(site),
  },
  async measure(stage) {
    const phases = [
      { name: 'burst', seconds: stage.seconds, streams: [{ class: 'burst', atOnce: CLIENTS, paths: ['/'] }] },
      { name: 'after', seconds: 1, streams: [{ class: 'after', atOnce: 100, paths: ['/'] }] },
    ]
    const result = await stage.load({ timeoutMs: 10_000, phases })
    const [during, after] = [phaseOf(result, 'burst'), phaseOf(result, 'after')]
    return {
      answered: during.ok / during.offered,
      p99: during.p99Ms,
      refused: during.failed['status 503'] ?? 0,
      after: after.ok / after.offered,
    }
  },
  rows: [
    exactly('5000 clients at once, each for one answer of 100 ms: answered', 'answered', 1, ratio),
    timesPeer('same: p99', 'p99', 'nginx', 1.3, milliseconds),
    exactly('same: success of 100 right after it', 'after', 1, ratio),
  ],
}
