import t from 'tap'
import { unreachableRoutes } from './lint.ts'
import { matchSchema } from './schema.ts'

function unreachable(...matches: unknown[]): string[] {
  const routes = matches.map((written, i) => ({ name: `r${i}`, match: matchSchema.parse(written) }))
  return unreachableRoutes(routes).map(({ path, message }) => `${path.join('.')} ${message}`)
}

t.test('a route behind one that matches everything of it is an error', async (t) => {
  const table: readonly (readonly [unknown, unknown])[] = [
    [{}, '/a'],
    ['/**', { host: 'a.example' }],
    ['/a', '/a'],
    ['/a/**', '/a'],
    ['/a/**', '/a/'],
    ['/a/**', '/a/b/{id}'],
    ['/a/**', '/a/b/**'],
    ['/a/*', '/a/b'],
    ['/a/{id}', '/a/*'],
    ['/*/b/**', '/a/b/c'],
    ['~^/a', '/abc'],
    ['~^/a', '~^/a'],
    ['/a/**', '~^/a/b[12]'],
    [{ host: '*.example.com' }, { host: ['a.example.com', '*.b.example.com'] }],
    [{ host: ['b.example', 'a.example'] }, { host: 'a.example' }],
    [{ methods: ['GET', 'HEAD'] }, { methods: ['GET'] }],
    [{ headers: { 'X-A': '*' } }, { headers: { 'x-a': '1', 'x-b': '2' } }],
    [{ headers: { a: '~^1' } }, { headers: { a: '12' } }],
    [{ query: { q: '1' } }, { path: '/a', query: { q: '1' } }],
  ]
  for (const [outer, inner] of table) {
    const found = unreachable(outer, inner)
    t.equal(found.length, 1, `${JSON.stringify(outer)} covers ${JSON.stringify(inner)}`)
    t.match(found[0], /routes\.1\.match can never be reached: routes\[0\] \(r0\)/)
  }
})

t.test('a route that some request can reach is left alone', async (t) => {
  const table: readonly (readonly [unknown, unknown])[] = [
    ['/a', {}],
    ['/a', '/a/'],
    ['/a/*', '/a/'],
    ['/a/*', '/a/**'],
    ['/a/b', '/a/*'],
    ['/a/**', '/ab'],
    ['/a/**', '~^/a'],
    ['/a/**', '~/a/'],
    ['~^/a/', '/a/**'],
    ['/{a}/b', '/a/{b}'],
    [{ host: 'a.example' }, {}],
    [{ host: '*.example.com' }, { host: 'example.com' }],
    [{ host: 'a.example' }, { host: ['a.example', 'b.example'] }],
    [{ methods: ['GET'] }, {}],
    [{ methods: ['GET'] }, { methods: ['GET', 'POST'] }],
    [{ headers: { a: '1' } }, { headers: { a: '*' } }],
    [{ headers: { a: '1' } }, { headers: { a: '2' } }],
    [{ headers: { a: '1' } }, { query: { a: '1' } }],
    [{ query: { a: '~1' } }, { query: { a: '~2' } }],
  ]
  for (const [outer, inner] of table) {
    t.same(unreachable(outer, inner), [], `${JSON.stringify(outer)} before ${JSON.stringify(inner)}`)
  }
})

t.test('each unreachable route is reported once, with the first that hides it', async (t) => {
  const found = unreachable({}, '/a', '/b')
  t.equal(found.length, 2)
  t.match(found[1], /routes\.2\.match .* routes\[0\]/)
})
