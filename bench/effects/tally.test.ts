import t from 'tap'
import type { Arrival, Phase } from './schedule.ts'
import { percentile, Tally } from './tally.ts'

const [critical, low] = ['critical', 'low'].map((name) => ({ class: name, rate: 1, paths: ['/'] }))
const first: Phase = { name: 'first', seconds: 2, streams: critical === undefined ? [] : [critical] }
const second: Phase = { name: 'second', seconds: 2, streams: critical && low ? [critical, low] : [] }

function arrival(phase: Phase, dueMs: number, stream = 0): Arrival {
  return { dueMs, phase, path: '/', stream: phase.streams[stream] ?? { class: 'none', paths: [] } }
}

t.test('percentiles are by nearest rank', async (t) => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1)
  t.equal(percentile(hundred, 0.5), 50)
  t.equal(percentile(hundred, 0.99), 99)
  t.equal(percentile(hundred, 1), 100)
  t.equal(percentile([7], 0.01), 7)
  t.ok(Number.isNaN(percentile([], 0.5)))
})

t.test('results are filed under the phase and the class of the request', async (t) => {
  const tally = new Tally()
  tally.ok(arrival(first, 100), 5)
  tally.ok(arrival(second, 2100), 10)
  tally.failed(arrival(second, 2200, 1), 'status 503')
  tally.failed(arrival(second, 3300, 1), 'timeout')
  const phases = tally.summary([first, second])
  t.match(phases.first, { offered: 1, ok: 1, failed: {}, p99Ms: 5 })
  t.match(phases.second, { offered: 3, ok: 1, failed: { 'status 503': 1, timeout: 1 }, p99Ms: 10 })
  t.match(phases.second?.classes.critical, { offered: 1, ok: 1 })
  t.match(phases.second?.classes.low, { offered: 2, ok: 0 })
})

t.test('seconds are counted from the start of the phase, by when requests were due', async (t) => {
  const tally = new Tally()
  tally.ok(arrival(second, 2999), 3000)
  tally.ok(arrival(second, 3000), 1)
  tally.failed(arrival(second, 3500), 'reset')
  t.same(tally.summary([first, second]).second?.perSecond, [
    { offered: 1, ok: 1 },
    { offered: 2, ok: 1 },
  ])
})

t.test('the last failure is the one that was due last, whenever it became known', async (t) => {
  const tally = new Tally()
  tally.failed(arrival(second, 3400), 'status 503')
  tally.failed(arrival(second, 2400), 'timeout')
  const phases = tally.summary([first, second])
  t.equal(phases.second?.lastFailureMs, 1400)
  t.equal(phases.first?.lastFailureMs, undefined)
})

t.test('a phase without answers has no latency', async (t) => {
  const tally = new Tally()
  tally.failed(arrival(first, 1), 'refused')
  t.ok(Number.isNaN(tally.summary([first]).first?.p99Ms))
})
