import { gateway, haproxy, nginx } from '../configurations.ts'
import { atMost, exactly, mebibytes, merely, ratio } from '../rows.ts'
import type { Scenario } from '../scenario.ts'
import { phaseOf, steady, warmUp } from './common.ts'

const CONNECTIONS = 5000

export const manyConnections: Scenario = {
  name: 'many-connections',
  about: '5000 clients connect and ask at the same moment.',
  seconds: 4,
  backends: [{ behaviour: { ms: 10 } }],
  configurations: {
    nginx: (site) => nginx(site),
    haproxy: (site) => haproxy(site, { server: 'maxconn 256' }),
    gateway: (site) => gateway(site),
  },
  async measure(stage) {
    let peakBytes = 0
    const watch = setInterval(() => {
      peakBytes = Math.max(peakBytes, stage.residentBytes())
    }, 100)
    try {
      const rush = { class: 'rush', atOnce: CONNECTIONS, paths: ['/'] }
      const phases = [warmUp(100), { name: 'rush', seconds: 5, streams: [rush] }, steady('after', stage.seconds, 100)]
      const result = await stage.load({ timeoutMs: 10_000, phases })
      const [during, after] = [phaseOf(result, 'rush'), phaseOf(result, 'after')]
      return {
        answered: during.ok / during.offered,
        longest: during.maxMs,
        peakBytes,
        after: stage.isRunning() ? after.ok / after.offered : 0,
      }
    } finally {
      clearInterval(watch)
    }
  },
  rows: [
    merely('5000 connections at once: answered', 'answered', ratio),
    atMost('same: memory at its peak', 'peakBytes', 400 * 2 ** 20, mebibytes),
    exactly('same: success five seconds later', 'after', 1, ratio),
  ],
}
