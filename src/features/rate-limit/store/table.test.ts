import fc from 'fast-check'
import t from 'tap'
import { type HashPair, hashPair } from '../policy/hash.ts'
import { ArrivalTable } from './table.ts'

const pairOf = (text: string, seed = 7): HashPair => {
  const pair = { first: 0, second: 0 }
  hashPair(text, seed, pair)
  return pair
}

t.test('a key has the time that was set, whatever other keys do, while there is room', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ key: fc.nat(3000), ms: fc.integer({ min: 1, max: 1e6 }) }), { maxLength: 2000 }),
      (steps) => {
        const table = new ArrivalTable()
        const model = new Map<number, number>()
        for (const { key, ms } of steps) {
          const place = table.find(pairOf(`key ${key}`), 1)
          const known = model.get(key)
          if (known !== undefined && table.arrivalAt(place) !== known) return table.displaced > 0
          if (known === undefined && table.arrivalAt(place) !== 1) return table.displaced > 0
          table.setArrival(place, 10 + ms)
          model.set(key, 10 + ms)
        }
        return true
      },
    ),
    { numRuns: 30 },
  )
})

t.test('two million keys at once stay within 16 MiB, and no new one has more than its burst', async (t) => {
  const table = new ArrivalTable()
  const before = process.memoryUsage().arrayBuffers
  let isRight = true
  for (let i = 0; i < 2_000_000; i++) {
    const place = table.find(pairOf(`198.51.100.${i}`), 1000)
    isRight &&= table.arrivalAt(place) >= 1000
    table.setArrival(place, 61_000)
  }
  t.ok(isRight, 'no time lies in the past')
  t.equal(table.places, 1 << 20)
  t.ok(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024)
  t.ok(table.displaced > 0)
})

t.test(
  'once their time has passed, keys make room: the table does not grow with traffic, only with live keys',
  async (t) => {
    const table = new ArrivalTable()
    for (let i = 0; i < 500_000; i++) table.setArrival(table.find(pairOf(`${i}`), 1000 + i), 1010 + i)
    t.ok(table.places <= 4096, `${table.places}`)
    t.equal(table.displaced, 0)
    t.equal(table.live(10_000_000), 0)
  },
)

t.test('a displaced key leaves what it owes to the one that takes its place', async (t) => {
  const table = new ArrivalTable()
  for (let i = 0; i < 3_000_000; i++) table.setArrival(table.find(pairOf(`${i}`), 1000), 5000)
  const place = table.find(pairOf('newcomer'), 1000)
  t.equal(table.arrivalAt(place), 5000)
})

t.test('hashes of texts that differ differ, and depend on the seed', async (t) => {
  const seen = new Set<string>()
  for (let i = 0; i < 100_000; i++) {
    const { first, second } = pairOf(`2001:db8:${i.toString(16)}::/64`)
    seen.add(`${first} ${second}`)
  }
  t.equal(seen.size, 100_000)
  t.notSame(pairOf('a', 1), pairOf('a', 2))
})
