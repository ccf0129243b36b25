import t from 'tap'
import { Station } from './station.ts'

t.test('below its capacity, each request takes the time of its work', async (t) => {
  const station = new Station(10, 20)
  for (let ms = 0; ms < 1000; ms += 4) t.equal(station.doneAtMs(ms), ms + 20)
})

t.test('above its capacity it does what it can, in order, and the rest waits without bound', async (t) => {
  const station = new Station(10, 20)
  // 1500/s for four seconds.
  const done = Array.from({ length: 6000 }, (_, i) => station.doneAtMs((i * 1000) / 1500))
  t.same(
    done,
    done.toSorted((a, b) => a - b),
  )
  const inTime = done.filter((at) => at <= 4000).length
  t.ok(Math.abs(inTime - 2000) <= 10, `${inTime} done in four seconds, at 500/s`)
  t.ok(Math.abs((done.at(-1) ?? 0) - 12_000) < 50, 'the last one waits for all before it')
})

t.test('once idle, it remembers nothing of the queue it had', async (t) => {
  const station = new Station(2, 10)
  for (let i = 0; i < 100; i++) station.doneAtMs(0)
  t.equal(station.doneAtMs(10_000), 10_010)
})
