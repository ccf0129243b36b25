import fc from 'fast-check'
import t from 'tap'
import type { NewAnswer } from './memory.ts'
import { MemoryStore } from './memory.ts'
import { StoredBody } from './stored-body.ts'

const body = new Uint8Array(100)

function answer(key: string): NewAnswer {
  const decision = { directives: {} as NewAnswer['directives'], lifetimeMs: 1, initialAgeMs: 0, receivedAtMs: 0 }
  const selection = { varyNames: [], selecting: '', tags: [], isInvalidated: false, partition: 'r' }
  const content = { status: 200, reason: 'OK', headers: [], bodyBytes: 100, trailers: undefined }
  return { ...decision, ...selection, ...content, key, fetchMs: 0, shared: new StoredBody([body], true) }
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

t.test(
  'a body that was shelved is the same for whoever reads it, and weighs as a buffer of its own from then on',
  async (t) => {
    const store = new MemoryStore(1_000_000, { evicted: () => {} })
    const bytes = Uint8Array.from({ length: 3000 }, (_, i) => i)
    const stored = store.put({ ...answer('a'), shared: new StoredBody([bytes], true), bodyBytes: 3000 })
    const shelved = store.bytes
    t.equal(Buffer.compare(stored.shared.peek()?.[0] as Uint8Array, bytes), 0)
    t.equal(store.bytes, shelved, 'a look at it changes nothing')
    const { body } = stored.shared
    t.equal(Buffer.compare(body[0] as Uint8Array, bytes), 0)
    t.ok(store.bytes > shelved)
    t.equal(stored.shared.body[0], body[0], 'it is copied once')
    store.delete(stored)
    t.equal(store.bytes, 0)
    t.equal(Buffer.compare(stored.shared.body[0] as Uint8Array, bytes), 0, 'what was read stays')
  },
)

t.test('an update of a shelved answer has its body', async (t) => {
  const store = new MemoryStore(1_000_000, { evicted: () => {} })
  const first = store.put({ ...answer('a'), shared: new StoredBody([Buffer.from('hello')], true), bodyBytes: 5 })
  store.put({ ...answer('b'), shared: new StoredBody([Buffer.from('other')], true), bodyBytes: 5 })
  const second = store.replace(first, { ...first, isInvalidated: true })
  t.equal(Buffer.concat([...(second?.shared.body ?? [])]).toString(), 'hello')
})

t.test('a body that was taken outlives its place in the store; one that was not has gone with it', async (t) => {
  const store = new MemoryStore(12_000, { evicted: () => {} })
  const taken = store.put(answer('taken')).shared
  const left = store.put(answer('left')).shared
  taken.take()
  for (let i = 0; i < 20; i++) store.put(answer(`other ${i}`))
  t.same(taken.peek(), [body])
  t.equal(left.peek(), undefined)
  t.throws(() => left.body, /not taken/)
})

t.test('a body that several asked for while it came has a buffer of its own', async (t) => {
  const store = new MemoryStore(1_000_000, { evicted: () => {} })
  const shared = new StoredBody([body], true)
  shared.hits = 2
  t.equal(store.put({ ...answer('a'), shared }).shared.peek()?.[0], body)
})

t.test('every body comes back whole, whatever is stored, read, updated and evicted', async (t) => {
  const step = fc.record({
    key: fc.nat(12),
    kind: fc.constantFrom('put', 'put', 'read', 'replace', 'delete'),
    bytes: fc.constantFrom(0, 1, 64, 65, 700, 4096, 9000, 16_384, 20_000),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const store = new MemoryStore(60_000, { evicted: () => {} })
      const read: { bodies: readonly Uint8Array[]; fill: number; bytes: number }[] = []
      steps.forEach(({ key, kind, bytes }, number) => {
        const name = String(key)
        const stored = store.find(name, 'r', [])
        if (kind === 'put') {
          const pieces = bytes === 0 ? [] : [new Uint8Array(bytes).fill(number)]
          store.put({ ...answer(name), shared: new StoredBody(pieces, true), bodyBytes: bytes, fetchMs: number })
        } else if (stored === undefined) return
        else if (kind === 'replace') store.replace(stored, { ...stored, isInvalidated: true })
        else if (kind === 'delete') store.delete(stored)
        else read.push({ bodies: stored.shared.body, fill: stored.fetchMs, bytes: stored.bodyBytes })
      })
      return read.every(({ bodies, fill, bytes }) => {
        const whole = Buffer.concat([...bodies])
        return whole.byteLength === bytes && whole.every((byte) => byte === (fill & 255))
      })
    }),
  )
  t.pass('for every sequence')
})
