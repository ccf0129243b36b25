import t from 'tap'
import { VirtualClock } from '../../../test/harness/clock.ts'
import { testDeps } from '../../../test/harness/deps.ts'
import { fakeExchange, testRoute } from '../../../test/harness/exchange.ts'
import { overload } from './index.ts'
import { overloadSchema } from './schema.ts'

t.test('requests that begin long after they have arrived bring others to be refused', async (t) => {
  const clock = new VirtualClock()
  const deps = testDeps({ clock })
  const stage = overload.build(undefined, overloadSchema.parse({}), testRoute, deps)?.stage
  const arrived = () => fakeExchange({ origin: { fetch: () => () => {} }, slots: 1 }).client
  // They arrive when their own clock is at 0, and begin at 600 ms of this one.
  clock.advance(600)
  t.doesNotThrow(() => stage?.admit?.(arrived()))
  t.equal(deps.pressure.level, 0)
  for (let i = 0; i < 40; i++) {
    try {
      void stage?.admit?.(arrived())
    } catch {
      // Refused by then, and late all the same.
    }
    clock.advance(100)
  }
  t.throws(() => stage?.admit?.(arrived()), { code: 'shed' })
})
