import t from 'tap'
import { codingsToRemove } from './request-codings.ts'

t.test('codings come off in the reverse of the order in which they were put on', async (t) => {
  t.strictSame(codingsToRemove(undefined), [])
  t.strictSame(codingsToRemove(''), [])
  t.strictSame(codingsToRemove('identity'), [])
  t.strictSame(codingsToRemove('X-GZIP'), ['gzip'])
  t.strictSame(codingsToRemove('gzip, identity, br'), ['br', 'gzip'])
  t.equal(codingsToRemove('deflate'), undefined)
  t.equal(codingsToRemove('gzip, compress'), undefined)
  t.equal(codingsToRemove('gzip, gzip, gzip'), undefined)
})
