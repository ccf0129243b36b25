import fc from 'fast-check'
import t from 'tap'
import { RecentLatencies } from './recent-latencies.ts'

t.test('a quantile is within 8 % of the exact one, never below it', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.1, max: 60_000, noNaN: true }), { minLength: 30, maxLength: 500 }),
      fc.constantFrom(0.5, 0.9, 0.95, 0.99),
      (latencies, q) => {
        const recent = new RecentLatencies()
        for (const latency of latencies) recent.record(1000, latency)
        const sorted = [...latencies].sort((a, b) => a - b)
        const exact = sorted[Math.ceil(q * sorted.length) - 1] as number
        const estimate = recent.quantile(q, 1000)
        return estimate >= exact && estimate <= exact * 1.08
      },
    ),
  )
})

t.test('too few latencies say nothing', async (t) => {
  const recent = new RecentLatencies()
  for (let i = 0; i < 29; i++) recent.record(1000, 5)
  t.equal(recent.quantile(0.95, 1000), Number.POSITIVE_INFINITY)
  recent.record(1000, 5)
  t.equal(recent.quantile(0.95, 1000), Number.POSITIVE_INFINITY, 'worked out anew ten times a second')
  t.ok(recent.quantile(0.95, 1100) < 6)
})

t.test('what is older than ten seconds is forgotten', async (t) => {
  const recent = new RecentLatencies()
  for (let i = 0; i < 100; i++) recent.record(1000, 500)
  for (let i = 0; i < 100; i++) recent.record(7000, 5)
  t.ok(recent.quantile(0.95, 7000) > 400)
  for (let i = 0; i < 100; i++) recent.record(12_500, 5)
  t.ok(recent.quantile(0.95, 12_500) < 6)
  t.equal(recent.quantile(0.95, 60_000), Number.POSITIVE_INFINITY)
})

t.test('latencies beyond the scale stay on it', async (t) => {
  const recent = new RecentLatencies()
  for (let i = 0; i < 40; i++) recent.record(1000, i % 2 === 0 ? 0 : 1e12)
  t.ok(recent.quantile(0.5, 1000) < 0.1)
  t.ok(recent.quantile(0.99, 1000) > 3_600_000)
})
