/** The `admin` section: defaults, forms of addresses and tokens, and when a token is a must. */
import t from 'tap'
import { adminSchema, checkAdmin } from './schema.ts'

t.test('nothing written means loopback without a token', async (t) => {
  t.same(adminSchema.parse(undefined), { address: '127.0.0.1:9900', token: '' })
  t.same(adminSchema.parse({}), { address: '127.0.0.1:9900', token: '' })
  t.same(checkAdmin({ address: '127.0.0.1:9900', token: '' }), [])
})

t.test('false switches it off', async (t) => {
  t.equal(adminSchema.parse(false), false)
  t.notOk(adminSchema.safeParse(true).success)
})

t.test('every form of address that only this machine can reach goes without a token', async (t) => {
  for (const address of ['127.0.0.1:1', '127.9.9.9:1', 'localhost:1', '[::1]:1', 'unix:/run/admin.sock']) {
    t.ok(adminSchema.safeParse({ address }).success, address)
    t.same(checkAdmin({ address, token: '' }), [], address)
  }
})

t.test('every other address needs a token', async (t) => {
  for (const address of ['0.0.0.0:1', ':9900', '[::]:9900', '10.0.0.1:9900', 'gateway.example:1', '[fd00::1]:1']) {
    t.ok(adminSchema.safeParse({ address }).success, address)
    t.match(checkAdmin({ address, token: '' }), [{ path: ['admin', 'address'], message: /no token/ }], address)
    t.same(checkAdmin({ address, token: 'x'.repeat(16) }), [], address)
    t.match(checkAdmin({ address, token: 'short' }), [{ path: ['admin', 'token'], severity: 'warning' }], address)
  }
})

t.test('what is no address or no token is said to be none', async (t) => {
  for (const address of [
    '',
    '9900',
    'localhost',
    '127.0.0.1:99999',
    '[::1',
    'unix:relative',
    '::1:80',
    'a b:80',
    9900,
  ]) {
    t.notOk(adminSchema.safeParse({ address }).success, String(address))
  }
  for (const token of ['two words', 'ümlaut', 'line\nbreak', 'quote"', 'a=b', 5]) {
    t.notOk(adminSchema.safeParse({ token }).success, String(token))
  }
  t.notOk(adminSchema.safeParse({ adress: ':1' }).success, 'unknown keys are errors')
})
