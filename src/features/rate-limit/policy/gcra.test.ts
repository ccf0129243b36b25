import fc from 'fast-check'
import t from 'tap'
import { arrivalAfter, type GcraLimit, remaining, waitMs } from './gcra.ts'

const limits = fc.record({
  intervalMs: fc.constantFrom(0.37, 1, 10, 60, 333.33, 1000),
  burst: fc.integer({ min: 1, max: 40 }),
})
const gaps = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 3000, noNaN: true })), { maxLength: 200 })

/** When requests that come after these pauses pass. */
function passes(limit: GcraLimit, pauses: readonly number[], cost = 1): number[] {
  let [now, arrival] = [1000, 0]
  const passed: number[] = []
  for (const pause of pauses) {
    now += pause
    const next = arrivalAfter(arrival, now, cost, limit)
    if (Number.isNaN(next)) continue
    arrival = next
    passed.push(now)
  }
  return passed
}

t.test('in no window do more pass than the burst and the rate allow', async () => {
  fc.assert(
    fc.property(limits, gaps, (limit, pauses) => {
      const passed = passes(limit, pauses)
      for (let from = 0; from < passed.length; from++) {
        for (let to = from; to < passed.length; to++) {
          const windowMs = (passed[to] as number) - (passed[from] as number)
          if (to - from + 1 > limit.burst + windowMs / limit.intervalMs + 0.01) return false
        }
      }
      return true
    }),
  )
})

t.test('whoever keeps to the rate is never refused, and whoever waited has the whole burst', async () => {
  fc.assert(
    fc.property(limits, fc.integer({ min: 1, max: 100 }), (limit, count) => {
      const even = passes(limit, new Array<number>(count).fill(limit.intervalMs))
      const rested = passes(limit, [0, limit.intervalMs * limit.burst, ...new Array<number>(limit.burst + 5).fill(0)])
      return even.length === count && rested.length === 1 + limit.burst
    }),
  )
})

t.test('what it says of the rest and of the wait is what then happens', async () => {
  fc.assert(
    fc.property(limits, gaps, fc.integer({ min: 1, max: 3 }), (limit, pauses, cost) => {
      let [now, arrival] = [1000, 0]
      for (const pause of pauses) {
        now += pause
        const left = remaining(arrival, now, limit)
        const wait = waitMs(arrival, now, cost, limit)
        const next = arrivalAfter(arrival, now, cost, limit)
        if (cost > limit.burst) {
          if (!Number.isNaN(next) || wait !== Number.POSITIVE_INFINITY) return false
          continue
        }
        if (Number.isNaN(next) !== left < cost) return false
        if (Number.isNaN(next)) {
          if (wait <= 0) return false
          now += wait
          arrival = arrivalAfter(arrival, now, cost, limit)
          if (Number.isNaN(arrival)) return false
        } else {
          if (wait > 0.001) return false
          arrival = next
        }
      }
      return true
    }),
  )
})
