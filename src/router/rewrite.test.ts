import fc from 'fast-check'
import t from 'tap'
import { requestHead } from '../../test/harness/exchange.ts'
import { exchangeOf } from '../../test/harness/stage.ts'
import type { RequestHead } from '../core/message.ts'
import { normalPath } from '../net/policy/path.ts'
import { parsePath } from './pattern.ts'
import { checkRewrite, rewriteStage } from './rewrite.ts'
import { matchSchema, rewriteSchema } from './schema.ts'

function rewritten(rewrite: unknown, path: string, pattern = '/**'): RequestHead {
  const match = parsePath(pattern)
  if (typeof match === 'string') throw new Error(match)
  const captures = match.captures(path)
  const request = requestHead({ path, query: '?q=1', authority: 'example.com:8080' })
  const stage = rewriteStage(rewriteSchema.parse(rewrite), matchSchema.parse(pattern))
  return stage.send?.(exchangeOf({ request, captures }), request) as RequestHead
}

t.test('a path is rewritten', async (t) => {
  const table: readonly (readonly [unknown, string, string, string?])[] = [
    [{}, '/a', '/a'],
    [{ strip_prefix: '/catalog' }, '/catalog/1', '/1'],
    [{ strip_prefix: '/catalog' }, '/catalog', '/'],
    [{ strip_prefix: '/catalog' }, '/catalog/', '/'],
    [{ strip_prefix: '/catalog' }, '/catalogue', '/catalogue'],
    [{ strip_prefix: '/catalog' }, '/other', '/other'],
    [{ path: '/v2{path}' }, '/a', '/v2/a'],
    [{ path: '/v2/{path}' }, '/a', '/v2/a'],
    [{ path: '{path}/' }, '/a/', '/a/'],
    [{ path: '{path}.json' }, '/a', '/a.json'],
    [{ path: '{path}' }, '/', '/'],
    [{ path: '/fixed' }, '/a', '/fixed'],
    [{ strip_prefix: '/catalog', path: '/v2{path}' }, '/catalog/1/', '/v2/1/'],
    [{ path: '/orders/{order}/of/{id}' }, '/users/a%20b/orders/9', '/orders/9/of/a%20b', '/users/{id}/orders/{order}'],
    [{ path: '/{version}/x' }, '/v2/a', '/v2/x', '~^/(?<version>v\\d)/'],
    [{ path: '/a/{none}/b' }, '/x', '/a/b', '~^/x(?<none>y)?'],
    [{ path: '/v2{path}' }, '*', '*'],
    [{ strip_prefix: '/a' }, '*', '*'],
  ]
  for (const [rewrite, path, expected, pattern] of table) {
    t.equal(rewritten(rewrite, path, pattern).path, expected, `${JSON.stringify(rewrite)} of ${path}`)
  }
})

t.test('the query and everything else stay as they were', async (t) => {
  const sent = rewritten({ path: '/x' }, '/a')
  t.equal(sent.query, '?q=1')
  t.equal(sent.authority, 'example.com:8080')
  t.equal(sent.method, 'GET')
})

t.test('the host is the client’s, the endpoint’s own, or a given one', async (t) => {
  t.equal(rewritten({ host: 'keep' }, '/').authority, 'example.com:8080')
  t.equal(rewritten({ host: 'upstream' }, '/').authority, '')
  t.equal(rewritten({ host: 'backend.internal' }, '/').authority, 'backend.internal')
})

t.test('captures that add up to dot segments or broken encodings are refused', async (t) => {
  const table: readonly (readonly [string, string, string])[] = [
    ['/{a}{b}/secret', '/.x.y', '~^/(?<a>.)x(?<b>.)'],
    ['/{a}/secret', '/..x', '~^/(?<a>..)'],
    ['/x/{a}', '/a%2', '~(?<a>%2)'],
    ['/x/{a}', '/%41', '~(?<a>%4.)'],
    ['{path}..', '/a/', '/**'],
  ]
  for (const [template, path, pattern] of table) {
    t.throws(() => rewritten({ path: template }, path, pattern), { code: 'bad_target' }, `${template} of ${path}`)
  }
})

t.test('whatever the template, what is sent is a normal path', async (t) => {
  const piece = fc.constantFrom('/', '/', '{path}', '{a}', '{b}', '{a}', 'x', '.', '..', '%2E', ';')
  const template = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => `/${pieces.join('')}`)
  const path = fc
    .string({ unit: fc.constantFrom('/', '/', 'a', 'x', '.', ';', '%2F', '%3B', '%41'), maxLength: 8 })
    .map((text) => normalPath(`/${text}`, 'keep'))
    .filter((found) => typeof found === 'string')
  const pattern = fc.constantFrom('/{a}/{b}/**', '/{a}/{b}', '~^/(?<a>..?)(?<b>.*)', '~^/(?<b>[^/]*)/?(?<a>.*)')
  let sent = 0
  fc.assert(
    fc.property(template, path, pattern, (to, from, match) => {
      const parsed = parsePath(match)
      fc.pre(rewriteSchema.safeParse({ path: to }).success && typeof parsed !== 'string' && parsed.matches(from))
      try {
        const made = rewritten({ path: to }, from, match).path
        sent++
        return normalPath(made, 'keep') === made
      } catch (thrown) {
        return (thrown as { code?: string }).code === 'bad_target'
      }
    }),
    { numRuns: 3000 },
  )
  t.ok(sent > 100)
})

t.test('a template can only use what the match captures', async (t) => {
  const check = (path: string, pattern: string) =>
    checkRewrite(rewriteSchema.parse({ path }), matchSchema.parse(pattern), ['routes', 0])
  t.same(check('/{id}{path}', '/users/{id}'), [])
  t.match(check('/{ip}', '/users/{id}'), [
    { path: ['routes', 0, 'rewrite', 'path'], message: /unknown placeholder \{ip\}: known here are \{path\} \{id\}/ },
  ])
  t.equal(check('/{host}', '/**').length, 1)
})
