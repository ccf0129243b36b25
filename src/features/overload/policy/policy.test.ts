import fc from 'fast-check'
import t from 'tap'
import { excess, heapExcess, noExcess } from './excess.ts'
import { CALM_MS, ground, levelOf, type Standing, step, strain } from './ladder.ts'
import { shedRule, shedShare } from './shed.ts'

const limits = { event_loop_delay: 200, heap: 0.9 }

t.test('strain is the share of what is allowed, of delay or heap, whichever is more', async (t) => {
  t.equal(strain({ delayMs: 0, heap: 0.3 }, limits), 0)
  t.equal(strain({ delayMs: 100, heap: 0.3 }, limits), 0.5)
  t.equal(strain({ delayMs: 300, heap: 0.85 }, limits), 1.5)
  t.equal(strain({ delayMs: 0, heap: 0.7 }, limits), 0, 'a heap that is filled is a heap that is used')
  t.equal(strain({ delayMs: 0, heap: 0.9 }, limits), 1)
  t.ok(strain({ delayMs: 0, heap: 0.96 }, limits) > 1)
})

function climb(steps: readonly [atMs: number, strained: number][], from: Standing = ground): number[] {
  let standing = from
  return steps.map(([at, strained]) => {
    standing = step(standing, strained, at)
    return standing.level
  })
}

t.test('it goes up at once, as far as needed, and down a rung at a time after a calm second', async (t) => {
  t.same(
    climb([
      [0, 0.4],
      [100, 0.5],
      [200, 0.9],
      [300, 1.6],
    ]),
    [0, 1, 3, 3],
  )
  const top = step(ground, 2, 0)
  t.same(
    climb(
      [
        [900, 0],
        [1000, 0],
        [1500, 0],
        [2000, 0],
        [3000, 0],
        [4000, 0],
        [5000, 0],
      ],
      top,
    ),
    [3, 2, 2, 1, 0, 0, 0],
  )
  t.same(
    climb(
      [
        [900, 0],
        [950, 1.3],
        [1000, 0],
        [1900, 0],
        [1950, 0],
      ],
      top,
    ),
    [3, 3, 3, 3, 2],
    'a strain in between begins the second anew',
  )
})

t.test('it never leaps down, and never stays up for ever', async () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 3, noNaN: true }), { maxLength: 100 }), (strains) => {
      let standing: Standing = ground
      let now = 0
      for (const strained of strains) {
        now += 100
        const next = step(standing, strained, now)
        if (next.level < standing.level - 1) return false
        standing = next
      }
      for (let i = 0; i < 6; i++) {
        now += CALM_MS
        standing = step(standing, 0, now)
      }
      return standing.level === 0
    }),
  )
})

t.test('less important requests are refused first, whatever the dice say', async () => {
  fc.assert(
    fc.property(
      fc.nat(3),
      fc.nat(2000),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (priority, inFlight, share, dice) => {
        const ruleOf = (of: number) => shedRule(of, inFlight, 1000, share, () => dice)
        return ruleOf(priority) === undefined || priority === 3 || ruleOf(priority + 1) !== undefined
      },
    ),
  )
})

t.test('critical and high requests are refused for want of room only', async (t) => {
  const never = () => 0
  for (const priority of [0, 1]) {
    t.equal(shedRule(priority, 999, 1000, 1, never), undefined)
    t.equal(shedRule(priority, 1000, 1000, 0, never), 'max_in_flight')
  }
  t.equal(shedRule(2, 900, 1000, 0, never), 'max_in_flight')
  t.equal(
    shedRule(2, 0, 1000, 1, () => 0.999),
    'pressure',
  )
  t.equal(shedRule(2, 0, 1000, 0.3, never), undefined)
  t.equal(shedRule(3, 0, 1000, 0.3, never), 'pressure')
  t.equal(shedRule(3, 0, 1000, 0, never), undefined)
})

/** Looks each 100 ms, with these delays, and says which share is too much. */
function shares(lateMs: readonly number[], limitMs = 200): number[] {
  let state = noExcess
  return lateMs.map((late, i) => {
    state = excess(state, late, limitMs, i * 100)
    return state.share
  })
}

t.test('a process that is late for a while sheds nothing; one that stays late sheds what is too much', async (t) => {
  t.same(new Set(shares(Array(30).fill(2000))), new Set([0]), 'three seconds are a rush')
  t.equal(shares(Array(32).fill(400)).at(-1), 0.5)
  t.equal(shares(Array(32).fill(800)).at(-1), 0.75)
  t.same(shares([...Array(32).fill(800), 200]).at(-1), 0, 'and nothing as soon as it is not late any more')
  const again = shares([...Array(32).fill(800), 0, 800, 800])
  t.same(again.slice(-3), [0, 0, 0.75], 'a delay that returns soon has stood')
})

t.test('nothing is shed in the moment in which the delay is within its limit, whatever was before', async () => {
  const delays = fc.array(fc.double({ min: 0, max: 5000, noNaN: true }), { maxLength: 200 })
  fc.assert(
    fc.property(delays, (lateMs) => shares(lateMs).every((share, i) => share === 0 || (lateMs[i] as number) > 200)),
  )
  fc.assert(
    fc.property(delays, (lateMs) =>
      shares(lateMs).every((share, i) => share <= Math.max(0, 1 - 200 / (lateMs[i] as number))),
    ),
  )
})

t.test('one late moment sheds nothing, however late, and whatever the limit', async () => {
  const limit = fc.integer({ min: 1, max: 60_000 })
  fc.assert(
    fc.property(limit, fc.nat(50), fc.integer({ min: 1, max: 600_000 }), (limitMs, calmTicks, lateMs) => {
      const calm = Array<number>(calmTicks).fill(limitMs)
      return shares([...calm, limitMs + lateMs, ...calm], limitMs).every((share) => share === 0)
    }),
  )
})

t.test('of two delays that stand, the longer one never has less refused, of any class', async () => {
  const delay = fc.double({ min: 201, max: 60_000, noNaN: true })
  fc.assert(
    fc.property(delay, delay, fc.nat(3), (one, other, priority) => {
      const [less, more] = [Math.min(one, other), Math.max(one, other)].map(
        (lateMs) => shares(Array<number>(32).fill(lateMs)).at(-1) ?? 0,
      ) as [number, number]
      return less > 0 && less <= more && more < 1 && shedShare(priority, less) <= shedShare(priority, more)
    }),
  )
})

t.test('of each class as many are refused as its share says: low before normal, the others never', async () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) => {
      const [critical, high, normal, low] = [0, 1, 2, 3].map((priority) => shedShare(priority, share)) as [
        number,
        number,
        number,
        number,
      ]
      const isShare = [normal, low].every((of) => of >= 0 && of <= 1)
      return isShare && critical === 0 && high === 0 && normal <= low && (normal === 0 || low === 1)
    }),
  )
})

t.test('a heap beyond its limit is too much at once, and all of it when it is full', async (t) => {
  t.equal(heapExcess(0.9, 0.9), 0)
  t.ok(Math.abs(heapExcess(0.95, 0.9) - 0.5) < 1e-9)
  t.equal(heapExcess(1, 0.9), 1)
  t.equal(heapExcess(1, 1), 0)
})

t.test('the last rungs tell that requests are refused', async (t) => {
  t.same([levelOf(3, 0), levelOf(0, 0.1), levelOf(0, 0.5)], [3, 4, 5])
})
