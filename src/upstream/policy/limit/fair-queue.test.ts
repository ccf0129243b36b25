import fc from 'fast-check'
import t from 'tap'
import { FairQueue, type Waiting } from './fair-queue.ts'

interface Item extends Waiting {
  readonly id: number
}

const item = (id: number, key = 'a', priority = 0): Item => ({
  id,
  key,
  priority,
  line: undefined,
  ahead: undefined,
  behind: undefined,
})

function drained(queue: FairQueue<Item>, nowMs: number): number[] {
  const ids: number[] = []
  for (let each = queue.next(nowMs); each !== undefined; each = queue.next(nowMs)) ids.push(each.id)
  return ids
}

t.test('important ones go first, then in the order in which they came', async (t) => {
  const queue = new FairQueue<Item>(4, 100)
  for (const [id, priority] of [3, 2, 0, 1, 0, 3].entries()) queue.add(item(id, 'a', priority), 0)
  t.same(drained(queue, 50), [2, 4, 3, 1, 0, 5])
})

t.test('each client in its turn: one with many requests does not starve the others', async (t) => {
  const queue = new FairQueue<Item>(1, 100)
  for (let id = 0; id < 5; id++) queue.add(item(id, 'greedy'), 0)
  queue.add(item(10, 'modest'), 0)
  queue.add(item(11, 'modest'), 0)
  t.same(drained(queue, 50), [0, 10, 1, 11, 2, 3, 4])
})

t.test('once the queue has been standing, the newest go first', async (t) => {
  const queue = new FairQueue<Item>(1, 100)
  for (let id = 0; id < 4; id++) queue.add(item(id), id)
  t.equal(queue.next(50)?.id, 0)
  t.equal(queue.next(150)?.id, 3)
  t.same(drained(queue, 160), [2, 1])
  queue.add(item(7), 1000)
  queue.add(item(8), 1001)
  t.same(drained(queue, 1050), [7, 8], 'until it was empty once')
})

t.test('a full queue gives way from the least important class, its longest line, its oldest request', async (t) => {
  const queue = new FairQueue<Item>(3, 100)
  queue.add(item(0, 'a', 2), 0)
  queue.add(item(1, 'b', 2), 0)
  queue.add(item(2, 'b', 2), 0)
  queue.add(item(3, 'c', 1), 0)
  t.equal(queue.giveWay(1)?.id, 1)
  queue.giveWay(1)
  queue.giveWay(1)
  t.equal(queue.giveWay(2), undefined, 'nobody gives way to somebody less important')
  t.equal(queue.giveWay(1)?.id, 3)
  t.equal(queue.length, 0)
})

t.test('whoever is added comes out once, or was taken out, or gave way', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), key: fc.constantFrom('a', 'b', 'c'), priority: fc.nat(3) }),
    fc.record({ do: fc.constantFrom('next' as const, 'give' as const), key: fc.constant(''), priority: fc.nat(3) }),
    fc.record({ do: fc.constant('remove' as const), key: fc.constant(''), priority: fc.nat(40) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new FairQueue<Item>(4, 20)
      const inside = new Map<number, Item>()
      for (const [id, { do: what, key, priority }] of steps.entries()) {
        if (what === 'add') {
          const added = item(id, key, priority)
          inside.set(id, added)
          queue.add(added, id)
        } else if (what === 'remove') {
          const chosen = inside.get(priority)
          if (chosen !== undefined && queue.remove(chosen) !== inside.delete(priority)) return false
          if (chosen !== undefined && queue.remove(chosen)) return false
        } else {
          const out = what === 'next' ? queue.next(id) : queue.giveWay(priority)
          if (what === 'next' && (out === undefined) !== (inside.size === 0)) return false
          if (out !== undefined && !inside.delete(out.id)) return false
          const best = Math.min(...[...inside.values()].map((each) => each.priority))
          if (what === 'next' && out !== undefined && out.priority > best) return false
        }
        if (queue.length !== inside.size) return false
      }
      return true
    }),
  )
})
