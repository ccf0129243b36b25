import fc from 'fast-check'
import t from 'tap'
import { joinedValue } from '../../core/headers.ts'
import { directIdentity, parseForwarded, proxiedIdentity } from './forwarded.ts'

const isTrusted = (address: string): boolean => address.startsWith('10.') || address === '::1' || address === 'fd00::1'

function proxied(...headers: string[]) {
  return proxiedIdentity('10.0.0.1', 'http', 'shop.example', headers, isTrusted)
}

const client = (...headers: string[]): string => proxied(...headers).peer.client
const xff = (list: string): string => client('X-Forwarded-For', list)

t.test('a client that is not trusted is who it connects as, whatever it claims', async (t) => {
  t.same(directIdentity('192.0.2.1', 'http', 'shop.example'), {
    peer: {
      address: '192.0.2.1',
      client: '192.0.2.1',
      trusted: false,
      forwarded: [...['X-Forwarded-For', '192.0.2.1', 'X-Forwarded-Proto', 'http', 'X-Forwarded-Host', 'shop.example']],
    },
    scheme: 'http',
  })
  t.notMatch(directIdentity('192.0.2.1', 'http', '').peer.forwarded.join(), 'X-Forwarded-Host')
})

t.test('behind trusted proxies the client is the rightmost address that is not one of them', async (t) => {
  t.equal(xff('192.0.2.1'), '192.0.2.1')
  t.equal(xff('198.51.100.9, 192.0.2.1'), '192.0.2.1')
  t.equal(xff('198.51.100.9, 192.0.2.1, 10.0.0.3'), '192.0.2.1')
  t.equal(xff('10.0.0.4, 10.0.0.3'), '10.0.0.4')
  t.equal(client('X-Forwarded-For', '198.51.100.9', 'x-forwarded-for', '192.0.2.1'), '192.0.2.1')
  t.equal(xff('192.0.2.1:4711'), '192.0.2.1')
  t.equal(xff('[2001:DB8::1]:4711, [::1]'), '2001:db8::1')
  t.equal(xff('2001:db8::1'), '2001:db8::1')
  t.equal(xff('::ffff:192.0.2.1'), '192.0.2.1')
  t.equal(client(), '10.0.0.1')
})

t.test('what is no address is not believed, nor anything to the left of it', async (t) => {
  for (const garbage of [
    '',
    ' ',
    'unknown',
    '_hidden',
    'localhost',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4.5',
    'a:b',
  ]) {
    t.equal(xff(`192.0.2.1, ${garbage}`), '10.0.0.1', garbage)
    t.equal(xff(`192.0.2.1, ${garbage}, 10.0.0.7`), '10.0.0.7', garbage)
  }
  for (const garbage of ['1.2.3.4:x', '[::1', '[1.2.3.4]', '::1%eth0', '<script>', '"192.0.2.1"', "1.2.3.4'", ',,,']) {
    t.equal(xff(garbage), '10.0.0.1', garbage)
  }
})

t.test('Forwarded is read where a proxy writes that', async (t) => {
  t.equal(client('Forwarded', 'for=192.0.2.1'), '192.0.2.1')
  t.equal(client('Forwarded', 'For="[2001:db8::1]:80";proto=https;by=10.0.0.1'), '2001:db8::1')
  t.equal(client('Forwarded', 'for=198.51.100.9, for=192.0.2.1;host=a , for=10.0.0.5'), '192.0.2.1')
  t.equal(client('Forwarded', 'for=198.51.100.9', 'Forwarded', 'for=192.0.2.1'), '192.0.2.1')
  t.equal(client('Forwarded', 'for=192.0.2.1, proto=http'), '10.0.0.1')
  t.equal(client('Forwarded', 'for=192.0.2.1, for=_secret'), '10.0.0.1')
  t.equal(client('Forwarded', 'for=192.0.2.1, for=unknown, for=10.0.0.9'), '10.0.0.9')
  for (const garbage of [
    '',
    ',',
    ';',
    'for',
    'for=',
    'for="192.0.2.1',
    'for=192.0.2.1,',
    'for=1.1.1.1;for=192.0.2.1',
    '=a',
  ]) {
    t.equal(client('Forwarded', garbage), '10.0.0.1', garbage)
  }
})

t.test('two lists that name different clients are both not believed', async (t) => {
  t.equal(client('X-Forwarded-For', '192.0.2.1', 'Forwarded', 'for=198.51.100.9'), '10.0.0.1')
  t.equal(client('X-Forwarded-For', '192.0.2.1', 'Forwarded', 'for=192.0.2.1'), '192.0.2.1')
})

t.test('what a trusted proxy reports is passed on and extended', async (t) => {
  const { peer, scheme } = proxied(
    ...['X-Forwarded-For', '192.0.2.1, garbage, 10.0.0.3', 'X-Forwarded-Proto', 'HTTPS'],
    ...['X-Forwarded-Host', 'Public.example:8443', 'Forwarded', 'for=192.0.2.1'],
  )
  t.equal(scheme, 'https')
  t.equal(peer.trusted, true)
  t.same(peer.forwarded, [
    ...['X-Forwarded-For', '192.0.2.1, 10.0.0.3, 10.0.0.1', 'X-Forwarded-Proto', 'https'],
    ...['X-Forwarded-Host', 'public.example:8443'],
    ...['Forwarded', 'for=192.0.2.1, for=10.0.0.1;host=shop.example;proto=http'],
  ])
})

t.test('Forwarded is only sent where a trusted proxy sent one, and never one that cannot be read', async (t) => {
  t.equal(joinedValue(proxied('X-Forwarded-For', '192.0.2.1').peer.forwarded, 'forwarded'), undefined)
  const own = 'for=10.0.0.1;host=shop.example;proto=http'
  t.equal(joinedValue(proxied('Forwarded', 'for="broken').peer.forwarded, 'forwarded'), own)
  const six = proxiedIdentity('fd00::1', 'http', 'a:8080', ['Forwarded', 'for=_a'], isTrusted)
  t.equal(joinedValue(six.peer.forwarded, 'forwarded'), 'for=_a, for="[fd00::1]";host="a:8080";proto=http')
})

t.test('a scheme or host that makes no sense is replaced by what we see', async (t) => {
  const { peer, scheme } = proxied('X-Forwarded-Proto', 'javascript', 'X-Forwarded-Host', 'evil/../x@y')
  t.equal(scheme, 'http')
  t.equal(joinedValue(peer.forwarded, 'x-forwarded-proto'), 'http')
  t.equal(joinedValue(peer.forwarded, 'x-forwarded-host'), 'shop.example')
  t.equal(proxied('X-Forwarded-Proto', 'https, http').scheme, 'http')
  t.equal(proxied('Forwarded', 'for=192.0.2.1;proto=https').scheme, 'https')
})

t.test('quoted strings of Forwarded are unquoted, and its elements kept apart', async (t) => {
  t.same(parseForwarded('for="a,b;c=\\"d\\"";proto=http, by=x'), [
    { for: 'a,b;c="d"', proto: 'http' },
    { for: undefined, proto: undefined },
  ])
  t.equal(parseForwarded('for=a b'), undefined)
})

t.test('no list makes it throw, and the client is always an address', async (t) => {
  const part = fc.constantFrom(
    ...[
      'for=',
      '10.0.0.1',
      '192.0.2.1',
      ',',
      ';',
      '"',
      '\\',
      '[',
      ']',
      ':',
      '::1',
      ' ',
      '=',
      'proto=https',
      'unknown',
      'x',
    ],
  )
  const list = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(list, list, (standard, listed) => {
      const { peer } = proxied('Forwarded', standard, 'X-Forwarded-For', listed)
      return /^[0-9a-f.:]+$/.test(peer.client) && !peer.forwarded.some((text) => /[\r\n]/.test(text))
    }),
    { numRuns: 5000 },
  )
  t.pass('held')
})
