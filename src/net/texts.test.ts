import fc from 'fast-check'
import t from 'tap'
import { Texts } from './texts.ts'

t.test('a content as text is the same bytes, however often and among however many others', async () => {
  const texts = new Texts()
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const whole = new Uint8Array([1, ...bytes, 2])
      const content = whole.subarray(1, whole.length - 1)
      const [first, again] = [texts.of(content), texts.of(content)]
      return first === again && Buffer.from(first, 'latin1').equals(Buffer.from(bytes))
    }),
    { numRuns: 3000 },
  )
})
