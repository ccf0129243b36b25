import fc from 'fast-check'
import t from 'tap'
import { isDueEarly } from './early-refresh.ts'
import { shortened } from './freshness.ts'

t.test('the nearer its end and the slower its origin, the likelier an answer is fetched anew early', async (t) => {
  const dice = Array.from({ length: 1000 }, (_, i) => (i + 0.5) / 1000)
  const share = (leftMs: number, fetchMs: number) =>
    dice.filter((n) => isDueEarly(leftMs, fetchMs, () => n)).length / 1000
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 1, max: 1000 }), (leftMs, fetchMs) => {
      // The law of the exponential distribution, to the resolution of the dice.
      const wanted = leftMs < fetchMs * 20 ? Math.exp(-leftMs / fetchMs) : 0
      return Math.abs(share(leftMs, fetchMs) - wanted) <= 0.002
    }),
  )
  t.pass('for every time')
})

t.test('far from its end, no dice are thrown', async (t) => {
  let thrown = 0
  const random = () => {
    thrown++
    return 0
  }
  t.equal(isDueEarly(60_000, 100, random), false)
  t.equal(thrown, 0)
  t.equal(isDueEarly(1, 100, random), true)
})

t.test('an answer whose origin took no time is never fetched early', async (t) => {
  t.equal(
    isDueEarly(1, 0, () => 0.5),
    false,
  )
})

t.test('jitter shortens a lifetime by no more than its share, and never lengthens it', async () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1e9, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (lifetimeMs, jitter, random) => {
        const cut = shortened(lifetimeMs, jitter, random)
        return cut <= lifetimeMs && cut >= lifetimeMs * (1 - jitter) - 1e-6
      },
    ),
  )
})
