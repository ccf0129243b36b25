import t from 'tap'
import { VirtualClock } from '../../../test/harness/clock.ts'
import { testDeps } from '../../../test/harness/deps.ts'
import { overloadSchema } from './schema.ts'
import { Watch } from './watch.ts'

function watched(heap: () => number = () => 0.2) {
  const clock = new VirtualClock()
  const said: string[] = []
  const note = (_fields: unknown, message: string) => said.push(message)
  const deps = testDeps({ clock, log: { debug: note, info: note, warn: note, error: note } })
  const watch = new Watch(overloadSchema.parse({}), deps, heap)
  /** For four seconds, a tenth of a second apart, requests begin that have waited for so long. */
  const beginAfter = (waitsMs: readonly number[]) => {
    for (let i = 0; i < 40; i++) {
      for (const waitedMs of waitsMs) watch.began(clock.now() - waitedMs)
      clock.advance(100)
    }
  }
  return { clock, said, watch, pressure: deps.pressure, deps, beginAfter }
}

t.test('an event loop that stalls again and again raises the pressure, and calm lowers it to nothing', async (t) => {
  const { clock, said, pressure, watch, deps } = watched()
  clock.advance(1000)
  t.equal(pressure.level, 0)
  for (let i = 0; i < 20; i++) clock.stall(600)
  t.equal(pressure.level, 5)
  t.ok(watch.excess > 0.5)
  t.match(await (deps.metrics as unknown as { text(): Promise<string> }).text(), /gateway_pressure_level 5/)
  t.match(said, [/refuses requests/])
  clock.advance(10_000)
  t.equal(pressure.level, 0)
  t.match(said, [/refuses requests/, /takes all requests again/])
  watch.stop()
  t.equal(clock.timers, 0)
})

t.test('one long pause is not an overload', async (t) => {
  const { clock, pressure } = watched()
  clock.advance(500)
  clock.stall(500)
  clock.advance(100)
  t.ok(pressure.level < 4, `${pressure.level}`)
  clock.advance(5000)
  t.equal(pressure.level, 0)
})

t.test('requests that wait for their turn raise the pressure as a late event loop does', async (t) => {
  const { clock, pressure, beginAfter } = watched()
  beginAfter([900, 600, 700])
  t.equal(pressure.level, 5)
  clock.advance(10_000)
  t.equal(pressure.level, 0)
})

t.test('a rush whose last had to wait is not an overload while others begin at once', async (t) => {
  const { pressure, beginAfter } = watched()
  beginAfter([0, 300, 600])
  t.equal(pressure.level, 0)
})

t.test('a heap that is nearly full raises it, too', async (t) => {
  let heap = 0.2
  const { clock, pressure } = watched(() => heap)
  heap = 0.91
  clock.advance(100)
  t.equal(pressure.level, 4)
  heap = 0.97
  clock.advance(100)
  t.equal(pressure.level, 5)
  heap = 0.3
  clock.advance(8000)
  t.equal(pressure.level, 0)
})
