import fc from 'fast-check'
import t from 'tap'
import { bytesRange, LogLinearHistogram, RESOLUTION, secondsRange } from './histogram.ts'

const bounds = [0.001, 0.01, 0.1, 1, 10]
/** Spread over the whole range, as latencies are: every power of ten alike. */
const seconds = fc.double({ min: -6, max: Math.log10(3600), noNaN: true }).map((power) => 10 ** power)
const many = fc.array(seconds, { minLength: 1, maxLength: 300 })

function filled(values: readonly number[], at: readonly number[] = bounds): LogLinearHistogram {
  const histogram = new LogLinearHistogram(at)
  for (const value of values) histogram.record(value)
  return histogram
}

const upTo = (values: readonly number[], bound: number) => values.filter((value) => value <= bound).length

t.test('a quantile is within half a sub-bucket of the value that a sorted list gives', async () => {
  fc.assert(
    fc.property(many, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
      const sorted = [...values].sort((a, b) => a - b)
      const exact = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] as number
      return Math.abs(filled(values).quantile(q) - exact) <= exact * (RESOLUTION / 2 + 1e-9)
    }),
  )
})

t.test('exported buckets are exact, also for values on a bound', async () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(seconds, fc.constantFrom(...bounds)), { maxLength: 300 }), (values) => {
      const counts = filled(values).cumulative()
      return bounds.every((bound, i) => counts[i] === upTo(values, bound)) && counts[bounds.length] === values.length
    }),
  )
})

t.test('exported buckets are exact for bounds that are closer than a sub-bucket, or out of range', async () => {
  const tight = [1e-9, 0.5e-6, 0.1, 0.1001, 0.1002, 0.1003, 3599, 4000, 1e6]
  const near = fc.oneof(fc.double({ min: 0.0999, max: 0.1004, noNaN: true }), fc.constantFrom(...tight, 0, 1e-7, 5e6))
  fc.assert(
    fc.property(fc.array(near, { maxLength: 100 }), (values) => {
      const counts = filled(values, tight).cumulative()
      return tight.every((bound, i) => counts[i] === upTo(values, bound))
    }),
  )
})

t.test('the count up to any bound misses none and exceeds it by less than the resolution', async () => {
  fc.assert(
    fc.property(many, seconds, (values, bound) => {
      const counted = filled(values).countUpTo(bound)
      return counted >= upTo(values, bound) && counted <= upTo(values, bound * (1 + RESOLUTION))
    }),
  )
})

t.test('merging equals recording everything in one', async () => {
  fc.assert(
    fc.property(many, many, (one, other) => {
      const merged = filled(one)
      merged.merge(filled(other))
      const both = filled([...one, ...other])
      return (
        merged.count === both.count &&
        Math.abs(merged.sum - both.sum) <= 1e-9 * both.sum &&
        merged.quantile(0.9) === both.quantile(0.9) &&
        merged.cumulative().every((count, i) => count === both.cumulative()[i])
      )
    }),
  )
})

t.test('other bounds keep the counts of those that stay, and start new ones from an estimate', async () => {
  const next = [0.01, 0.05, 1, 20]
  fc.assert(
    fc.property(many, many, (before, after) => {
      const histogram = filled(before)
      histogram.rebound(next)
      for (const value of after) histogram.record(value)
      const counts = histogram.cumulative()
      const all = [...before, ...after]
      return (
        next.every((bound, i) => {
          const counted = counts[i] as number
          if (bounds.includes(bound)) return counted === upTo(all, bound)
          return counted >= upTo(all, bound) && counted <= upTo(all, bound * (1 + RESOLUTION))
        }) && counts[next.length] === all.length
      )
    }),
  )
})

t.test('what cannot be a duration counts as none, and what is endless as the longest', async (t) => {
  const histogram = filled([Number.NaN, -1, 0, Number.POSITIVE_INFINITY])
  t.equal(histogram.count, 4)
  t.equal(histogram.sum, secondsRange.highest)
  t.same([...histogram.cumulative()], [3, 3, 3, 3, 3, 4])
})

t.test('values beyond the range clamp to its ends', async (t) => {
  const histogram = filled([1e-9, 1e9])
  t.ok(histogram.quantile(0) < 1.1e-6)
  t.ok(histogram.quantile(1) > 3500 && histogram.quantile(1) < 3800)
  t.equal(histogram.sum, 1e9 + 1e-9, 'the sum is not clamped')
})

t.test('an empty histogram has no quantiles', async (t) => {
  const histogram = new LogLinearHistogram(bounds)
  t.ok(Number.isNaN(histogram.quantile(0.5)))
  t.ok(Number.isNaN(filled([1]).quantile(Number.NaN)))
  t.equal(histogram.count, 0)
})

t.test('bounds that do not ascend are refused', async (t) => {
  for (const wrong of [[1, 1], [2, 1], [0], [-1], [Number.NaN], [Number.POSITIVE_INFINITY]]) {
    t.throws(() => new LogLinearHistogram(wrong), /positive and ascending/)
  }
  t.throws(() => filled([1]).merge(new LogLinearHistogram(bounds, bytesRange)), /different ranges/)
})

t.test('a histogram of sizes tells sizes apart', async (t) => {
  const histogram = new LogLinearHistogram([1024], bytesRange)
  histogram.record(1000)
  histogram.record(10_000_000)
  t.same([...histogram.cumulative()], [1, 2])
  t.ok(Math.abs(histogram.quantile(1) - 1e7) < 1e7 * RESOLUTION)
})
