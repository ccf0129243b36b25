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
