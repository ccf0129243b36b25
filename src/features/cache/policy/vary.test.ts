import fc from 'fast-check'
import t from 'tap'
import { selectingKey, suitsLanguage, varyNames } from './vary.ts'

const same = (name: string, a: string[], b: string[]) => {
  const key = (values: string[]) =>
    selectingKey(
      [name],
      values.flatMap((value) => [name, value]),
    )
  return key(a) === key(b)
}

t.test('Vary names are read from several lines, in any case, once each', async (t) => {
  t.same(varyNames(['Vary', 'Foo, bar', 'vary', ', FOO']), ['bar', 'foo'])
})

t.test('fields compare with lines joined and spaces gone', async (t) => {
  t.ok(same('foo', ['1, 2'], ['1', '2']))
  t.ok(same('foo', ['1,2'], [' 1, 2 ']))
  t.notOk(same('foo', ['1'], ['2']))
  t.notOk(same('foo', ['A'], ['a']))
})

t.test('an absent field matches only an absent one', async (t) => {
  t.notOk(same('foo', [], ['']))
  t.ok(same('foo', [], []))
})

t.test('languages and codings compare by preference, not by order or case', async (t) => {
  t.ok(same('accept-language', ['en, de'], ['De,  eN']))
  t.notOk(same('accept-language', ['en, de;q=0.5'], ['en;q=0.5, de']))
  t.ok(same('accept-encoding', ['gzip, br'], ['br, gzip']))
  t.notOk(same('accept-encoding', ['gzip'], ['gzip;q=0']))
})

t.test('a variant suits whoever wants its language most', async (t) => {
  const suits = (accept: string, language: string) =>
    suitsLanguage(['Accept-Language', accept], ['Content-Language', language])
  t.ok(suits('fr;q=0.5, de;q=1.0', 'de'))
  t.notOk(suits('fr, de', 'de'))
  t.notOk(suits('de;q=0', 'de'))
  t.notOk(suits('de', 'de, en'))
})

const token = fc.constantFrom('gzip', 'br', 'zstd', 'identity', 'x')
const members = fc.uniqueArray(token, { minLength: 1, maxLength: 5 })

t.test('spaces, lines and, among equals, order of codings make no difference; members do', async () => {
  const list = fc.tuple(members, fc.boolean(), fc.boolean())
  fc.assert(
    fc.property(members, list, (one, [other, isSpaced, isSplit]) => {
      const text = isSplit ? other : [other.join(isSpaced ? ' ,  ' : ',')]
      const hasSame = one.length === other.length && one.every((member) => other.includes(member))
      return same('accept-encoding', [one.join(', ')], text) === hasSame
    }),
  )
})

t.test('values of other fields that differ never compare as equal', async () => {
  const value = fc.stringMatching(/^[a-z0-9=;]{1,8}$/)
  fc.assert(fc.property(value, value, (one, other) => same('foo', [one], [other]) === (one === other)))
})

t.test('what one field says cannot be taken for what another says', async (t) => {
  const key = (request: string[]) => selectingKey(['a', 'b'], request)
  fc.assert(
    fc.property(fc.array(fc.constantFrom('x', 'y', ''), { minLength: 4, maxLength: 4 }), ([a, b, c, d]) => {
      const isSame = a === c && b === d
      return (key(['a', `${a}`, 'b', `${b}`]) === key(['a', `${c}`, 'b', `${d}`])) === isSame
    }),
  )
  t.not(key(['a', 'x']), key(['b', 'x']))
})
