import t from 'tap'
import { testPeer } from '../../../test/harness/exchange.ts'
import { built, exchangeOf } from '../../../test/harness/stage.ts'
import { priority, prioritySchema } from './index.ts'

function decided(written: unknown, headers: string[] = [], isTrusted = true): number {
  const x = { ...exchangeOf({ request: { headers } }), peer: { ...testPeer, trusted: isTrusted } }
  void built(priority, written)?.stage?.admit?.(x)
  return x.priority
}

t.test('a route has a priority of its own', async (t) => {
  t.same(
    ['critical', 'high', 'normal', 'low'].map((word) => decided(word)),
    [0, 1, 2, 3],
  )
})

t.test('a header says it where the client is believed', async (t) => {
  const byHeader = { header: 'X-Priority', default: 'low' }
  t.equal(decided(byHeader, ['x-priority', 'Critical ']), 0)
  t.equal(decided(byHeader, ['x-priority', 'urgent']), 3)
  t.equal(decided(byHeader), 3)
  t.equal(decided(byHeader, ['x-priority', 'critical'], false), 3, 'nobody makes himself important')
  t.equal(decided({ ...byHeader, anyone: true }, ['x-priority', 'critical'], false), 0)
})

t.test('other words are refused', async (t) => {
  for (const wrong of ['urgent', 1, {}, { header: 'a b' }, { header: 'x', default: 'urgent' }]) {
    t.notOk(prioritySchema.safeParse(wrong).success, JSON.stringify(wrong))
  }
})
