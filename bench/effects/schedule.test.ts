import t from 'tap'
import { type Phase, schedule, seeded } from './schedule.ts'

const phase = (name: string, seconds: number, rate: number, of = 'all'): Phase => ({
  name,
  seconds,
  streams: [{ class: of, rate, paths: ['/a', '/b'] }],
})

t.test('fixed spacing offers exactly the rate, at even distances', async (t) => {
  const due = schedule([phase('main', 10, 50)], 'fixed', seeded(1)).map(({ dueMs }) => dueMs)
  t.equal(due.length, 500)
  t.ok(due.every((at, i) => i === 0 || Math.abs(at - (due[i - 1] ?? 0) - 20) < 1e-6))
})

t.test('Poisson arrivals have the rate as their mean, and gaps as uneven as independent users make', async (t) => {
  const due = schedule([phase('main', 100, 200)], 'poisson', seeded(2)).map(({ dueMs }) => dueMs)
  t.ok(Math.abs(due.length - 20_000) < 600, `${due.length} of 20000, within four standard deviations`)
  const gaps = due.slice(1).map((at, i) => at - (due[i] ?? 0))
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length
  t.ok(Math.abs(Math.sqrt(variance) / mean - 1) < 0.05, 'the deviation of an exponential gap is its mean')
})

t.test('phases follow one another, and their streams mix in order of time', async (t) => {
  const both: Phase = {
    name: 'two',
    seconds: 2,
    streams: [...phase('', 0, 30, 'x').streams, ...phase('', 0, 60, 'y').streams],
  }
  const all = schedule([phase('one', 3, 100), both], 'poisson', seeded(3))
  t.ok(all.every(({ dueMs }, i) => i === 0 || dueMs >= (all[i - 1]?.dueMs ?? 0)))
  t.ok(all.every(({ dueMs, phase: { name } }) => (name === 'one' ? dueMs < 3000 : dueMs >= 3000 && dueMs < 5000)))
  t.same([...new Set(all.map(({ stream }) => stream.class))].sort(), ['all', 'x', 'y'])
})

t.test('paths are asked in turn', async (t) => {
  const all = schedule([phase('main', 1, 4)], 'fixed', seeded(4))
  t.same(
    all.map(({ path }) => path),
    ['/a', '/b', '/a', '/b'],
  )
})

t.test('a rush is due as its phase begins', async (t) => {
  const rush: Phase = { name: 'rush', seconds: 5, streams: [{ class: 'rush', atOnce: 100, paths: ['/'] }] }
  const due = schedule([phase('before', 2, 1), rush], 'fixed', seeded(5)).filter(({ phase }) => phase === rush)
  t.equal(due.length, 100)
  t.ok(due.every(({ dueMs }) => dueMs === 2000))
})

t.test('the same seed draws the same load', async (t) => {
  const times = (seed: number) => schedule([phase('main', 1, 100)], 'poisson', seeded(seed)).map(({ dueMs }) => dueMs)
  t.same(times(7), times(7))
  t.notSame(times(7), times(8))
})
