import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import tap from 'tap'
import { InFlight } from './in-flight.ts'

tap.test('what is under way is found by its name until it is over', (t) => {
  const inFlight = new InFlight<{ id: number }>()
  const first = { id: 1 }
  const second = { id: 2 }
  t.equal(inFlight.get('a'), undefined)
  inFlight.set('a', first)
  inFlight.set('b', second)
  t.equal(inFlight.get('a'), first)
  t.same([...inFlight.values()], [first, second])
  inFlight.delete('a')
  t.equal(inFlight.get('a'), undefined)
  t.same([...inFlight.values()], [second])
  t.end()
})

tap.test('a later one takes the place of an earlier one of the same name', (t) => {
  const inFlight = new InFlight<{ id: number }>()
  inFlight.set('a', { id: 1 })
  inFlight.set('a', { id: 2 })
  t.same([...inFlight.values()], [{ id: 2 }])
  inFlight.delete('a')
  inFlight.delete('a')
  t.same([...inFlight.values()], [])
  t.end()
})

tap.test('ending one while all are visited leaves it out', (t) => {
  const inFlight = new InFlight<{ id: number }>()
  for (const id of [1, 2, 3]) inFlight.set(String(id), { id })
  const visited: number[] = []
  for (const { id } of inFlight.values()) {
    visited.push(id)
    inFlight.delete('2')
  }
  t.same(visited, [1, 3])
  t.end()
})

tap.test('what is over is not carried into the old generation', (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const inFlight = new InFlight<number[]>()
  let count = 0
  const step = () => {
    inFlight.set(String(count), new Array<number>(100).fill(count))
    inFlight.delete(String(count - 16))
    count++
  }
  for (let i = 0; i < 100; i++) step()
  // Takes the table that is in use into the old generation: with a plain Map, 770 bytes per step follow it there.
  collect()
  const before = oldBytes()
  const steps = 20_000
  for (let i = 0; i < steps; i++) step()
  t.ok((oldBytes() - before) / steps < 300)
  t.end()
})

function oldBytes(): number {
  const old = getHeapSpaceStatistics().find((space) => space.space_name === 'old_space')
  return old?.space_used_size ?? Number.NaN
}
