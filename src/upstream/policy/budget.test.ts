import fc from 'fast-check'
import t from 'tap'
import { Budget } from './budget.ts'

t.test('never more than the share of the requests, a floor a second, and what was there at first', async () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 0, max: 10 }),
      fc.array(fc.record({ afterMs: fc.nat(500), asks: fc.nat(3) }), { maxLength: 300 }),
      (share, floor, requests) => {
        const budget = new Budget(floor)
        let now = 1
        let granted = 0
        for (const { afterMs, asks } of requests) {
          now += afterMs
          budget.deposit(share)
          for (let i = 0; i < asks; i++) if (budget.withdraw(now)) granted++
        }
        return granted <= requests.length * share + floor + (floor * now) / 1000 + 1e-6
      },
    ),
  )
})

t.test('a share of 20 % lets one in five be sent again', async (t) => {
  const budget = new Budget(0)
  let granted = 0
  for (let i = 0; i < 1000; i++) {
    budget.deposit(0.2)
    if (budget.withdraw(1000)) granted++
  }
  t.equal(granted, 200)
})

t.test('without traffic, a few a second are granted, and quiet times save up no more', async (t) => {
  const budget = new Budget(5)
  const burst = (now: number) => Array.from({ length: 20 }, () => budget.withdraw(now)).filter(Boolean).length
  t.equal(burst(1000), 5)
  t.equal(burst(1000), 0)
  t.equal(burst(1400), 2)
  t.equal(burst(100_000), 5)
})

t.test('a long time of good traffic saves up for a burst of failures, within bounds', async (t) => {
  const budget = new Budget(0)
  for (let i = 0; i < 100_000; i++) budget.deposit(0.2)
  let granted = 0
  while (budget.withdraw(1000)) granted++
  t.equal(granted, 100)
})

t.test('what is given back can be taken again', async (t) => {
  const budget = new Budget(1)
  t.ok(budget.withdraw(1000))
  t.notOk(budget.withdraw(1000))
  budget.giveBack()
  t.ok(budget.withdraw(1000))
  t.notOk(budget.withdraw(1000))
})
