import fc from 'fast-check'
import t from 'tap'
import { requestHead } from '../../test/harness/exchange.ts'
import { exchangeOf } from '../../test/harness/stage.ts'
import { wholeBody } from '../core/body.ts'
import { CheckedOrigin } from '../core/checked-origin.ts'
import type { Tunnel } from '../core/downstream.ts'
import type { Origin, Reader } from '../core/origin.ts'
import { Split, SplitTunnel } from './split.ts'

const reader: Reader = { interim() {}, head() {}, write: () => true, end() {}, fail() {} }

function counting(): Origin & { count: number } {
  return {
    count: 0,
    fetch(_x, _req, to) {
      this.count++
      to.head({ status: 200, reason: '', headers: [] }, wholeBody)
      to.end()
      return () => {}
    },
  }
}

/** Points spread evenly over [0, 1). */
function evenly(count: number): () => number {
  let i = 0
  return () => i++ / count
}

t.test('requests are shared in proportion to the weights', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 6 }), (weights) => {
      const sum = weights.reduce((a, b) => a + b, 0)
      fc.pre(sum > 0)
      const origins = weights.map((weight) => ({ weight, target: counting() }))
      const split = new CheckedOrigin(new Split(origins, evenly(sum)))
      for (let i = 0; i < sum; i++) split.fetch(exchangeOf(), requestHead(), reader)
      split.check({ finished: true })
      return origins.every(
        ({ weight, target }) => Math.abs(target.count - weight) <= 1 && (weight > 0 || target.count === 0),
      )
    }),
  )
  t.pass()
})

t.test('a choice of weight 0 is never taken, whatever the dice say', async (t) => {
  for (const point of [0, 0.5, 0.999999999999, 1]) {
    const [first, second, third] = [counting(), counting(), counting()]
    const choices = [first, second, third].map((target, i) => ({ weight: i === 1 ? 1 : 0, target }))
    new Split(choices, () => point).fetch(exchangeOf(), requestHead(), reader)
    t.equal(second.count, 1)
  }
  t.throws(() => new Split([{ weight: 0, target: counting() }], () => 0), /weight above 0/)
})

t.test('WebSockets are split the same way', async (t) => {
  const opened: string[] = []
  const tunnel = (name: string): Tunnel => ({
    open() {
      opened.push(name)
      return () => {}
    },
  })
  const choices = [
    { weight: 1, target: tunnel('a') },
    { weight: 3, target: tunnel('b') },
  ]
  const split = new SplitTunnel(choices, evenly(4))
  for (let i = 0; i < 4; i++) split.open(exchangeOf(), requestHead(), {} as never, {} as never)
  t.same(opened, ['a', 'b', 'b', 'b'])
})
