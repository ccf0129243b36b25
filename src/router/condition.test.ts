import fc from 'fast-check'
import t from 'tap'
import { accepts, acceptsParameter, hasParameter, parseCondition } from './condition.ts'

function condition(name: string, text: string) {
  const parsed = parseCondition(name, text)
  if (typeof parsed === 'string') throw new Error(parsed)
  return parsed
}

t.test('a value is compared exactly, as present, or by regular expression', async (t) => {
  t.ok(accepts(condition('x', '1'), '1'))
  t.notOk(accepts(condition('x', '1'), '11'))
  t.ok(accepts(condition('x', '*'), ''))
  t.ok(accepts(condition('x', '~^a.c$'), 'abc'))
  t.notOk(accepts(condition('x', '~^a.c$'), 'abcd'))
  t.ok(accepts(condition('x', ''), ''))
  t.match(parseCondition('x', '~['), /not closed/)
})

t.test('query parameters are compared decoded, and of several one will do', async (t) => {
  const table: readonly (readonly [string, string, string, boolean])[] = [
    ['preview', '*', '?preview', true],
    ['preview', '*', '?preview=', true],
    ['preview', '*', '?a=1&preview=x', true],
    ['preview', '*', '?previews=1', false],
    ['preview', '*', '?xpreview=1', false],
    ['preview', '*', '', false],
    ['preview', '*', '?', false],
    ['preview', '*', '?a=preview', false],
    ['a', 'x y', '?a=x+y', true],
    ['a', 'x y', '?a=x%20y', true],
    ['a b', '1', '?a+b=1', true],
    ['a b', '1', '?a%20b=1', true],
    ['a+b', '1', '?a+b=1', false],
    ['a+b', '1', '?a%2Bb=1', true],
    ['é', '*', '?%C3%A9=1', true],
    ['a', '2', '?a=1&a=2', true],
    ['a', '', '?a', true],
    ['a', 'b=c', '?a=b=c', true],
    ['a', '%zz', '?a=%zz', true],
    ['a', '~^[0-9]+$', '?a=12', true],
    ['a', '~^[0-9]+$', '?a=x', false],
    ['a', '1', '?&&a=1&', true],
    ['__proto__', '1', '?__proto__=1', true],
  ]
  for (const [name, text, query, expected] of table) {
    t.equal(acceptsParameter(condition(name, text), query), expected, `${name}: ${text} for ${query}`)
  }
})

t.test('parameters are read as a form would be', async (t) => {
  const piece = fc.string({ unit: fc.constantFrom('a', 'b', '+', '%20', '%C3%A9', '%26', '.'), maxLength: 3 })
  const pairs = fc.array(fc.tuple(piece, piece), { maxLength: 4 })
  fc.assert(
    fc.property(pairs, fc.constantFrom('a', 'b', ' ', 'a ', 'é', '&', ''), (written, name) => {
      const query = `?${written.map(([key, value]) => `${key}=${value}`).join('&')}`
      return hasParameter(query, name) === new URLSearchParams(query).has(name)
    }),
  )
  t.pass()
})
