import t from 'tap'
import { VirtualClock } from '../../test/harness/clock.ts'
import { systemClock, systemRandom } from './clock.ts'

t.test('the system clock goes forward and runs what it was given', async (t) => {
  const before = systemClock.now()
  t.ok(Math.abs(systemClock.wall() - Date.now()) < 60_000)
  const keepsTestAlive = setInterval(() => {}, 1000)
  await new Promise<void>((resolve) => systemClock.after(1, resolve))
  await new Promise<void>((resolve) => {
    const timer = systemClock.every(1, () => {
      timer.cancel()
      timer.cancel()
      resolve()
    })
  })
  systemClock.after(0, () => t.fail('it was cancelled')).cancel()
  await new Promise((resolve) => setImmediate(resolve))
  clearInterval(keepsTestAlive)
  t.ok(systemClock.now() >= before)
  const random = systemRandom()
  t.ok(random >= 0 && random < 1)
})

t.test('the virtual clock runs each timer at its own moment and in order', async (t) => {
  const clock = new VirtualClock(0, 5000)
  const seen: string[] = []
  const note = (name: string) => () => seen.push(`${name}@${clock.now()}`)
  clock.after(20, note('b'))
  clock.after(10, () => {
    note('a')()
    clock.after(5, note('nested'))
  })
  clock.after(20, note('c'))
  const every = clock.every(8, note('every'))
  clock.after(12, note('cancelled')).cancel()
  clock.advance(20)
  every.cancel()
  clock.advance(100)
  t.strictSame(seen, ['every@8', 'a@10', 'nested@15', 'every@16', 'b@20', 'c@20'])
  t.equal(clock.wall(), 5120)
  t.equal(clock.timers, 0)
})

t.test('a stall of the virtual clock runs what is overdue once, at its end', async (t) => {
  const clock = new VirtualClock(0)
  const seen: number[] = []
  const every = clock.every(10, () => seen.push(clock.now()))
  clock.stall(95)
  t.strictSame(seen, [95])
  clock.advance(10)
  t.strictSame(seen, [95, 105])
  every.cancel()
})
