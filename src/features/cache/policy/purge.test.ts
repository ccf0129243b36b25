import fc from 'fast-check'
import t from 'tap'
import { groupLabel, invalidatedGroups, labelsOf } from './groups.ts'
import { keyOfTarget } from './key.ts'
import {
  asSelector,
  type Keying,
  looksAtKeys,
  type PurgeRequest,
  type Selector,
  selectorOf,
  selectsKey,
} from './purge.ts'

const keyed = (query: 'all' | 'none', host: boolean): Keying => {
  const rules = { query, headers: [], cookies: [], host }
  return { host, keyOf: (authority, path, query) => keyOfTarget(rules, authority, path, query) }
}
const plain = keyed('all', true)
const nothing: PurgeRequest = {
  urls: [],
  isPrefix: false,
  tags: [],
  groups: [],
  isAll: false,
  isSoft: false,
  isDryRun: false,
}
const of = (parts: Partial<PurgeRequest>, keyings = [plain]) => selectorOf({ ...nothing, ...parts }, keyings)
const right = (parts: Partial<PurgeRequest>) => of(parts) as Selector

t.test('a URL means the key that each route makes of it', async (t) => {
  t.same(of({ urls: ['http://Shop.example/a?b=2&a=1'] }), { keys: ['shop.example/a?b=2&a=1'] })
  t.same(of({ urls: ['http://shop.example/a?', '/b?'] }), { keys: ['shop.example/a?'], paths: ['/b?'] })
  const both = of({ urls: ['https://shop.example/a?b=2'] }, [plain, keyed('none', false)])
  t.same(both, { keys: ['shop.example/a?b=2', '/a'] })
})

t.test('a path without a host means every host', async (t) => {
  const selector = right({ urls: ['/a?b=1'] })
  t.ok(selectsKey(selector, 'one.example/a?b=1'))
  t.ok(selectsKey(selector, '/a?b=1'))
  t.notOk(selectsKey(selector, 'one.example/x/a?b=1'))
})

t.test('a prefix means every URL that begins so, on its host', async (t) => {
  const selector = right({ urls: ['http://one.example/shop/'], isPrefix: true })
  t.ok(looksAtKeys(selector))
  t.ok(selectsKey(selector, 'one.example/shop/7?x'))
  t.notOk(selectsKey(selector, 'two.example/shop/7'))
  t.notOk(selectsKey(selector, 'one.example/shopping'))
})

t.test('what is no URL, or names nothing, is said to be so', async (t) => {
  for (const url of ['shop.example/a', 'ftp://x/', '', 'http://']) t.type(of({ urls: [url] }), 'string', url)
  t.match(of({}), /nothing is named/)
  t.same(of({ isAll: true }), { all: true })
  t.same(of({ tags: ['a'], groups: ['g'] }), { labels: ['a', groupLabel('', 'g')] })
})

t.test('whatever arrives from elsewhere is a selector, or refused', async (t) => {
  for (const wrong of [null, 1, 'x', [], { keys: 'a' }, { labels: [1] }, { all: 'yes' }]) {
    if (!Array.isArray(wrong)) t.equal(asSelector(wrong), undefined, JSON.stringify(wrong))
  }
  t.same(asSelector({ keys: ['a'], labels: [] }), { keys: ['a'], labels: [] })
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const selector = asSelector(value)
      return selector === undefined || typeof selectsKey(selector, 'a/b') === 'boolean'
    }),
  )
})

t.test('tags are separated by spaces or commas, on any number of lines', async (t) => {
  const headers = ['Surrogate-Key', 'a b, c', 'surrogate-key', 'd', 'Other', 'x']
  t.same(labelsOf(headers, 'surrogate-key', 'h'), ['a', 'b', 'c', 'd'])
  t.equal(labelsOf([], 'surrogate-key', 'h'), labelsOf([], 'x', 'h'), 'none costs nothing')
})

// RFC 9875 §2: a list of strings; compared character by character, within one origin.
t.test('cache groups are strings of one origin', async (t) => {
  const groups = labelsOf(['Cache-Groups', '"Shop", "a,b";x=1, token, "esc\\"aped"'], 'surrogate-key', 'h')
  t.same(
    groups,
    ['Shop', 'a,b', 'esc"aped'].flatMap((name) => [groupLabel('h', name), groupLabel('', name)]),
  )
  t.not(groupLabel('h', 'Shop'), groupLabel('h', 'shop'))
})

// RFC 9875 §3
t.test('the answer to an unsafe request names groups of its own origin, if it succeeded', async (t) => {
  const headers = ['Cache-Group-Invalidation', '"a", "b"']
  t.same(invalidatedGroups(200, headers, 'h'), [groupLabel('h', 'a'), groupLabel('h', 'b')])
  t.same(invalidatedGroups(500, headers, 'h'), [])
})

t.test('no answer can fill the index', async (t) => {
  const many = Array.from({ length: 5000 }, (_, i) => `tag${i}`).join(' ')
  t.ok(labelsOf(['S', many, 'S', 'x'.repeat(5000)], 's', 'h').length <= 128)
})
