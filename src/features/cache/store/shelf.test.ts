import fc from 'fast-check'
import t from 'tap'
import { MAX_SHELVED_BYTES, Shelf, type Shelved, Shelves } from './shelf.ts'

interface Item extends Shelved {
  readonly bytes: Uint8Array
}

t.test('what lies on a shelf stays as it was, whatever else comes and goes', async (t) => {
  const step = fc.record({ kind: fc.constantFrom('put', 'put', 'remove'), at: fc.nat(1000), size: fc.nat(20_000) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      // Few places to a slab, so that slabs are made and dropped.
      const shelf = new Shelf(20_000)
      const items: Item[] = []
      steps.forEach(({ kind, at, size }, number) => {
        if (kind === 'put') {
          const item = { place: -1, bytes: new Uint8Array(size).fill(number) }
          shelf.put(item, [item.bytes.subarray(0, size >> 1), item.bytes.subarray(size >> 1)])
          items.push(item)
        } else if (items.length > 0) {
          const [gone] = items.splice(at % items.length, 1)
          shelf.remove(gone as Item)
        }
      })
      if (shelf.count !== items.length) return false
      return items.every((item) => Buffer.compare(shelf.copy(item, item.bytes.byteLength), item.bytes) === 0)
    }),
    { numRuns: 60 },
  )
  t.pass('for every sequence')
})

t.test('a shelf takes what lies on it and no more, in whatever order that goes', async (t) => {
  const shelf = new Shelf(4096)
  const items = Array.from({ length: 1000 }, () => ({ place: -1, bytes: new Uint8Array(4096) }))
  for (const item of items) shelf.put(item, [item.bytes])
  const full = shelf.bytes
  t.ok(full >= 1000 * 4096 && full < 1100 * 4096)
  // Every other one goes: the others move together.
  for (let i = 0; i < items.length; i += 2) shelf.remove(items[i] as Item)
  t.ok(shelf.bytes <= full / 2 + 2 * 262_144)
  for (let i = 1; i < items.length; i += 2) shelf.remove(items[i] as Item)
  t.equal(shelf.count, 0)
  t.ok(shelf.bytes <= 262_144)
})

t.test('a body’s place is the smallest that it fits in, and less than a quarter larger', async (t) => {
  const shelves = new Shelves()
  for (let bytes = 1; bytes <= MAX_SHELVED_BYTES; bytes++) {
    const { placeBytes } = shelves.for(bytes)
    if (placeBytes < bytes || (bytes > 64 && placeBytes >= bytes * 1.25)) t.fail(`${bytes} in ${placeBytes}`)
  }
  t.equal(shelves.for(4096).placeBytes, 4096)
  t.equal(shelves.for(4097).placeBytes, 5120)
  t.equal(shelves.for(100), shelves.for(110), 'one shelf for all that have places of that size')
  t.equal(shelves.bytes, 0, 'an empty one takes nothing')
})
