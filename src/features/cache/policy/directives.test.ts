import fc from 'fast-check'
import t from 'tap'
import { requestDirectives, responseDirectives } from './directives.ts'

const parse = (...lines: string[]) => responseDirectives(lines.flatMap((line) => ['Cache-Control', line])).directives

t.test('directives are found in any case, on several lines, around empty members', async (t) => {
  const directives = parse('No-StOrE, , MAX-age=5', 's-maxage=7')
  t.match(directives, { noStore: true, maxAge: 5, sMaxAge: 7 })
})

t.test('a value may be quoted, and what stands inside quotes is not a directive', async (t) => {
  t.equal(parse('max-age="60"').maxAge, 60)
  t.equal(parse('extension="max-age=3600", max-age=1').maxAge, 1)
  t.equal(parse('max-age=1, extension="max-age=3600"').maxAge, 1)
})

t.test('freshness that is not a number makes the answer stale (RFC 9111 §4.2.1)', async (t) => {
  for (const value of ["'3600'", 'abc', '3600.5', '-1', '', '1 2']) {
    t.equal(parse(`max-age=${value}`).maxAge, 0, value)
  }
})

t.test('of a directive that comes twice the first counts (RFC 9111 §4.2.1)', async (t) => {
  t.equal(parse('max-age=1, max-age=100').maxAge, 1)
  t.equal(parse('max-age=100', 'max-age=1').maxAge, 100)
})

t.test('no-cache and private with fields withhold those fields only (RFC 9111 §5.2.2.4, §5.2.2.7)', async (t) => {
  const directives = parse('no-cache="A, b", private="C"')
  t.match(directives, { noCache: false, isPrivate: false, withheld: ['a', 'b', 'c'] })
  t.match(parse('no-cache="a", no-cache'), { noCache: true })
})

t.test('a targeted field replaces Cache-Control, unless it is empty or does not parse (RFC 9213 §2.1)', async (t) => {
  const both = (targeted: string) => responseDirectives(['Cache-Control', 'max-age=1', 'CDN-Cache-Control', targeted])
  t.match(both('max-age=600'), { isTargeted: true, directives: { maxAge: 600 } })
  t.match(both('max-age=99999999999, no-cache'), { isTargeted: true, directives: { noCache: true } })
  for (const targeted of [
    '',
    'MaX-aGe=600',
    'max-age =600',
    'max-age= 600',
    '"max-age=600"',
    'max-age=600,',
    'max-age="600"',
  ]) {
    t.match(both(targeted), { isTargeted: false, directives: { maxAge: 1 } }, targeted)
  }
})

t.test('Pragma: no-cache counts only where there is no Cache-Control (RFC 9111 §5.4)', async (t) => {
  t.equal(requestDirectives(['Pragma', 'no-cache']).noCache, true)
  t.equal(requestDirectives(['Pragma', 'other']).noCache, false)
  t.equal(requestDirectives(['Pragma', 'no-cache', 'Cache-Control', 'max-age=1']).noCache, false)
})

t.test('max-stale without a value means any staleness (RFC 9111 §5.2.1.2)', async (t) => {
  t.equal(requestDirectives(['Cache-Control', 'max-stale']).maxStale, Number.POSITIVE_INFINITY)
  t.equal(requestDirectives(['Cache-Control', 'max-stale=5']).maxStale, 5)
  t.equal(requestDirectives([]).maxStale, undefined)
})

t.test('what stands in other directives or in quotes never loosens a restriction', async () => {
  const restriction = fc.constantFrom('no-store', 'private', 'no-cache', 'must-revalidate')
  const other = fc.oneof(
    fc.constantFrom('max-age=60', 'public', 'x="no-store, private"', ', ,', 'no-cache="a"', 'private="b"', 'MAX-AGE=1'),
    fc.stringMatching(/^[a-z-]{1,12}(=[a-z0-9]{1,5})?$/),
  )
  fc.assert(
    fc.property(fc.array(other), restriction, fc.array(other), (before, name, after) => {
      const found = parse(...before, name.toUpperCase(), ...after)
      const held = { 'no-store': found.noStore, private: found.isPrivate, 'no-cache': found.noCache }
      return name === 'must-revalidate' ? found.mustRevalidate : held[name as keyof typeof held]
    }),
  )
})
