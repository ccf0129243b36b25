import fc from 'fast-check'
import t from 'tap'
import { parseNoVarySearch, type SearchRule, searchKey } from './no-vary-search.ts'

const same = (field: string, one: string, other: string): boolean => {
  const rule = parseNoVarySearch(field)
  return rule !== undefined && searchKey(one, rule) === searchKey(other, rule)
}

t.test('parameters that are named make no difference', async (t) => {
  t.ok(same('params=("utm" "ref")', '?a=1&utm=x', '?ref=2&a=1'))
  t.notOk(same('params=("utm")', '?a=1', '?a=2'))
  t.notOk(same('params=("utm")', '?a=1&b=2', '?b=2&a=1'), 'order counts unless it is said not to')
})

t.test('with exceptions, all others make no difference', async (t) => {
  t.ok(same('params, except=("id")', '?id=1&x=2', '?y=3&id=1'))
  t.notOk(same('params, except=("id")', '?id=1', '?id=2'))
  t.ok(same('params', '?a=1', ''))
})

t.test('key-order makes the order of names meaningless, but not that of equal names', async (t) => {
  t.ok(same('key-order', '?a=1&b=2', '?b=2&a=1'))
  t.notOk(same('key-order', '?a=1&a=2', '?a=2&a=1'))
  t.equal(parseNoVarySearch('key-order=?0'), undefined)
})

t.test('names and queries are compared as forms are decoded', async (t) => {
  t.ok(same('params=("a b")', '?a+b=1', '?a%20b=2'))
  t.ok(same('params=("%C3%A9")', '?é=1', '?%c3%a9=2'))
})

t.test('a field that is malformed or says nothing is ignored: every parameter counts', async (t) => {
  for (const field of [
    '',
    'params=()',
    'params=?0',
    'params=x',
    'params=("a',
    'except=("a")',
    'params=("a"), except=("b")',
    'foo',
    'key-order=1',
  ]) {
    t.equal(parseNoVarySearch(field), undefined, field)
  }
})

t.test('an ignored parameter never matters, and one that counts always does', async () => {
  const rule = parseNoVarySearch('key-order, params=("x")') as SearchRule
  const pairs = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.string()))
  const query = (list: readonly (readonly [string, string])[]) =>
    `?${new URLSearchParams(list.map(([name, value]): [string, string] => [name, value]))}`
  fc.assert(
    fc.property(pairs, fc.array(fc.string()), fc.string(), (list, ignored, added) => {
      const withIgnored = query([...list, ...ignored.map((value) => ['x', value] as const)])
      return (
        searchKey(withIgnored, rule) === searchKey(query(list), rule) &&
        searchKey(query([...list, ['a', added]]), rule) !== searchKey(query(list), rule)
      )
    }),
  )
})

t.test('nothing that a backend sends makes it throw', async () => {
  fc.assert(fc.property(fc.string(), fc.string(), (field, query) => void same(field, query, '')))
})
