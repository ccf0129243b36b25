import { gateway, haproxy, nginx } from '../configurations.ts'
import { atLeast, ratio, within } from '../rows.ts'
import type { Figures, Scenario, Stage } from '../scenario.ts'
import type { Phase } from '../schedule.ts'
import { capacity, capacityPerSecond, classOf, phaseOf, warmUp } from './common.ts'

const setting: Pick<Scenario, 'seconds' | 'backends' | 'configurations'> = {
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
}

const streams = ['critical', 'low'].map((name) => ({
  class: name,
  rate: name === 'critical' ? 400 : 1000,
  paths: ['/'],
  headers: { 'x-importance': name },
}))
const critical = streams.slice(0, 1)

/** @param before what comes before the overload, and @param after what comes when it is over; one of them is `ease` */
async function measured(stage: Stage, before: readonly Phase[], after: readonly Phase[]): Promise<Figures> {
  const onset = { name: 'onset', seconds: 2, streams }
  const main = { name: 'main', seconds: stage.seconds, streams }
  const result = await stage.load({ timeoutMs: 500, phases: [...before, onset, main, ...after] })
  const [early, late] = [phaseOf(result, 'onset'), phaseOf(result, 'main')]
  const [first, rest] = [classOf(early, 'critical'), classOf(late, 'critical')]
  return {
    critical: (first.ok + rest.ok) / (first.offered + rest.offered),
    onsetP99: first.p99Ms,
    criticalP99: rest.p99Ms,
    easeP99: phaseOf(result, 'ease').p99Ms,
    goodput: late.ok / (capacityPerSecond * late.seconds),
  }
}

export const priorities: Scenario = {
  ...setting,
  name: 'priorities',
  about: 'A backend that can do 500/s is asked for 400/s critical and 1000/s low.',
  measure: (stage) => measured(stage, [warmUp(250), { name: 'ease', seconds: 4, streams: critical }], []),
  rows: [
    atLeast('400/s critical + 1000/s low on capacity 500/s: critical success', 'critical', 0.99, ratio),
    within('same: critical p99 from 2 s on (alone)', 'criticalP99', 'easeP99', 2.5, 0),
  ],
}

export const prioritiesAtStart: Scenario = {
  ...setting,
  name: 'priorities-at-start',
  about: 'The same, and it is the first that the gateway ever sees of its backend.',
  measure: (stage) =>
    measured(
      stage,
      [],
      [
        { name: 'calm', seconds: 2, streams: critical },
        { name: 'ease', seconds: 4, streams: critical },
      ],
    ),
  rows: [within('same, at a fresh start: critical p99 from 2 s on (alone)', 'criticalP99', 'easeP99', 2.5, 0)],
}
