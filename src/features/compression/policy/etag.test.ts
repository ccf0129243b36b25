import fc from 'fast-check'
import t from 'tap'
import { confirmedTag, originTags, parseTag, toldTag, variantTag } from './etag.ts'

const etagText = fc.stringMatching(/^[!#-~]{0,20}$/).map((text) => `"${text}"`)
const variants = ['br', 'zstd', 'gzip', 'min', 'identity', 'own', 'min.br', 'dcb.0123abcd']
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

t.test('conditions reach the origin with its own tags in place of those that the client has', async (t) => {
  const all = () => true
  t.equal(originTags('"a",  "b"', 'weak', all), '"a",  "b"')
  t.equal(originTags('*', 'strong', all), '*')
  t.equal(originTags('"a~br", W/"b~gzip", "c"', 'weak', all), '"a", "b", "c"')
  t.equal(originTags('"a~br", W/"b~gzip", W/"c"', 'strong', all), '"a", W/"b", W/"c"', 'what is weak stays weak')
  t.equal(originTags('"a~br", "x", "a", "a~zstd"', 'weak', all), '"a", "x"', 'each once')
  t.equal(
    originTags('"a~br", "b~gzip"', 'weak', (name) => name === 'gzip'),
    '"b"',
  )
  t.equal(
    originTags('"a~br"', 'weak', () => false),
    '',
  )
  t.equal(originTags('"a, ~br", "b~br"', 'weak', all), '"a, ", "b"')
  t.equal(originTags('"a\\~br", "b\\"', 'weak', all), '"a\\", "b\\"', 'nothing is escaped')
  t.equal(originTags('a~br, "b', 'weak', all), 'a~br, "b')
})

/** Tags as origins give them, some of which look like ours. */
const given = fc
  .tuple(etagText, fc.constantFrom('', '~br', '~own', '~min.zstd', '~br~own', '~brotli'), fc.boolean())
  .map(([tag, end, isWeak]) => `${isWeak ? 'W/' : ''}${tag.slice(0, -1)}${end}"`)

t.test('the origin gets the tags that it gave, in the order of the client, each once', async () => {
  const told = fc.tuple(given, fc.option(variant, { nil: undefined })).map(([tag, name]) => {
    const coded = name === undefined || name === 'own' ? undefined : variantTag(tag, name)
    return { tag, told: coded ?? toldTag(tag) ?? tag }
  })
  fc.assert(
    fc.property(fc.array(told, { minLength: 1 }), fc.constantFrom('weak', 'strong'), (list, comparison) => {
      const field = [...list.map(({ told }) => told), '"~"'].join(', ')
      const expected = [...new Set([...list.map(({ tag }) => tag), '"~"'])].join(', ')
      return originTags(field, comparison, () => true) === expected
    }),
  )
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
