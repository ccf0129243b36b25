import fc from 'fast-check'
import t from 'tap'
import { type Evictable, S3Fifo } from './s3fifo.ts'

const entry = (id: string, bytes = 1): Evictable => ({
  id,
  bytes,
  uses: 0,
  queue: undefined,
  before: undefined,
  behind: undefined,
})

t.test('the budget holds after every step, and what is gone was reported once', async () => {
  const step = fc.record({
    id: fc.nat(40),
    bytes: fc.integer({ min: 1, max: 60 }),
    kind: fc.constantFrom('add', 'use', 'remove'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const live = new Map<number, Evictable>()
      const queue = new S3Fifo<Evictable>(200, (evicted) => {
        if (!live.delete(Number(evicted.id))) throw new Error('evicted twice')
      })
      for (const { id, bytes, kind } of steps) {
        const known = live.get(id)
        if (kind === 'add' && known === undefined) {
          const added = entry(String(id), bytes)
          live.set(id, added)
          queue.add(added)
        } else if (kind === 'use' && known !== undefined) queue.use(known)
        else if (kind === 'remove' && known !== undefined) {
          queue.remove(known)
          live.delete(id)
        }
        if (queue.bytes > 200 || queue.count !== live.size) throw new Error('out of step')
      }
    }),
    { numRuns: 500 },
  )
})

t.test('entries that are asked for survive a scan over many that are not', async (t) => {
  const gone = new Set<string>()
  const queue = new S3Fifo<Evictable>(100, (evicted) => gone.add(evicted.id))
  const hot = Array.from({ length: 20 }, (_, i) => entry(`hot${i}`))
  for (const one of hot) queue.add(one)
  for (const one of hot) queue.use(one)
  for (let i = 0; i < 1000; i++) {
    queue.add(entry(`scan${i}`))
    if (i % 50 === 0) for (const one of hot) queue.use(one)
  }
  t.same(
    hot.filter((one) => gone.has(one.id)),
    [],
  )
})

t.test('an entry larger than the whole budget is not kept', async (t) => {
  const gone: string[] = []
  const queue = new S3Fifo<Evictable>(10, (evicted) => gone.push(evicted.id))
  queue.add(entry('big', 11))
  t.same([gone, queue.count, queue.bytes], [['big'], 0, 0])
})
