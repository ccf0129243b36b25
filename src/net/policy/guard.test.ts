import fc from 'fast-check'
import t from 'tap'
import { parseAuthority } from './authority.ts'
import { type Accepted, checkRequest, type Refusal } from './guard.ts'

const limits = { headerCount: 100, encodedSlashes: 'refuse' } as const

function check(method: string, target: string, headers: string[], version = '1.1'): Accepted | Refusal {
  return checkRequest({ method, target, version }, headers, limits)
}

function get(target: string, ...headers: string[]): Accepted | Refusal {
  return check('GET', target, ['Host', 'example.com', ...headers])
}

const host = ['Host', 'example.com']

t.test('a plain request is taken apart', async (t) => {
  t.same(get('/a/b?c=d?e'), {
    refused: undefined,
    authority: 'example.com',
    host: 'example.com',
    path: '/a/b',
    query: '?c=d?e',
    length: 0,
    expectsContinue: false,
  })
  t.match(get('/?'), { path: '/', query: '?' })
  t.match(get('/?a=//../%2e%zz\\;|"'), { path: '/', query: '?a=//../%2e%zz\\;|"' })
})

t.test('unusual methods pass, those of other protocols do not', async (t) => {
  for (const method of ['PROPFIND', 'QUERY', 'PURGE', 'M-SEARCH', 'DELETE', 'LINK']) {
    t.equal(check(method, '/', host).refused, undefined, method)
  }
  for (const method of ['DESCRIBE', 'SETUP', 'GET_PARAMETER', 'PRI', '', 'G T', 'GET\r\n']) {
    t.equal(check(method, '/', host).refused, 'bad_request', method)
  }
  t.equal(check('CONNECT', 'example.com:80', host).refused, 'method_refused')
  t.equal(check('TRACE', '/', host).refused, 'method_refused')
})

t.test('only HTTP/1.1 and HTTP/1.0 are spoken', async (t) => {
  for (const version of ['0.9', '2.0', '1.2', '3.0', ''])
    t.equal(check('GET', '/', host, version).refused, 'bad_request')
  t.equal(check('GET', '/', host, '1.0').refused, undefined)
})

t.test('exactly one Host is needed, but for HTTP/1.0, which may have none', async (t) => {
  t.equal(check('GET', '/', []).refused, 'bad_host')
  t.equal(check('GET', '/', ['Host', 'a', 'host', 'a']).refused, 'bad_host')
  t.equal(check('GET', '/', ['Host', 'a', 'HOST', 'b'], '1.0').refused, 'bad_host')
  t.match(check('GET', '/', [], '1.0'), { refused: undefined, authority: '', host: '' })
  t.equal(check('GET', '/', ['Host', ''], '1.1').refused, 'bad_host')
})

t.test('a host is read in one way, or not at all', async (t) => {
  const good: [string, string, string][] = [
    ['example.com', 'example.com', 'example.com'],
    ['EXAMPLE.com:8080', 'example.com:8080', 'example.com'],
    ['example.com.', 'example.com.', 'example.com'],
    ['example.com.:80', 'example.com.:80', 'example.com'],
    ['my_service:3000', 'my_service:3000', 'my_service'],
    ['127.0.0.1', '127.0.0.1', '127.0.0.1'],
    ['[::1]', '[::1]', '::1'],
    ['[2001:DB8::1]:443', '[2001:db8::1]:443', '2001:db8::1'],
    ['[::ffff:1.2.3.4]', '[::ffff:1.2.3.4]', '::ffff:1.2.3.4'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ]
  for (const [text, authority, name] of good) t.same(parseAuthority(text), { authority, host: name }, text)
  const bad = [
    ...['', ' ', 'a b', 'a,b', 'a/b', 'a\\b', 'a?b', 'a#b', 'user@a', 'user:pw@a', '@a', 'a@', 'a%00', 'a%2eb', 'a\0'],
    ...['a:', 'a:b', 'a:0', 'a:65536', 'a:080000', 'a:80:80', 'a:+80', 'a: 80', 'a:-1', 'a:8_0', ':80', ':', '.', '..'],
    ...['.a', 'a..b', '-a', '[', '[]', '[::1', '::1', '[::1]a', '[::1]:', '[1.2.3.4]', '[::1%25eth0]', '[fe80::1%1]'],
    ...[
      '[:::1]',
      '[1:2:3:4:5:6:7:8:9]',
      '[1::2::3]',
      '[12345::]',
      '[v1.a]',
      '\u00e9.example',
      'a;b',
      'a=b',
      '"a"',
      "a'b",
    ],
    ...['http://a', 'a*', '*', '*.a', '$a', 'a|b', '{a}', 'a'.repeat(300)],
  ]
  for (const text of bad) t.equal(parseAuthority(text), undefined, JSON.stringify(text))
})

t.test('the length of the content is known, or the request refused', async (t) => {
  const good: [string[], number][] = [
    [['Content-Length', '0'], 0],
    [['content-length', '12'], 12],
    [['Content-Length', '003'], 3],
    [['Transfer-Encoding', 'chunked'], -1],
    [['transfer-encoding', 'Chunked'], -1],
  ]
  for (const [headers, length] of good)
    t.match(get('/', ...headers), { refused: undefined, length }, headers.join(': '))
  const bad: string[][] = [
    ...['', '+1', '-1', '0x1', '1e3', '1.0', '1,1', '1, 1', '1 1', ' ', 'one', '1;', '18446744073709551616'].map(
      (length) => ['Content-Length', length],
    ),
    ['Content-Length', '9007199254740993'],
    ['Content-Length', '1', 'Content-Length', '1'],
    ['Content-Length', '1', 'CONTENT-LENGTH', '2'],
    ['Content-Length', '1', 'Transfer-Encoding', 'chunked'],
    ['Transfer-Encoding', 'chunked', 'Content-Length', '0'],
    ['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'],
    ['Transfer-Encoding', 'identity', 'Transfer-Encoding', 'chunked'],
    ...[
      '',
      'identity',
      'gzip',
      'gzip, chunked',
      'chunked, chunked',
      'chunked, identity',
      ' chunked',
      'chunked;a=b',
    ].map((coding) => ['Transfer-Encoding', coding]),
    ...['xchunked', '"chunked"', 'chunked,', ',chunked', 'chunk', 'chunked\t'].map((coding) => [
      'Transfer-Encoding',
      coding,
    ]),
    ['content_length', '1'],
    ['Transfer_Encoding', 'chunked'],
  ]
  for (const headers of bad) t.equal(get('/', ...headers).refused, 'bad_framing', headers.join(': '))
  t.equal(check('GET', '/', [...host, 'Transfer-Encoding', 'chunked'], '1.0').refused, 'bad_framing')
})

t.test('the target says one place', async (t) => {
  t.match(get('http://example.com/a?b'), { host: 'example.com', path: '/a', query: '?b' })
  t.match(get('HTTP://EXAMPLE.COM:80'), { authority: 'example.com:80', path: '/', query: '' })
  t.match(get('http://example.com?x'), { path: '/', query: '?x' })
  t.match(check('GET', 'http://b/c', [], '1.0'), { authority: 'b', path: '/c' })
  t.match(check('OPTIONS', '*', host), { path: '*', query: '' })
  t.match(check('OPTIONS', 'http://example.com', host), { path: '*' })
  for (const target of ['*', '', 'a', '?a', 'a/b', '/a#b', '#', '/a b', '/\u00e9', '/a\x7f', 'ftp://example.com/']) {
    t.equal(get(target).refused, 'bad_target', JSON.stringify(target))
  }
  for (const target of [
    'http:///a',
    'http:/a',
    'http:a',
    'http://u@example.com/',
    'http://example.com:/',
    'http://[::1/',
  ]) {
    t.equal(get(target).refused, 'bad_target', target)
  }
  for (const target of ['http://other/', 'http://example.com:81/', 'https://example.com:80/', 'http://example.com./']) {
    t.equal(get(target).refused, 'bad_host', target)
  }
  t.match(get('/a/../../b'), { refused: 'bad_target', detail: 'path: root' })
})

t.test('names and values that no parser should have let pass are refused here too', async (t) => {
  for (const name of ['', 'a b', 'a:', 'a\0', 'a\r', 'a\n', '\u00e9', 'a(', 'a/b', 'a"']) {
    t.equal(get('/', name, 'x').refused, 'bad_header', JSON.stringify(name))
  }
  for (const value of ['a\0', 'a\r', 'a\nb', 'a\r\n b', '\x7f', '\x01', '\u0100']) {
    t.equal(get('/', 'X', value).refused, 'bad_header', JSON.stringify(value))
  }
  t.equal(get('/', 'X', 'a\tb\xff', '__proto__', 'x', 'constructor', '').refused, undefined)
})

t.test('more fields than header_count are refused', async (t) => {
  const fields = new Array(100).fill(['a', 'b']).flat()
  t.equal(get('/', ...fields).refused, 'header_too_large')
  t.equal(get('/', ...fields.slice(2)).refused, undefined)
})

t.test('no expectation but 100-continue is met', async (t) => {
  t.match(get('/', 'Expect', '100-Continue', 'Content-Length', '1'), { refused: undefined, expectsContinue: true })
  t.match(get('/', 'Expect', '100-continue'), { refused: undefined, expectsContinue: false })
  for (const value of ['', '200-ok', '100-continue, x', '100-continue;a']) {
    t.equal(get('/', 'Expect', value).refused, 'expectation_failed', value)
  }
  t.equal(get('/', 'Expect', '100-continue', 'Expect', '100-continue').refused, 'expectation_failed')
  t.match(check('POST', '/', [...host, 'Expect', 'x'], '1.0'), { refused: undefined, expectsContinue: false })
})

t.test('whatever comes is read or refused, without a throw', async (t) => {
  const any = fc.string({ unit: 'binary', maxLength: 20 })
  const name = fc.oneof(any, fc.constantFrom('Host', 'Content-Length', 'Transfer-Encoding', 'Expect', 'Connection'))
  const value = fc.oneof(any, fc.constantFrom('a', '1', 'chunked', '100-continue', 'close'))
  const target = fc.oneof(
    any,
    any.map((text) => `/${text}`),
    any.map((text) => `http://${text}`),
  )
  fc.assert(
    fc.property(target, fc.array(fc.tuple(name, value), { maxLength: 5 }), (sent, fields) => {
      const verdict = check('POST', sent, fields.flat())
      if (verdict.refused !== undefined) return true
      return /^(?:\*|\/[\x21-\x7e]*)$/.test(verdict.path) && verdict.host !== '' && verdict.length >= -1
    }),
    { numRuns: 3000 },
  )
  t.pass('held')
})
