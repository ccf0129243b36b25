import t from 'tap'
import type { NewAnswer } from './memory.ts'
import { MemoryStore } from './memory.ts'

const body = new Uint8Array(100)

function answer(key: string): NewAnswer {
  const decision = { directives: {} as NewAnswer['directives'], lifetimeMs: 1, initialAgeMs: 0, receivedAtMs: 0 }
  const selection = { varyNames: [], selecting: '', tags: [], isInvalidated: false, partition: 'r' }
  const content = { status: 200, reason: 'OK', headers: [], body: [body], bodyBytes: 100, trailers: undefined }
  return { ...decision, ...selection, ...content, key, fetchMs: 0 }
}

t.test('what is kept beside an object counts against the budget and goes with it', async (t) => {
  const store = new MemoryStore(1_000_000, { evicted: () => {} })
  const { shared } = store.put(answer('a'))
  const before = store.bytes
  shared.keep('br', new Uint8Array(1000))
  shared.keep('gzip', new Uint8Array(50))
  t.ok(store.bytes >= before + 1050)
  shared.keep('br', new Uint8Array(10))
  t.ok(store.bytes < before + 1000, 'a better one takes the place of the one before')
  t.equal(shared.variant('br')?.byteLength, 10)
  for (const variant of store.variants('a')) store.delete(variant)
  t.equal(store.bytes, 0)
  shared.keep('zstd', body)
  t.equal(store.bytes, 0)
  t.equal(shared.variant('zstd'), undefined, 'nothing is kept for an object that has gone')
})

t.test('an update of an answer takes over what was kept; another answer in its place does not', async (t) => {
  const store = new MemoryStore(1_000_000, { evicted: () => {} })
  const first = store.put(answer('a'))
  first.shared.keep('br', new Uint8Array(1000))
  const weight = store.bytes
  const second = store.replace(first, { ...first, isInvalidated: true })
  t.equal(second?.shared.variant('br')?.byteLength, 1000)
  t.equal(store.bytes, weight)
  first.shared.keep('br', new Uint8Array(500))
  t.equal(store.bytes, weight - 500, 'and is still counted')
  const third = store.put(answer('a'))
  t.equal(third.shared.variant('br'), undefined)
  t.equal(store.bytes, third.bytes)
})

t.test('variants make others leave when the budget is spent, or the object itself', async (t) => {
  const evicted: string[] = []
  const store = new MemoryStore(5500, { evicted: ({ key }) => evicted.push(key) })
  store.put(answer('a'))
  const { shared } = store.put(answer('b'))
  shared.keep('br', new Uint8Array(1500))
  t.strictSame(evicted, ['a'])
  shared.keep('gzip', new Uint8Array(5000))
  t.strictSame(evicted, ['a', 'b'])
  t.equal(store.bytes, 0)
})
