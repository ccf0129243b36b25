import fc from 'fast-check'
import t from 'tap'
import { CALM_MS, ground, type Standing, step, strain } from './ladder.ts'
import { shedRule } from './shed.ts'

const limits = { event_loop_delay: 200, heap: 0.9 }

t.test('strain is the share of what is allowed, of delay or heap, whichever is more', async (t) => {
  t.equal(strain({ delayMs: 0, heap: 0.3 }, limits), 0)
  t.equal(strain({ delayMs: 100, heap: 0.3 }, limits), 0.5)
  t.equal(strain({ delayMs: 300, heap: 0.85 }, limits), 1.5)
  t.equal(strain({ delayMs: 0, heap: 0.7 }, limits), 0, 'a heap that is filled is a heap that is used')
  t.equal(strain({ delayMs: 0, heap: 0.9 }, limits), 1)
  t.ok(strain({ delayMs: 0, heap: 0.96 }, limits) >= 1.5)
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
    [0, 1, 3, 5],
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
    [5, 4, 4, 3, 2, 1, 0],
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
    [5, 5, 5, 5, 4],
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

t.test('less important requests are refused first', async () => {
  fc.assert(
    fc.property(fc.nat(3), fc.nat(2000), fc.nat(5), (priority, inFlight, level) => {
      const rule = shedRule(priority, inFlight, 1000, level)
      return rule === undefined || priority === 3 || shedRule(priority + 1, inFlight, 1000, level) !== undefined
    }),
  )
})

t.test('critical and high requests are refused for want of room only', async (t) => {
  for (const priority of [0, 1]) {
    t.equal(shedRule(priority, 999, 1000, 5), undefined)
    t.equal(shedRule(priority, 1000, 1000, 0), 'max_in_flight')
  }
  t.equal(shedRule(2, 899, 1000, 4), undefined)
  t.equal(shedRule(2, 900, 1000, 0), 'max_in_flight')
  t.equal(shedRule(2, 0, 1000, 5), 'pressure')
  t.equal(shedRule(3, 0, 1000, 4), 'pressure')
  t.equal(shedRule(3, 0, 1000, 3), undefined)
})
