import fc from 'fast-check'
import t from 'tap'
import { changedPaths } from './diff.ts'
import { redacted } from './redact.ts'

t.test('secrets are replaced, wherever they stand', async (t) => {
  const shown = redacted({
    admin: { address: ':9900', token: 's3cret' },
    redis: { url: 'redis://user:s3cret@host:6379/0' },
    routes: [{ request_headers: { set: { Authorization: 'Basic s3cret', 'X-Api-Key': 's3cret', Accept: 'x' } } }],
    logs: { redact: ['authorization', 'cookie'] },
  })
  t.notMatch(JSON.stringify(shown), /s3cret/)
  t.match(shown, {
    admin: { address: ':9900', token: '***' },
    redis: { url: 'redis://***@host:6379/0' },
    routes: [{ request_headers: { set: { Accept: 'x' } } }],
    logs: { redact: ['authorization', 'cookie'] },
  })
})

t.test('what changed is told by paths, never by values', async (t) => {
  const before = { routes: [{ name: 'a', token: 'old' }], admin: false }
  const after = { routes: [{ name: 'a', token: 'new' }, { name: 'b' }], admin: { address: 'x' } }
  t.same(changedPaths(before, after), ['routes[0].token', 'routes[1]', 'admin'])
  t.same(changedPaths(before, structuredClone(before)), [])
  fc.assert(fc.property(fc.jsonValue(), (value) => changedPaths(value, structuredClone(value)).length === 0))
})
