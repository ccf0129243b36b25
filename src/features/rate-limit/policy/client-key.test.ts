import t from 'tap'
import { clientKey } from './client-key.ts'

t.test('an IPv4 address counts as itself, also when it is written as IPv6', async (t) => {
  t.equal(clientKey('203.0.113.7'), '203.0.113.7')
  t.equal(clientKey('::ffff:203.0.113.7'), '203.0.113.7')
  t.equal(clientKey('unix'), 'unix')
})

t.test('IPv6 addresses count by their first 64 bits, however they are written', async (t) => {
  for (const address of ['2001:db8:0:1::1', '2001:db8:0:1:ffff::', '2001:DB8:0:0001:2:3:4:5', '2001:0db8::1:0:0:0:9']) {
    t.equal(clientKey(address), '2001:db8:0:1::/64', address)
  }
  t.equal(clientKey('::1'), '0:0:0:0::/64')
  t.equal(clientKey('::'), '0:0:0:0::/64')
  t.equal(clientKey('fe80::'), 'fe80:0:0:0::/64')
  t.not(clientKey('2001:db8:0:2::1'), clientKey('2001:db8:0:1::1'))
})
