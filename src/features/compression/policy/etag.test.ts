import fc from 'fast-check'
import t from 'tap'
import { confirmedTag, originTags, parseTag, variantTag } from './etag.ts'

const etagText = fc.stringMatching(/^[!#-~]{0,20}$/).map((text) => `"${text}"`)
const variants = ['br', 'zstd', 'gzip', 'min', 'identity', 'min.br', 'dcb.0123abcd']
const variant = fc.constantFrom(...variants)

t.test('every variant of a strong tag has a tag of its own, which leads back to it', async () => {
  fc.assert(
    fc.property(etagText, variant, (tag, name) => {
      const marked = variantTag(tag, name) as string
      const parsed = parseTag(marked)
      return marked !== tag && parsed?.origin === tag && parsed.variant === name
    }),
  )
  fc.assert(
    fc.property(etagText, (tag) => new Set(variants.map((name) => variantTag(tag, name))).size === variants.length),
  )
})

t.test('weak and malformed tags stay as they are', async (t) => {
  for (const tag of ['W/"v1"', 'v1', '"', '', '"v1']) t.equal(variantTag(tag, 'br'), undefined, tag)
  for (const tag of ['"v1"', '"v1~"', '"v1~brotli"', '"v1~br', '~br', '*']) t.equal(parseTag(tag), undefined, tag)
})

t.test('conditions reach the origin with its own tags beside what the client sent', async (t) => {
  const all = () => true
  t.equal(originTags('"a", "b"', all), '"a", "b"')
  t.equal(originTags('*', all), '*')
  t.equal(originTags('"a~br", W/"b~gzip", "c"', all), '"a~br", "a", W/"b~gzip", "b", "c"')
  t.equal(
    originTags('"a~br", "b~gzip"', (name) => name === 'gzip'),
    '"a~br", "b~gzip", "b"',
  )
  t.equal(originTags('"a, ~br", "b~br"', all), '"a, ~br", "a, ", "b~br", "b"')
})

t.test('a 304 names the variant that was confirmed', async (t) => {
  const all = () => true
  t.equal(confirmedTag('"a~br"', '"a"', [], all), '"a~br"')
  t.equal(confirmedTag('"a~br", "a~gzip"', '"a"', ['gzip', 'br'], all), '"a~gzip"')
  t.equal(confirmedTag('"a~br", "a"', '"a"', ['gzip'], all), undefined)
  t.equal(confirmedTag('"a~br", "a"', '"a"', ['br'], all), '"a~br"')
  t.equal(confirmedTag('"b~br"', '"a"', ['br'], all), undefined)
  t.equal(confirmedTag('"a~br"', 'W/"a"', ['br'], all), undefined)
  t.equal(
    confirmedTag('"a~br"', '"a"', [], () => false),
    undefined,
  )
})
