import fc from 'fast-check'
import t from 'tap'
import { MemoryStore, type NewAnswer } from './memory.ts'
import { StoredBody } from './stored-body.ts'

const answer = (key: string, tags: string[], bytes = 10): NewAnswer => ({
  key,
  partition: 'route',
  status: 200,
  reason: 'OK',
  headers: [],
  shared: new StoredBody([new Uint8Array(bytes)], true),
  bodyBytes: bytes,
  trailers: undefined,
  varyNames: [],
  selecting: '',
  tags,
  fetchMs: 1,
  directives: {} as NewAnswer['directives'],
  lifetimeMs: 1000,
  initialAgeMs: 0,
  receivedAtMs: 0,
  isInvalidated: false,
})

t.test('what a label finds is what is stored under it, whatever comes and goes', async (t) => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd'),
    tags: fc.uniqueArray(fc.constantFrom('x', 'y', 'z')),
    kind: fc.constantFrom('put', 'delete', 'replace'),
    bytes: fc.constantFrom(10, 2000),
  })
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const store = new MemoryStore(6000, { evicted() {} })
      for (const { key, tags, kind, bytes } of steps) {
        const [stored] = store.variants(key)
        if (kind === 'put') store.put(answer(key, tags, bytes))
        else if (stored !== undefined && kind === 'delete') store.delete(stored)
        else if (stored !== undefined) store.replace(stored, answer(key, tags, bytes))
      }
      const all = [...store.keys()].flatMap((key) => store.variants(key))
      return ['x', 'y', 'z'].every((tag) => {
        const expected = all.filter((a) => a.tags.includes(tag))
        const found = store.labelled(tag)
        return found.length === expected.length && expected.every((a) => found.includes(a))
      })
    }),
  )
  t.pass('for every sequence')
})
