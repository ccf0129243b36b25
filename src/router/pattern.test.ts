import t from 'tap'
import { matchesHost, parseHost, parsePath } from './pattern.ts'

function path(text: string) {
  const pattern = parsePath(text)
  if (typeof pattern === 'string') throw new Error(`${text} ${pattern}`)
  return pattern
}

t.test('a path pattern matches these paths and not those', async (t) => {
  const table: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['/', ['/'], ['/a', '*']],
    ['/a', ['/a'], ['/a/', '/A', '/ab', '/']],
    ['/a/', ['/a/'], ['/a', '/a/b']],
    ['/**', ['/', '/a', '/a/b/', '*'], []],
    ['/a/**', ['/a', '/a/', '/a/b', '/a/b/c'], ['/ab', '/', '/A/b']],
    ['/a/b/**', ['/a/b', '/a/b/c'], ['/a', '/a/bc']],
    ['/a/*', ['/a/b', '/a/b.c'], ['/a', '/a/', '/a/b/', '/a/b/c']],
    ['/a/*/', ['/a/b/'], ['/a/b', '/a//', '/a/b/c']],
    ['/*/b', ['/a/b', '/x/b'], ['/b', '/a/b/c', '/a/c']],
    ['/a/*/**', ['/a/b', '/a/b/', '/a/b/c/d'], ['/a', '/a/']],
    ['/users/{id}', ['/users/7'], ['/users', '/users/', '/users/7/x']],
    ['/users/{id}/orders/{order}', ['/users/7/orders/9'], ['/users/7/orders', '/users/7/order/9']],
    ['~^/v[12]/', ['/v1/', '/v2/x'], ['/v3/', '/a/v1/']],
    ['~\\.(?:jpe?g|png)$', ['/a/b.jpg', '/x.png'], ['/a.gif']],
    ['/caf%C3%A9', ['/caf%C3%A9'], ['/cafe']],
    ['/café/a b', ['/caf%C3%A9/a%20b'], []],
    ['/caf%c3%a9/%7euser', ['/caf%C3%A9/~user'], []],
  ]
  for (const [text, yes, no] of table) {
    for (const subject of yes) t.ok(path(text).matches(subject), `${text} matches ${subject}`)
    for (const subject of no) t.notOk(path(text).matches(subject), `${text} does not match ${subject}`)
    for (const subject of yes) t.ok(subject.startsWith(path(text).prefix), `${subject} begins with its prefix`)
  }
})

t.test('named segments and groups are captured as names and values', async (t) => {
  t.same(path('/users/{id}/orders/{order}').captures('/users/7/orders/a%20b'), ['id', '7', 'order', 'a%20b'])
  t.same(path('/*/{id}/**').captures('/x/7/y/z'), ['id', '7'])
  t.same(path('~^/(?<version>v\\d)/(?<rest>.*)').captures('/v2/a/b'), ['version', 'v2', 'rest', 'a/b'])
  t.same(path('/a/**').captures('/a/b'), [])
})

t.test('what is wrong with a path pattern is said in words', async (t) => {
  const table: readonly (readonly [string, RegExp])[] = [
    ['a', /begin it with/],
    ['', /begin it with/],
    ['/a/**/b', /before its end/],
    ['/a/*.jpg', /whole segments.*regular expression/],
    ['/a{id}', /whole segments/],
    ['/{id}/{id}', /twice/],
    ['/{}', /a name is/],
    ['/{a-b}', /a name is/],
    ['/{path}', /already means something/],
    ['~^/(?<host>.*)', /already means something/],
    ['/a//b', /empty segment/],
    ['/a/../b', /never arrives/],
    ['/a/./b', /never arrives/],
    ['/a%2', /never arrives/],
    ['/a\\b', /never arrives/],
    ['/a?b=1', /`query`/],
    ['~(', /not closed/],
    ['~(?=a)', /linear time/],
  ]
  for (const [text, expected] of table) {
    const found = parsePath(text)
    t.match(typeof found === 'string' ? found : 'accepted', expected, text)
  }
})

t.test('a host pattern is a name, or every name below one', async (t) => {
  const host = (text: string) => {
    const pattern = parseHost(text)
    if (typeof pattern === 'string') throw new Error(`${text} ${pattern}`)
    return pattern
  }
  t.ok(matchesHost(host('Shop.Example.com'), 'shop.example.com'))
  t.notOk(matchesHost(host('example.com'), 'shop.example.com'))
  const below = host('*.example.com')
  t.ok(matchesHost(below, 'shop.example.com'))
  t.ok(matchesHost(below, 'eu.shop.example.com'), 'however deep')
  t.notOk(matchesHost(below, 'example.com'), 'not the name itself')
  t.notOk(matchesHost(below, 'badexample.com'))
  t.ok(matchesHost(host('[::1]'), '::1'))
  t.ok(matchesHost(host('::1'), '::1'))
  t.equal(host('example.com.').text, 'example.com', 'a final dot is the same name')
})

t.test('what is wrong with a host pattern is said in words', async (t) => {
  const table: readonly (readonly [string, RegExp])[] = [
    ['*', /leave `host` out/],
    ['shop.*.com', /whole first label/],
    ['*shop.com', /whole first label/],
    ['bücher.example', /punycode/],
    ['example.com:8080', /port/],
    ['http://example.com', /not a host name/],
    ['a..b', /not a host name/],
    ['', /not a host name/],
    ['~^a', /not a host name/],
  ]
  for (const [text, expected] of table) {
    const found = parseHost(text)
    t.match(typeof found === 'string' ? found : 'accepted', expected, text)
  }
})
