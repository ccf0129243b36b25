import fc from 'fast-check'
import t from 'tap'
import { mostFor } from './endpoint-share.ts'

t.test(
  'all endpoints together may have the whole limit, each at least one request, and one alone all of it',
  async () => {
    const weight = fc.double({ min: 0.01, max: 100, noNaN: true })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.array(weight, { minLength: 1, maxLength: 20 }),
        (limit, each) => {
          const sum = each.reduce((total, one) => total + one, 0)
          const most = each.map((one) => mostFor(limit, one, sum))
          const isEnough = most.reduce((total, one) => total + one, 0) >= limit
          return (
            isEnough && most.every((one) => one >= 1) && mostFor(limit, each[0] as number, each[0] as number) >= limit
          )
        },
      ),
    )
  },
)

t.test('an endpoint gets half as much again as its share by weight', async (t) => {
  t.equal(mostFor(30, 1, 3), 15)
  t.equal(mostFor(30, 2, 3), 30)
  t.equal(mostFor(1, 1, 10), 1)
})
