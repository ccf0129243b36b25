import fc from 'fast-check'
import t from 'tap'
import { requestHead } from '../../test/harness/exchange.ts'
import type { RequestHead } from '../core/message.ts'
import { explainRoutes } from './explain.ts'
import { Router } from './index.ts'
import { unreachableRoutes } from './lint.ts'
import { Matcher } from './match.ts'
import { type MatchConfig, matchSchema } from './schema.ts'

function router(...matches: unknown[]): Router<number> {
  return new Router(matches.map((written, i) => ({ name: `route-${i}`, match: matchSchema.parse(written), target: i })))
}

const at = (path: string, parts: Partial<RequestHead> = {}) => requestHead({ path, ...parts })

t.test('the first route that matches decides, top to bottom', async (t) => {
  const found = router('/a/special', '/a/**', '/**')
  t.equal(found.find(at('/a/special'))?.target, 0)
  t.equal(found.find(at('/a/other'))?.target, 1)
  t.equal(found.find(at('/b'))?.target, 2)
  const reversed = router('/a/**', '/a/special')
  t.equal(reversed.find(at('/a/special'))?.target, 0, 'and not the most specific')
  t.equal(reversed.find(at('/b')), undefined)
  t.equal(router().find(at('/')), undefined)
})

t.test('a route for every host stands in line with those for one', async (t) => {
  const found = router({ path: '/health' }, { host: 'shop.example.com' }, { host: '*.example.com' }, {})
  t.equal(found.find(at('/health', { host: 'shop.example.com' }))?.target, 0)
  t.equal(found.find(at('/x', { host: 'shop.example.com' }))?.target, 1)
  t.equal(found.find(at('/x', { host: 'a.b.example.com' }))?.target, 2)
  t.equal(found.find(at('/x', { host: 'example.com' }))?.target, 3)
})

t.test('wildcards of several depths are taken in the order of the file', async (t) => {
  const found = router(
    { host: '*.com', path: '/a' },
    { host: '*.example.com' },
    { host: '*.com' },
    { host: 'x.example.com' },
  )
  t.equal(found.find(at('/a', { host: 'x.example.com' }))?.target, 0)
  t.equal(found.find(at('/b', { host: 'x.example.com' }))?.target, 1)
  t.equal(found.find(at('/b', { host: 'x.org.com' }))?.target, 2)
  t.equal(found.find(at('/b', { host: 'x.org' })), undefined)
})

t.test('all conditions must hold', async (t) => {
  const found = router({
    path: '/a',
    methods: ['POST', 'PUT'],
    headers: { 'X-Beta': '1', accept: '~json', cookie: '*' },
    query: { preview: '*' },
  })
  const right = at('/a', {
    method: 'PUT',
    query: '?preview',
    headers: ['x-beta', '1', 'Accept', 'text/plain', 'ACCEPT', 'application/json', 'Cookie', ''],
  })
  t.equal(found.find(right)?.target, 0)
  t.equal(found.find({ ...right, method: 'GET' }), undefined)
  t.equal(found.find({ ...right, query: '' }), undefined)
  t.equal(found.find({ ...right, headers: right.headers.slice(2) }), undefined)
  t.equal(
    found.find({ ...right, headers: [...right.headers, 'x-beta', '2'] }),
    undefined,
    'two lines are not the value',
  )
})

t.test('captures come with the route, and a route without them gives the same answer object each time', async (t) => {
  const found = router('/users/{id}/**', '/static/**')
  t.same(found.find(at('/users/7/x'))?.captures, ['id', '7'])
  t.equal(found.find(at('/static/a')), found.find(at('/static/b')))
})

t.test('OPTIONS * is for routes that leave the path open', async (t) => {
  t.equal(router('/a/**', {}).find(at('*', { method: 'OPTIONS' }))?.target, 1)
})

const label = fc.constantFrom('a', 'ab', 'b', 'v1', 'v2')
const pathOf = fc
  .tuple(fc.array(label, { maxLength: 4 }), fc.boolean())
  .map(([labels, isFolder]) => `/${labels.join('/')}${isFolder && labels.length > 0 ? '/' : ''}`)
const patternOf = fc.oneof(
  pathOf,
  fc
    .tuple(fc.array(fc.oneof(label, fc.constantFrom('*', '{id}')), { maxLength: 3 }), fc.boolean())
    .map(([parts, hasRest]) => `/${[...parts, ...(hasRest ? ['**'] : [])].join('/')}`)
    .filter((text) => text.split('{id}').length < 3),
  fc.constantFrom('~^/v[12]/', '~b$', '~^/a', '~^/(?<first>ab?)/'),
)
const hostOf = fc.constantFrom('example.com', 'a.example.com', 'b.a.example.com', 'other.org')
const hostPatternOf = fc.oneof(hostOf, fc.constantFrom('*.example.com', '*.a.example.com', '*.com', '*.org'))
const methodOf = fc.constantFrom('GET', 'HEAD', 'POST')
const matchOf = fc
  .record(
    {
      host: fc.array(hostPatternOf, { minLength: 1, maxLength: 2 }),
      path: patternOf,
      methods: fc.array(methodOf, { minLength: 1, maxLength: 2 }),
      headers: fc.record({ 'x-beta': fc.constantFrom('*', '1', '~^[12]$') }),
      query: fc.record({ q: fc.constantFrom('*', '1', '~^[12]$') }),
    },
    { requiredKeys: [] },
  )
  .map((written) => matchSchema.parse(written))
const requestOf = fc
  .record({
    host: hostOf,
    path: fc.oneof({ weight: 9, arbitrary: pathOf }, { weight: 1, arbitrary: fc.constant('*') }),
    method: methodOf,
    headers: fc.constantFrom<string[]>([], ['X-Beta', '1'], ['X-Beta', '2'], ['x-beta', '3']),
    query: fc.constantFrom('', '?q=1', '?q=2', '?q=3&q=1', '?other'),
  })
  .map((parts) => requestHead(parts))

const named = (matches: readonly MatchConfig[]) => matches.map((match, i) => ({ name: `route-${i}`, match, target: i }))

t.test('the index finds what asking every route in turn would find', async (t) => {
  fc.assert(
    fc.property(
      fc.array(matchOf, { maxLength: 12 }),
      fc.array(requestOf, { minLength: 1, maxLength: 8 }),
      (matches, requests) => {
        const index = new Router(named(matches))
        const matchers = matches.map((match) => new Matcher(match))
        return requests.every((request) => {
          const naive = matchers.findIndex((matcher) => matcher.failure(request) === undefined)
          return (index.find(request)?.target ?? -1) === naive
        })
      },
    ),
    { numRuns: 1500 },
  )
  t.pass()
})

t.test('a route that is reported as unreachable is never found', async (t) => {
  let reported = 0
  fc.assert(
    fc.property(
      fc.array(matchOf, { minLength: 2, maxLength: 8 }),
      fc.array(requestOf, { maxLength: 10 }),
      (matches, requests) => {
        const unreachable = new Set(unreachableRoutes(named(matches)).map(({ path }) => path[1]))
        reported += unreachable.size
        const index = new Router(named(matches))
        return requests.every((request) => !unreachable.has(index.find(request)?.target ?? -1))
      },
    ),
    { numRuns: 1500 },
  )
  t.ok(reported > 100, 'and there were some')
})

t.test('an explanation says of each earlier route why it does not match', async (t) => {
  const routes = named(
    [
      { host: 'shop.example.com' },
      '/catalog/**',
      { methods: ['POST', 'PUT'] },
      { headers: { 'X-Beta': '1' } },
      { headers: { accept: '~json' } },
      { query: { preview: '*' } },
      { query: { q: '1' } },
      '~^/v[12]/',
      {},
      '/a',
    ].map((written) => matchSchema.parse(written)),
  )
  const request = at('/a', { query: '?q=2', headers: ['Accept', 'text/html'] })
  t.same(
    explainRoutes(routes, request).map(({ because }) => because),
    [
      'host example.com is not shop.example.com',
      'path /a is not /catalog/**',
      'method GET is not POST or PUT',
      'header x-beta is absent',
      'header accept "text/html" does not match json',
      'query parameter preview is absent',
      'query parameter q is not 1',
      'path /a does not match ^/v[12]/',
      '',
    ],
  )
  t.same(explainRoutes(routes, request).at(-1), { name: 'route-8', matches: true, because: '' })
})
