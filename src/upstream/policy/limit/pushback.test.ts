import t from 'tap'
import { Pushback } from './pushback.ts'

t.test('a hint is taken at once, and then once in a while', async (t) => {
  const pushback = new Pushback()
  t.equal(pushback.heard(0, 0), true)
  t.equal(pushback.heard(50, 0), false)
  t.equal(pushback.heard(100, 0), true)
})

t.test('where most answers ask for time, the limit is held for so long, but not for ever', async (t) => {
  const pushback = new Pushback()
  for (let i = 0; i < 20; i++) pushback.heard(i, 2000)
  t.equal(pushback.heldUntil, 19 + 2000)
  pushback.heard(100, 3_600_000)
  t.equal(pushback.heldUntil, 100 + 10_000)
})

t.test('one client’s quota holds nobody else’s requests', async (t) => {
  const pushback = new Pushback()
  for (let i = 0; i < 1000; i++) {
    if (i % 4 === 0) pushback.heard(i, 60_000)
    else pushback.none()
  }
  t.equal(pushback.heldUntil, Number.NEGATIVE_INFINITY)
})
