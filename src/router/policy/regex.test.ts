import fc from 'fast-check'
import t from 'tap'
import { compileRegex, Regex } from './regex.ts'

// Small trees and short subjects, since the oracle takes exponential time.
const atom = fc.constantFrom(
  'a',
  'b',
  '.',
  '[ab]',
  '[^a]',
  '\\w',
  '\\d',
  '\\/',
  '/',
  '1',
  '\\b',
  '\\B',
  '[^\\s-]',
  '[a-c1]',
)
const quantifier = fc.constantFrom(
  '',
  '',
  '',
  '*',
  '+',
  '?',
  '{2}',
  '{1,2}',
  '{0,3}',
  '{2,}',
  '*?',
  '+?',
  '??',
  '{1,3}?',
)
const tree = fc.letrec<{ term: string; group: string; pattern: string }>((tie) => ({
  group: tie('pattern').map((inner) => `(?:${inner})`),
  term: fc
    .tuple(fc.oneof({ maxDepth: 2, depthSize: 'small' }, atom, tie('group')), quantifier)
    .map(([body, times]) => (body.startsWith('\\b') || body.startsWith('\\B') ? body : body + times)),
  pattern: fc
    .array(
      fc.array(tie('term'), { maxLength: 3 }).map((terms) => terms.join('')),
      { minLength: 1, maxLength: 3 },
    )
    .map((options) => options.join('|')),
}))
const subject = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', '/', ' ', '-', '\n', 'é'), maxLength: 6 })

t.test('an expression matches exactly what JavaScript would match', async (t) => {
  fc.assert(
    fc.property(tree.pattern, fc.boolean(), fc.boolean(), subject, (pattern, isAnchored, isEnded, text) => {
      const source = `${isAnchored ? '^' : ''}(?:${pattern})${isEnded ? '$' : ''}`
      const regex = compileRegex(source)
      fc.pre(typeof regex !== 'string')
      return regex.test(text) === new RegExp(source).test(text)
    }),
    { numRuns: 1000 },
  )
  t.pass()
})

// No repetition here can match nothing: there JavaScript tries once more for a longer match, which memory forbids.
const simple = fc
  .array(fc.tuple(atom, quantifier), { maxLength: 3 })
  .map((terms) =>
    terms.map(([one, times]) => (one.startsWith('\\b') || one.startsWith('\\B') ? one : one + times)).join(''),
  )

t.test('captures are those of JavaScript', async (t) => {
  fc.assert(
    fc.property(simple, simple, simple, subject, (one, two, three, text) => {
      const source = `^(?<first>${one}|${two})(?<second>${three})`
      const expected = new RegExp(source).exec(text)?.groups
      const found = new Regex(source).captures(text)
      if (expected === undefined) return found === undefined
      return found?.[1] === (expected.first ?? '') && found[3] === (expected.second ?? '')
    }),
    { numRuns: 3000 },
  )
  t.same(new Regex('^/(?<version>v\\d+)/(?<rest>.*)$').captures('/v12/a/b'), ['version', 'v12', 'rest', 'a/b'])
  t.same(new Regex('^(?:(?<x>a)|(?<y>b))*$').captures('ab'), ['x', '', 'y', 'b'], 'each turn forgets the one before')
  t.equal(new Regex('(?<x>a)').captures('b'), undefined)
})

t.test('expressions that stall other engines take linear time', async (t) => {
  const subject = `${'a'.repeat(20_000)}!`
  for (const evil of ['^(a+)+$', '^(a|a)*$', '^(a|aa)+$', '(a*)*b', '^(?:a?){50}a{50}$', '^(.*a){12}b', 'a.*a.*a.*b']) {
    t.equal(new Regex(evil).test(subject), false, evil)
  }
})

t.test('a short subject after a very long one is matched as before', async (t) => {
  const regex = new Regex('^(?:ab?)*c$')
  t.equal(regex.test(`${'ab'.repeat(200_000)}c`), true)
  t.equal(regex.test('abc'), true)
  t.equal(regex.test('abd'), false)
})

t.test('(?i) ignores the case of ASCII letters', async (t) => {
  const regex = new Regex('(?i)^x-[a-f]+bot')
  t.ok(regex.test('X-aBcDeFBOT'))
  t.notOk(regex.test('x-gbot'))
  t.notOk(new Regex('(?i)[^a]').test('A'))
  t.notOk(new Regex('^bot').test('BOT'))
})

t.test('escapes name single characters', async (t) => {
  t.ok(new Regex('^\\x2f\\u0041\\t\\.$').test('/A\t.'))
  t.ok(new Regex('^[\\b\\-\\]]+$').test('\b-]'))
  t.notOk(new Regex('[]').test('a'), 'an empty class matches nothing')
})

t.test('an anchored literal beginning is known', async (t) => {
  t.equal(new Regex('^/v[12]/').prefix, '/v')
  t.equal(new Regex('^/api/').prefix, '/api/')
  t.equal(new Regex('^/ab?').prefix, '/a')
  t.equal(new Regex('^/a|^/b').prefix, '')
  t.equal(new Regex('/a').prefix, '')
  t.equal(new Regex('(?i)^/a').prefix, '/')
})

t.test('what is wrong with an expression is said in words', async (t) => {
  const faults: readonly (readonly [string, RegExp])[] = [
    ['(a', /not closed/],
    ['a)', /closes nothing/],
    ['[a', /not closed/],
    ['[z-a]', /range/],
    ['[a-\\d]', /range/],
    ['*a', /repeats nothing/],
    ['a**', /repeats a repetition/],
    ['^*', /anchor/],
    ['a{2,1}', /from 2 to 1/],
    ['a{2000}', /more than 1000/],
    ['a{x}', /begins no repetition/],
    ['(?:a{100}){100}', /too large/],
    ['(?=a)', /looks ahead/],
    ['(?<!a)b', /looks ahead or behind/],
    ['(a)\\1', /refers back/],
    ['(?<n>a)\\k<n>', /refers back/],
    ['(?<n>a)(?<n>b)', /twice/],
    ['(?P<n>a)', /unknown kind/],
    ['a(?i)b', /elsewhere/],
    ['\\', /backslash/],
    ['\\q', /unknown escape/],
    ['\\01', /unknown escape/],
    ['a'.repeat(1001), /longer than/],
    ['('.repeat(400), /deeper/],
  ]
  for (const [text, expected] of faults) {
    const found = compileRegex(text)
    t.match(typeof found === 'string' ? found : 'accepted', expected, text.slice(0, 30))
  }
})
