import fc from 'fast-check'
import t from 'tap'
import { VirtualClock } from '../../test/harness/clock.ts'
import { Deadline, Wheel } from './wheel.ts'

const TICK_MS = 10
/** The clock's ticks need not fall on the wheel's. */
const LATE_MS = 2 * TICK_MS
const TURN_MS = 10 * 1024

function setUp(startMs = 1003.25) {
  const clock = new VirtualClock(startMs)
  return { clock, wheel: new Wheel(clock) }
}

/** A deadline that notes the times at which it was reached. */
function noted(clock: VirtualClock): { deadline: Deadline; times: number[] } {
  const times: number[] = []
  return { deadline: new Deadline(() => times.push(clock.now())), times }
}

t.test('a deadline is reached at the first tick at or after its time, and only once', async (t) => {
  for (const delayMs of [0.5, 1, 9, 10, 11, 99.9, 2500, TURN_MS, TURN_MS + 5, 3 * TURN_MS + 1]) {
    const { clock, wheel } = setUp()
    const { deadline, times } = noted(clock)
    const at = clock.now() + delayMs
    wheel.arm(deadline, at)
    clock.advance(delayMs - 0.25)
    t.strictSame(times, [], `not before its ${delayMs} ms`)
    clock.advance(LATE_MS)
    t.equal(times.length, 1, `within two ticks of ${delayMs} ms`)
    clock.advance(2 * TURN_MS)
    t.equal(times.length, 1)
    t.equal(deadline.at, Number.POSITIVE_INFINITY)
  }
})

t.test('a deadline that is due already when it is armed is reached at once', async (t) => {
  for (const startMs of [1000, 1003]) {
    for (const lateMs of [0, 1, 5, 500]) {
      const { clock, wheel } = setUp(startMs)
      const { deadline, times } = noted(clock)
      wheel.arm(deadline, clock.now() - lateMs)
      clock.advance(LATE_MS)
      t.equal(times.length, 1, `${lateMs} ms late at ${startMs}`)
    }
  }
})

t.test('a disarmed deadline is never reached, and disarming twice is harmless', async (t) => {
  const { clock, wheel } = setUp()
  const { deadline, times } = noted(clock)
  wheel.disarm(deadline)
  wheel.arm(deadline, clock.now() + 50)
  wheel.disarm(deadline)
  wheel.disarm(deadline)
  t.equal(wheel.armed, 0)
  clock.advance(1000)
  t.strictSame(times, [])
})

t.test('a deadline can be moved later and earlier, as often as one likes', async (t) => {
  const { clock, wheel } = setUp(1000)
  const { deadline, times } = noted(clock)
  wheel.arm(deadline, 1100)
  wheel.arm(deadline, 3000)
  wheel.arm(deadline, 2000)
  clock.advance(999)
  t.strictSame(times, [], 'the first time was given up')
  wheel.arm(deadline, 5000)
  clock.advance(1001)
  t.strictSame(times, [], 'so was the third')
  wheel.arm(deadline, 3500)
  t.equal(wheel.armed, 1)
  clock.advance(1000)
  t.strictSame(times, [3500])
})

t.test('an infinite time disarms', async (t) => {
  const { clock, wheel } = setUp()
  const { deadline, times } = noted(clock)
  wheel.arm(deadline, clock.now() + 20)
  wheel.arm(deadline, Number.POSITIVE_INFINITY)
  t.equal(wheel.armed, 0)
  clock.advance(100)
  t.strictSame(times, [])
})

t.test('what expires may arm itself again and disarm its neighbours of the same tick', async (t) => {
  const { clock, wheel } = setUp(1000)
  const times: number[] = []
  const neighbour = new Deadline(() => t.fail('it was disarmed'))
  const again: Deadline = new Deadline(() => {
    times.push(clock.now())
    wheel.disarm(neighbour)
    if (times.length < 3) wheel.arm(again, clock.now() + 100)
  })
  wheel.arm(neighbour, 1100)
  wheel.arm(again, 1100)
  clock.advance(1000)
  t.strictSame(times, [1100, 1200, 1300])
  t.equal(wheel.armed, 0)
})

t.test('after a long stall every overdue deadline is reached, and none that is not due', async (t) => {
  const { clock, wheel } = setUp(1000)
  const due = [10, 500, TURN_MS, 2 * TURN_MS, 5 * TURN_MS].map((delayMs) => {
    const it = noted(clock)
    wheel.arm(it.deadline, 1000 + delayMs)
    return it
  })
  const later = noted(clock)
  wheel.arm(later.deadline, 1000 + 6 * TURN_MS + 7)
  clock.stall(5 * TURN_MS + 3)
  t.strictSame(
    due.map((it) => it.times.length),
    [1, 1, 1, 1, 1],
  )
  t.strictSame(later.times, [])
  clock.advance(TURN_MS + 2 * TICK_MS)
  t.equal(later.times.length, 1)
})

t.test('the clock timer runs only while something is armed', async (t) => {
  const { clock, wheel } = setUp()
  t.equal(clock.timers, 0)
  const { deadline } = noted(clock)
  wheel.arm(deadline, clock.now() + 5)
  t.equal(clock.timers, 1)
  clock.advance(50)
  t.equal(clock.timers, 0)
})

t.test('stopping drops every deadline, and the wheel can be used again', async (t) => {
  const { clock, wheel } = setUp()
  const { deadline, times } = noted(clock)
  wheel.arm(deadline, clock.now() + 50)
  wheel.stop()
  t.equal(wheel.armed, 0)
  t.equal(clock.timers, 0)
  wheel.disarm(deadline)
  t.equal(wheel.armed, 0)
  wheel.arm(deadline, clock.now() + 50)
  t.equal(wheel.armed, 1)
  clock.advance(100)
  t.equal(times.length, 1)
})

type Move = { kind: 'arm' | 'disarm' | 'advance' | 'stall'; which: number; ms: number }

const move: fc.Arbitrary<Move> = fc.record({
  kind: fc.constantFrom('arm', 'arm', 'disarm', 'advance', 'stall'),
  which: fc.nat(4),
  ms: fc.oneof(
    fc.integer({ min: -20, max: 120 }),
    fc.integer({ min: 0, max: 3 * TURN_MS }),
    fc.double({ min: 0, max: 99, noNaN: true }),
  ),
})

t.test('the wheel does what a plain list of deadlines would do, at most two ticks late', async () => {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 40 }), fc.integer({ min: 0, max: 50_000 }), (moves, startMs) => {
      const { clock, wheel } = setUp(startMs)
      const wanted = new Map<number, number>()
      let lateMs = LATE_MS
      const deadlines = [0, 1, 2, 3, 4].map((which) => {
        return new Deadline(() => {
          const at = wanted.get(which)
          if (at === undefined) throw new Error('reached, though not armed')
          if (clock.now() < at) throw new Error(`reached ${at - clock.now()} ms early`)
          if (clock.now() > at + lateMs) throw new Error(`reached ${clock.now() - at} ms late`)
          wanted.delete(which)
        })
      })
      for (const { kind, which, ms } of moves) {
        const deadline = deadlines[which] as Deadline
        if (kind === 'arm') {
          wheel.arm(deadline, clock.now() + ms)
          // A time in the past counts from now.
          wanted.set(which, clock.now() + Math.max(ms, 0))
        } else if (kind === 'disarm') {
          wheel.disarm(deadline)
          wanted.delete(which)
        } else if (kind === 'advance') {
          clock.advance(Math.abs(ms))
        } else {
          lateMs = Math.abs(ms) + LATE_MS
          clock.stall(Math.abs(ms))
          lateMs = LATE_MS
        }
        for (const at of wanted.values()) {
          if (at + LATE_MS < clock.now()) throw new Error(`${clock.now() - at} ms late and still not reached`)
        }
        if (wheel.armed !== wanted.size) throw new Error(`${wheel.armed} armed, not ${wanted.size}`)
      }
    }),
    { numRuns: 2000 },
  )
})
