import fc from 'fast-check'
import t from 'tap'
import { built, exchangeOf, type Facts, problemsOf } from '../../../test/harness/stage.ts'
import { z } from '../../config/schema.ts'
import type { Reply } from '../../core/reply.ts'
import { redirect } from './index.ts'
import { compileLocation } from './location.ts'

function answered(config: unknown, facts: Facts = {}): Reply {
  return built(redirect, config)?.stage?.admit?.(exchangeOf(facts)) as Reply
}

function location(to: string, facts: Facts = {}): string {
  return answered({ to }, facts).headers[1] as string
}

t.test('a redirect says where to go, with 308 unless told otherwise', async (t) => {
  const request = { host: 'example.com', path: '/a', query: '?q=1' }
  const reply = answered('https://{host}{path}', { request })
  t.same(reply, { status: 308, headers: ['Location', 'https://example.com/a?q=1'], body: undefined })
  t.equal(answered({ to: '/new', status: 302 }).status, 302)
})

t.test('the query follows, unless the target speaks of one itself', async (t) => {
  const facts = { request: { path: '/a', query: '?q=1' } }
  t.equal(location('/new', facts), '/new?q=1')
  t.equal(location('/new?x=2', facts), '/new?x=2')
  t.equal(location('/new{query}', facts), '/new?q=1')
  t.equal(location('/new#part', facts), '/new#part')
  t.equal(location('https://example.com', facts), 'https://example.com?q=1')
  t.equal(location('/new', { request: { query: '' } }), '/new')
})

t.test('targets are made of the request', async (t) => {
  const facts = { request: { host: 'shop.example.com', path: '/p/7', scheme: 'https' as const }, captures: ['id', '7'] }
  t.equal(location('{scheme}://www.{host}:8443/items/{id}', facts), 'https://www.shop.example.com:8443/items/7')
  t.equal(location('{path}/', facts), '/p/7/')
  t.equal(location('https://{host}{path}', { request: { host: '::1', path: '/a' } }), 'https://[::1]/a')
  t.equal(location('https://{host}{path}', { request: { path: '*' } }), 'https://example.com/')
  t.equal(location('/login?next={path}', { request: { path: '/a&admin=1' } }), '/login?next=/a%26admin%3D1')
})

t.test('a host that is none is not redirected to', async (t) => {
  for (const host of ['good.example@evil.example', 'evil.example/x', 'a b', 'a\\b', '']) {
    t.throws(() => location('https://{host}{path}', { request: { host } }), { code: 'bad_host' }, host)
  }
})

t.test('no path and no capture leads to another site', async (t) => {
  const to = fc.constantFrom(
    '{path}',
    '/{a}',
    '/{a}{b}',
    '{path}{a}',
    '/x/{a}',
    'https://example.com{path}',
    'https://example.com/{a}',
    'http://{host}/{b}{a}',
  )
  const hostile = fc.string({
    unit: fc.constantFrom('/', '/', '@', ':', '.', 'evil.example', '%2F', ';', 'a'),
    maxLength: 6,
  })
  fc.assert(
    fc.property(to, hostile, hostile, hostile, (template, path, a, b) => {
      const x = exchangeOf({ request: { path: `/${path}` }, captures: ['a', a, 'b', b] })
      return new URL(compileLocation(template)(x), 'http://example.com/').host === 'example.com'
    }),
    { numRuns: 2000 },
  )
  t.pass()
})

t.test('a target that could lead to another site is a problem', async (t) => {
  const table: readonly (readonly [string, RegExp])[] = [
    ['//evil.example', /two slashes/],
    ['/{path}', /two slashes/],
    ['{id}/x', /not a URL/],
    ['example.com/x', /not a URL/],
    ['javascript:alert(1)', /not a URL/],
    ['ftp://example.com/', /not a URL/],
    ['https://{id}.example.com/', /clients could choose/],
    ['https://example.com{id}', /what clients choose/],
    ['https://{host}{id}', /what clients choose/],
    ['https://user@example.com/', /clients could choose/],
    ['https:///x', /clients could choose/],
    ['https://:80/x', /clients could choose/],
    ['/a b', /percent-encode/],
    ['/é', /percent-encode/],
    ['/a\\b', /percent-encode/],
    ['/{1}', /percent-encode/],
    ['/a\r\nX: 1', /percent-encode/],
    ['/{none}', /unknown placeholder \{none\}/],
    ['/{client_ip}', /unknown placeholder/],
  ]
  for (const [to, message] of table) {
    t.match(problemsOf(redirect, { to }, '/p/{id}'), [{ path: ['redirect', 'to'], message }], to)
    t.match(problemsOf(redirect, to, '/p/{id}'), [{ path: ['redirect'], message }])
  }
  for (const to of [
    '/',
    '{path}',
    '/p/{id}',
    'https://a.example/{id}?x={path}#y',
    '{scheme}://{host}:81',
    'https://[::1]/',
  ]) {
    t.same(problemsOf(redirect, to, '/p/{id}'), [], to)
  }
})

t.test('only redirects are statuses of a redirect', async (t) => {
  const schema = redirect.route as z.ZodType
  for (const status of [301, 302, 303, 307, 308]) t.ok(schema.safeParse({ to: '/', status }).success)
  for (const status of [200, 300, 304, '308']) {
    t.match(JSON.stringify(schema.safeParse({ to: '/', status }).error?.issues), /one of 301/)
  }
  t.notOk(schema.safeParse({}).success)
  t.doesNotThrow(() => z.toJSONSchema(schema, { io: 'input' }))
})
