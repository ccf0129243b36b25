import t from 'tap'
import { z } from '../config/schema.ts'
import { defaultRouteName, describeMatch, patternLabel } from './name.ts'
import { matchSchema, rewriteSchema, routeNameSchema, splitSchema } from './schema.ts'

/** Every message, also those inside the alternatives of a union. */
function messages(schema: z.ZodType, written: unknown): string {
  const result = schema.safeParse(written)
  return result.success ? 'accepted' : JSON.stringify(result.error.issues)
}

t.test('a match is a path or conditions, and nothing at all is every request', async (t) => {
  const every = { host: [], path: undefined, methods: [], headers: {}, query: {} }
  t.same(matchSchema.parse(undefined), every)
  t.same(matchSchema.parse('/a/**'), { ...every, path: '/a/**' })
  t.same(matchSchema.parse({ host: 'a.example', methods: ['GET'] }), {
    ...every,
    host: ['a.example'],
    methods: ['GET'],
  })
})

t.test('a wrong match says what is wrong', async (t) => {
  const table: readonly (readonly [unknown, RegExp])[] = [
    ['catalog', /begin it with/],
    [{ path: 'catalog' }, /begin it with/],
    [{ path: 5 }, /not a path pattern/],
    [{ pathh: '/a' }, /pathh/],
    [{ host: [] }, /leave it out/],
    [{ host: ['a', '*'] }, /leave `host` out/],
    [{ methods: ['get'] }, /write GET/],
    [{ methods: ['CONNECT'] }, /never reaches a route/],
    [{ methods: ['G T'] }, /not a method/],
    [{ methods: [] }, /leave it out/],
    [{ headers: { 'x-beta': 1 } }, /quote it/],
    [{ headers: { 'x beta': '1' } }, /not a header name/],
    [{ headers: { Host: 'a' } }, /matched with `host:`/],
    [{ headers: { a: '~(' } }, /not closed/],
    [{ query: { a: true } }, /the boolean true: quote it/],
    [{ query: { a: '~(a)\\\\1' } }, /accepted|linear/],
  ]
  for (const [written, expected] of table) t.match(messages(matchSchema, written), expected, JSON.stringify(written))
})

t.test('a problem points at its key', async (t) => {
  const result = matchSchema.safeParse({ headers: { 'x beta': '1' } })
  t.same(result.error?.issues[0]?.path, ['headers', 'x beta'])
})

t.test('an upstream is a name, a URL or a weighted list', async (t) => {
  t.same(splitSchema.parse('catalog'), { choices: [{ to: 'catalog', weight: 1, isUrl: false }], isList: false })
  t.same(splitSchema.parse('http://localhost:3000/').choices, [{ to: 'http://localhost:3000', weight: 1, isUrl: true }])
  t.same(
    splitSchema.parse([
      { to: 'a', weight: 95 },
      { to: 'https://[::1]:8443', weight: 0 },
    ]),
    {
      choices: [
        { to: 'a', weight: 95, isUrl: false },
        { to: 'https://[::1]:8443', weight: 0, isUrl: true },
      ],
      isList: true,
    },
  )
})

t.test('a wrong upstream says what is wrong', async (t) => {
  const table: readonly (readonly [unknown, RegExp])[] = [
    ['localhost:3000', /did you mean http:\/\/localhost:3000/],
    ['ftp://a', /begin it with http/],
    ['http://', /write for example/],
    ['http://a/b', /rewrite/],
    ['http://a?b', /rewrite/],
    ['http://u:p@a', /credentials/],
    ['http://a:99999', /not a URL/],
    ['a b', /not an upstream/],
    [[], /empty/],
    [[{ to: 'a' }, { to: 'a' }], /twice/],
    [[{ to: 'a', weight: 0 }], /weight 0 only/],
    [[{ to: 'a', weight: -1 }], /negative/],
    [[{ to: 'a', weight: '95%' }], /not a number/],
    [[{ too: 'a' }], /too/],
    [5, /upstream/],
  ]
  for (const [written, expected] of table) t.match(messages(splitSchema, written), expected, JSON.stringify(written))
})

t.test('a rewrite keeps the host unless told otherwise', async (t) => {
  t.same(rewriteSchema.parse({ strip_prefix: '/catalog' }), { strip_prefix: '/catalog', host: 'keep' })
  for (const host of ['keep', 'upstream', 'backend.internal', 'backend.internal:8080', '[::1]']) {
    t.equal(rewriteSchema.parse({ host }).host, host)
  }
})

t.test('a wrong rewrite says what is wrong', async (t) => {
  const table: readonly (readonly [unknown, RegExp])[] = [
    [{ strip_prefix: 'a' }, /not a prefix/],
    [{ strip_prefix: '/' }, /not a prefix/],
    [{ strip_prefix: '/a/' }, /write \/a/],
    [{ strip_prefix: '/a/*' }, /literally/],
    [{ strip_prefix: '/a/../b' }, /write \/b/],
    [{ strip_prefix: '/%zz' }, /can arrive/],
    [{ path: 'v2' }, /begin with/],
    [{ path: '/v2?x=1' }, /query is passed on/],
    [{ path: '/../x' }, /not a normal path/],
    [{ path: '/.{path}' }, /not a normal path/],
    [{ path: '/é' }, /percent-encode/],
    [{ host: 'a b' }, /nor a host name/],
    [{ host: '{host}' }, /literally/],
    [{ hosts: 'a' }, /hosts/],
  ]
  for (const [written, expected] of table) t.match(messages(rewriteSchema, written), expected, JSON.stringify(written))
})

t.test('a name derived from a match is readable, and one that could be given', async (t) => {
  const table: readonly (readonly [unknown, string])[] = [
    [undefined, 'all'],
    ['/', 'root'],
    ['/**', 'all'],
    ['/catalog/**', 'catalog'],
    ['/users/{id}/orders', 'users/id/orders'],
    ['~^/v[12]/', 'v-12'],
    ['/caf%C3%A9', 'caf-C3-A9'],
    [{ host: 'shop.example.com', path: '/catalog/**' }, 'shop.example.com/catalog'],
    [{ host: '*.example.com' }, 'any.example.com'],
    [{ path: '/catalog', methods: ['GET', 'HEAD'] }, 'catalog.get.head'],
    [{ path: '/catalog', headers: { 'X-Beta': '1' }, query: { preview: '*' } }, 'catalog.x-beta.preview'],
    [{ methods: ['POST'] }, 'all.post'],
    [`/${'long/'.repeat(40)}`, 'long/'.repeat(16).slice(0, -1)],
  ]
  for (const [written, expected] of table) {
    const name = defaultRouteName(matchSchema.parse(written))
    t.equal(name, expected)
    t.ok(routeNameSchema.safeParse(name).success, name)
  }
  t.match(messages(routeNameSchema, '-a'), /not a route name/)
})

t.test('a match reads in one line', async (t) => {
  const match = matchSchema.parse({ host: 'a.example', methods: ['GET'], headers: { 'X-A': '1' }, query: { q: '*' } })
  t.equal(describeMatch(match), 'GET a.example /** x-a: 1 ?q=*')
  t.equal(patternLabel(match), '/**')
})

t.test('every key can be shown in JSON Schema', async (t) => {
  for (const schema of [matchSchema, rewriteSchema, splitSchema, routeNameSchema]) {
    t.doesNotThrow(() => z.toJSONSchema(schema, { io: 'input' }))
  }
})
