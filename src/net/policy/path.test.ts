import fc from 'fast-check'
import t from 'tap'
import { normalPath } from './path.ts'

const normal: [sent: string, form: string][] = [
  ['/', '/'],
  ['/a', '/a'],
  ['/a/', '/a/'],
  ['/a/b.c/d-e_f~g', '/a/b.c/d-e_f~g'],
  ["/!$&'()*+,=:@", "/!$&'()*+,=:@"],
  ['/.well-known/acme', '/.well-known/acme'],
  ['/...', '/...'],
  ['/..a/.b', '/..a/.b'],
  ['/a/.', '/a/'],
  ['/a/./b', '/a/b'],
  ['/a/..', '/'],
  ['/a/../', '/'],
  ['/a/../b', '/b'],
  ['/a/b/../../c', '/c'],
  ['/a/../admin', '/admin'],
  ['//', '/'],
  ['///a//b//', '/a/b/'],
  ['/a//../b', '/b'],
  ['/%61%2D%5f%7E', '/a-_~'],
  ['/a/%2e%2e/b', '/b'],
  ['/a/.%2e/b', '/b'],
  ['/a/%2E/b', '/a/b'],
  ['/%c3%a9', '/%C3%A9'],
  ['/%3a%40', '/%3A%40'],
  ['/a%20b', '/a%20b'],
  ['/a%3fb%23', '/a%3Fb%23'],
  ['/a"b<c>d^e`f{g|h}', '/a%22b%3Cc%3Ed%5Ee%60f%7Bg%7Ch%7D'],
  ['/a[1]', '/a%5B1%5D'],
  ['/a;b=c', '/a;b=c'],
  ['/a;b/c', '/a;b/c'],
  ['/a/b;..', '/a/b;..'],
  ['/%25', '/%25'],
  ['/100%25/x', '/100%25/x'],
  ['/a%252Fb', '/a%252Fb'],
  ['/file%252ename', '/file%252ename'],
  ['/feature%252Fx..y', '/feature%252Fx..y'],
]

const refused: [sent: string, because: string][] = [
  ['/..', 'root'],
  ['/../etc/passwd', 'root'],
  ['/a/../../b', 'root'],
  ['/%2e%2e/a', 'root'],
  ['/%2e%2E', 'root'],
  ['/a/%2e%2e/%2e%2e/b', 'root'],
  ['//..', 'root'],
  ['/%', 'percent'],
  ['/%2', 'percent'],
  ['/%zz', 'percent'],
  ['/%u002e', 'percent'],
  ['/a%', 'percent'],
  ['/%00', 'control'],
  ['/a%0d%0ab', 'control'],
  ['/%1F', 'control'],
  ['/%7f', 'control'],
  ['/\0', 'control'],
  ['/a\tb', 'control'],
  ['/\\', 'backslash'],
  ['/a\\..\\b', 'backslash'],
  ['/..\\a', 'backslash'],
  ['/%5c', 'backslash'],
  ['/a%5C..%5Cb', 'backslash'],
  ['/a%2fb', 'slash'],
  ['/a%2F..%2Fb', 'slash'],
  ['/..;/a', 'parameter'],
  ['/a/..;x=y/b', 'parameter'],
  ['/a/.;/b', 'parameter'],
  ['/a/;/b', 'parameter'],
  ['/;x/b', 'parameter'],
  ['/a/..%3b/b', 'parameter'],
  ['/a/%2e%2e;/b', 'parameter'],
  ['/a/%252e%252e/b', 'hidden-dots'],
  ['/a/.%252e/b', 'hidden-dots'],
  ['/a/%25252e%25252e/b', 'hidden-dots'],
  ['/a/..%252fb', 'hidden-dots'],
  ['/a/x%252f..', 'hidden-dots'],
  ['/a/..%255cb', 'hidden-dots'],
  ['/a/..%253bb', 'parameter'],
  ['/é', 'character'],
  ['/a b', 'character'],
  ['/a#b', 'character'],
]

t.test('every spelling of a path has one normal form', async (t) => {
  for (const [sent, form] of normal) {
    t.equal(normalPath(sent, 'refuse'), form, sent)
  }
})

t.test('a path that a backend could read in another way is refused with the reason', async (t) => {
  for (const [sent, because] of refused) t.same(normalPath(sent, 'refuse'), { because }, sent)
})

t.test('encoded slashes are kept as data where the operator says so, unless they hide dots', async (t) => {
  t.equal(normalPath('/a%2fb', 'keep'), '/a%2Fb')
  t.equal(normalPath('/repo/feature%2Fx/file', 'keep'), '/repo/feature%2Fx/file')
  t.equal(normalPath('/a%2f..b', 'keep'), '/a%2F..b')
  for (const sent of ['/a%2F..%2Fb', '/..%2fb', '/a%2f%2e%2e', '/a%2F./b']) {
    t.same(normalPath(sent, 'keep'), { because: 'hidden-dots' }, sent)
  }
  t.same(normalPath('/a%2F..;/b', 'keep'), { because: 'parameter' })
})

const piece = fc.constantFrom(
  ...[
    '/',
    '/',
    '.',
    '..',
    'a',
    'B',
    ';',
    '%2e',
    '%2E',
    '%2f',
    '%5c',
    '%25',
    '%252e',
    '%41',
    '%zz',
    '%',
    '\\',
    '|',
    '~',
  ],
  ...['%00', '%c3', '"', ' ', '\u00e9', '%3b', 'admin', '?'],
)
const path = fc.array(piece, { maxLength: 14 }).map((pieces) => `/${pieces.join('')}`)

for (const slashes of ['refuse', 'keep'] as const) {
  t.test(`a normal form stays as it is and hides nothing (encoded slashes: ${slashes})`, async (t) => {
    fc.assert(
      fc.property(path, (sent) => {
        const form = normalPath(sent, slashes)
        if (typeof form !== 'string') return true
        if (normalPath(form, slashes) !== form) return false
        if (/\/\/|\/\.{1,2}(\/|$)|\\|[^\x21-\x7e]|[#?]/.test(form)) return false
        if (/%(?![0-9A-F]{2})|%5C|%[01]|%7F|%2E/.test(form)) return false
        return slashes === 'keep' || !form.includes('%2F')
      }),
      { numRuns: 5000 },
    )
    t.pass('held')
  })
}

t.test('a backend that decodes once more finds no dot segment in a normal form', async (t) => {
  fc.assert(
    fc.property(path, (sent) => {
      const form = normalPath(sent, 'keep')
      if (typeof form !== 'string') return true
      const once = form.replace(/%([0-7][0-9A-F])/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
      return !once.split(/[/\\]/).some((part) => part === '.' || part === '..')
    }),
    { numRuns: 5000 },
  )
  t.pass('held')
})

t.test('long hostile paths cost time in proportion to their length', async (t) => {
  t.type(normalPath(`/${'%25'.repeat(10_000)}2e`, 'refuse'), 'string')
  t.equal(normalPath('/a/..'.repeat(6000), 'refuse'), '/')
  t.same(normalPath(`/${';'.repeat(30_000)}`, 'refuse'), { because: 'parameter' })
})
