import { gateway, haproxy, nginx } from '../configurations.ts'
import { atLeast, ratio, within } from '../rows.ts'
import type { Scenario } from '../scenario.ts'
import { capacity, capacityPerSecond, classOf, phaseOf, warmUp } from './common.ts'

export const priorities: Scenario = {
  name: 'priorities',
  about: 'A backend that can do 500/s is asked for 400/s critical and 1000/s low.',
  seconds: 8,
  backends: [{ behaviour: { ms: 0, capacity } }],
  configurations: {
    nginx: (site) => nginx(site),
    haproxy: (site) =>
      haproxy(site, {
        defaults: 'timeout queue 300ms\n  option abortonclose',
        backend: 'http-request set-priority-class int(-100) if { req.hdr(x-importance) critical }',
        server: `maxconn ${capacity.workers}`,
      }),
    gateway: (site) =>
      gateway(site, {
        upstream: 'concurrency: {adaptive: true}',
        routes: `
          - name: critical
            match: {headers: {x-importance: critical}}
            priority: critical
            upstream: app
          - name: rest
            priority: low
            upstream: app`,
      }),
  },
  async measure(stage) {
    const streams = ['critical', 'low'].map((name) => ({
      class: name,
      rate: name === 'critical' ? 400 : 1000,
      paths: ['/'],
      headers: { 'x-importance': name },
    }))
    const phases = [
      warmUp(250),
      { name: 'ease', seconds: 4, streams: streams.slice(0, 1) },
      { name: 'onset', seconds: 2, streams },
      { name: 'main', seconds: stage.seconds, streams },
    ]
    const result = await stage.load({ timeoutMs: 500, phases })
    const main = phaseOf(result, 'main')
    const [critical, onset] = [classOf(main, 'critical'), classOf(phaseOf(result, 'onset'), 'critical')]
    return {
      critical: (critical.ok + onset.ok) / (critical.offered + onset.offered),
      criticalP99: critical.p99Ms,
      easeP99: phaseOf(result, 'ease').p99Ms,
      onsetP99: onset.p99Ms,
      goodput: main.ok / (capacityPerSecond * main.seconds),
    }
  },
  rows: [
    atLeast('400/s critical + 1000/s low on capacity 500/s: critical success', 'critical', 0.99, ratio),
    within('same: critical p99 from 2 s on (alone)', 'criticalP99', 'easeP99', 2.5, 0),
  ],
}
