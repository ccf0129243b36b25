import fc from 'fast-check'
import t from 'tap'
import { type Selector, selectsKey } from './purge.ts'
import { PurgeLog } from './purge-log.ts'

const at = (seq: number, epoch = 'e') => ({ epoch, seq })

t.test('an object is outdated by purges that came after its fetch began, and by no other', async (t) => {
  const log = new PurgeLog()
  log.begin('e')
  log.note(5, { keys: ['h/a'] }, false)
  log.note(6, { labels: ['red'] }, true)
  t.equal(log.standing({ position: at(4), key: 'h/a', labels: [] }), 'outdated')
  t.equal(log.standing({ position: at(5), key: 'h/a', labels: [] }), 'current')
  t.equal(log.standing({ position: at(5), key: 'h/b', labels: ['red'] }), 'stale')
  t.equal(log.standing({ position: at(9, 'other'), key: 'h/b', labels: [] }), 'outdated', 'of another log')
  log.begin('f')
  t.equal(log.standing({ position: at(0, 'f'), key: 'h/a', labels: [] }), 'current', 'a new log, nothing purged')
})

const selector: fc.Arbitrary<Selector> = fc.oneof(
  fc.record({ keys: fc.array(fc.constantFrom('h/a', 'h/b', 'i/a'), { minLength: 1 }) }),
  fc.record({ labels: fc.array(fc.constantFrom('x', 'y'), { minLength: 1 }) }),
  fc.record({ prefixes: fc.constant(['h/']) }),
  fc.record({ pathPrefixes: fc.constant(['/a']) }),
  fc.constant({ all: true as const }),
)

t.test('a purge of everything that becomes known late does not undo later ones', async (t) => {
  const log = new PurgeLog()
  log.begin('e')
  log.note(2, { prefixes: ['h/'] }, false)
  log.note(1, { all: true }, false)
  t.equal(log.standing({ position: at(1), key: 'h/a', labels: [] }), 'outdated')
  t.equal(log.standing({ position: at(1), key: 'i/a', labels: [] }), 'current')
})

t.test('nothing that was purged since is ever called current, in whatever order purges become known', async (t) => {
  const purges = fc.array(fc.record({ selector, isSoft: fc.boolean() }), { maxLength: 20 })
  const object = fc.record({
    key: fc.constantFrom('h/a', 'h/b', 'i/a'),
    labels: fc.subarray(['x', 'y', 'z']),
    seq: fc.nat(20),
  })
  fc.assert(
    fc.property(purges, object, fc.func(fc.nat()), (list, { key, labels, seq }, order) => {
      const log = new PurgeLog()
      log.begin('e')
      const numbered = list.map((purge, i) => ({ ...purge, seq: i + 1 }))
      for (const purge of numbered.toSorted((a, b) => order(a.seq) - order(b.seq)))
        log.note(purge.seq, purge.selector, purge.isSoft)
      const later = numbered.filter((purge) => purge.seq > seq)
      const means = (s: Selector) => selectsKey(s, key) || (s.labels ?? []).some((label) => labels.includes(label))
      const expected = later.some((p) => !p.isSoft && means(p.selector))
        ? 'outdated'
        : later.some((p) => means(p.selector))
          ? 'stale'
          : 'current'
      return log.standing({ position: at(seq), key, labels }) === expected
    }),
  )
  t.pass('for every sequence')
})

t.test('memory is bounded: what is forgotten counts as purged', async (t) => {
  const log = new PurgeLog()
  log.begin('e')
  for (let seq = 1; seq <= 30_000; seq++) log.note(seq, { keys: [`h/${seq}`] }, false)
  t.equal(log.standing({ position: at(100), key: 'h/never', labels: [] }), 'outdated')
  t.equal(log.standing({ position: at(30_000), key: 'h/30000', labels: [] }), 'current')
  for (let seq = 30_001; seq <= 30_500; seq++) log.note(seq, { prefixes: [`p/${seq}`] }, false)
  t.equal(log.standing({ position: at(30_100), key: 'h/never', labels: [] }), 'outdated')
  t.equal(log.standing({ position: at(30_400), key: 'h/never', labels: [] }), 'current')
})
