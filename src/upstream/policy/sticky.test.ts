import fc from 'fast-check'
import t from 'tap'
import { cookieText } from '../../core/cookies.ts'
import { type CookieRules, cookieFaults, setCookie, stick } from './sticky.ts'

const rules: CookieRules = {
  cookie: 'gw',
  path: '/',
  ttl: 0,
  same_site: 'lax',
  secure: 'auto',
  http_only: true,
}

t.test('a client keeps its endpoint while that can be used, else it moves', async (t) => {
  const endpoints = new Map([
    ['t1', 'a'],
    ['t2', 'b'],
  ])
  t.same(
    stick([], endpoints, () => true),
    { use: undefined, because: 'new' },
  )
  t.same(
    stick(['t2'], endpoints, () => true),
    { use: 'b', because: 'kept' },
  )
  t.same(
    stick(['t2'], endpoints, (endpoint) => endpoint !== 'b'),
    { use: undefined, because: 'moved' },
  )
  t.same(
    stick(['forged'], endpoints, () => true),
    { use: undefined, because: 'moved' },
  )
})

t.test('whatever other cookies hold, the value that was set is the value that is read', async (t) => {
  const other = fc.record({
    name: fc.stringMatching(/^[a-z_]{1,6}$/).filter((name) => name !== 'gw'),
    value: fc.stringMatching(/^[!-:<-~]{0,8}$/),
  })
  const property = fc.property(fc.array(other), fc.array(other), (before, after) => {
    const line = [...before, { name: 'gw', value: 'token' }, ...after].map(({ name, value }) => `${name}=${value}`)
    return cookieText(['Cookie', line.join('; ')], 'gw') === 'token'
  })
  fc.assert(property)
  t.pass('holds')
})

t.test('the cookie says what was configured', async (t) => {
  t.equal(setCookie(rules, 'x', false), 'gw=x; Path=/; HttpOnly; SameSite=Lax')
  t.equal(setCookie(rules, 'x', true), 'gw=x; Path=/; HttpOnly; Secure; SameSite=Lax')
  const own: CookieRules = { ...rules, path: '/a', ttl: 90_001, same_site: 'none', secure: true, http_only: false }
  t.equal(setCookie(own, 'x', false), 'gw=x; Path=/a; Max-Age=91; Secure; SameSite=None')
  t.equal(
    setCookie({ ...rules, secure: false, same_site: 'strict' }, 'x', true),
    'gw=x; Path=/; HttpOnly; SameSite=Strict',
  )
})

t.test('what browsers would refuse is a fault', async (t) => {
  const keys = (some: Partial<CookieRules>) => cookieFaults({ ...rules, ...some }).map(({ key }) => key)
  t.same(keys({}), [])
  t.same(keys({ same_site: 'none' }), ['same_site'])
  t.same(keys({ same_site: 'none', secure: true }), [])
  t.same(keys({ cookie: '__Secure-gw' }), ['cookie'])
  t.same(keys({ cookie: '__Host-gw', secure: true, path: '/a' }), ['cookie'])
  t.same(keys({ cookie: '__Host-gw', secure: true }), [])
})
