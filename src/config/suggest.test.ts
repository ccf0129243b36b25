import fc from 'fast-check'
import t from 'tap'
import { didYouMean, editDistance } from './suggest.ts'

t.test('a slip finds the word that was meant', async (t) => {
  const words = ['upstream', 'upstreams', 'timeouts', 'retry', 'rewrite']
  t.equal(didYouMean('upstrem', words), 'upstream')
  t.equal(didYouMean('Retyr', words), 'retry')
  t.equal(didYouMean('banana', words), undefined)
  t.equal(didYouMean('x', []), undefined)
})

t.test('distances are those of a metric, and a swap of neighbours is one step', async (t) => {
  t.equal(editDistance('ab', 'ba'), 1)
  fc.assert(
    fc.property(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), (a, b) => {
      const distance = editDistance(a, b)
      return (
        distance === editDistance(b, a) && (distance === 0) === (a === b) && distance <= Math.max(a.length, b.length)
      )
    }),
  )
})
