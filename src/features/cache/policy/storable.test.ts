import t from 'tap'
import { requestDirectives, responseDirectives } from './directives.ts'
import { lifetimeOf } from './freshness.ts'
import { storable } from './storable.ts'

const rules = { overrideMs: undefined, fallbackMs: 0, negativeMs: new Map<number, number>() }

function judge(
  response: string[],
  options: { method?: string; status?: number; request?: string[]; ignores?: boolean } = {},
) {
  const { method = 'GET', status = 200, request = [], ignores = false } = options
  const { directives, isTargeted } = responseDirectives(response)
  const lifetime = lifetimeOf(status, response, directives, isTargeted, 0, rules)
  const verdict = storable(
    method,
    request,
    requestDirectives(request),
    { status, headers: response, directives, lifetime },
    ignores,
  )
  return verdict.store ? 'stored' : verdict.because
}

const fresh = ['Cache-Control', 'max-age=60']

t.test('an answer with explicit freshness is kept, whatever its status', async (t) => {
  for (const status of [200, 299, 301, 302, 404, 499, 500, 503, 599])
    t.equal(judge(fresh, { status }), 'stored', String(status))
})

t.test('an answer without freshness and without a validator is not worth keeping', async (t) => {
  t.equal(judge([]), 'no-freshness')
  t.equal(judge(['Cache-Control', 'max-age=0']), 'no-freshness')
  t.equal(judge(['Cache-Control', 'no-cache', 'ETag', '"a"']), 'stored')
  t.equal(judge(['ETag', '"a"'], { status: 403 }), 'no-freshness')
})

t.test('what belongs to one user is never kept for others', async (t) => {
  t.equal(judge(['Cache-Control', 'private, max-age=60']), 'private')
  t.equal(judge(['Cache-Control', 'no-store, max-age=60']), 'no-store')
  t.equal(judge([...fresh, 'Set-Cookie', 'a=b']), 'set-cookie')
  t.equal(judge(['Cache-Control', 'public, max-age=60', 'Set-Cookie', 'a=b']), 'stored')
  for (const form of ['no-cache="Set-Cookie"', 'private="set-cookie, x"'])
    t.equal(judge(['Cache-Control', `max-age=60, ${form}`, 'Set-Cookie', 'a=b']), 'stored', form)
  t.equal(judge(['Cache-Control', 'max-age=60, no-cache="x"', 'Set-Cookie', 'a=b']), 'set-cookie')
})

t.test(
  'an answer to a request with Authorization is kept only where the origin allows it (RFC 9111 §3.5)',
  async (t) => {
    const request = ['Authorization', 'Basic x']
    t.equal(judge(fresh, { request }), 'authorization')
    for (const allowed of ['public', 'must-revalidate', 's-maxage=60']) {
      t.equal(judge(['Cache-Control', `max-age=60, ${allowed}`], { request }), 'stored', allowed)
    }
  },
)

t.test('must-understand voids no-store for statuses that are understood (RFC 9111 §5.2.2.3)', async (t) => {
  const response = ['Cache-Control', 'max-age=60, no-store, must-understand']
  t.equal(judge(response), 'stored')
  t.equal(judge(response, { status: 599 }), 'no-store')
})

t.test('partial, not-modified and interim answers are not kept by themselves', async (t) => {
  for (const status of [103, 206, 304]) t.equal(judge(fresh, { status }), 'status', String(status))
})

t.test('a Vary of * is found among other members (RFC 9111 §4.1)', async (t) => {
  for (const vary of ['*', '*, *', ', *', 'foo, *']) t.equal(judge([...fresh, 'Vary', vary]), 'vary-star', vary)
})

t.test('a client that says no-store is obeyed (RFC 9111 §5.2.1.5)', async (t) => {
  t.equal(judge(fresh, { request: ['Cache-Control', 'no-store'] }), 'request-no-store')
})

t.test('methods other than GET are not kept, but for a POST with explicit freshness (RFC 9110 §9.3.3)', async (t) => {
  t.equal(judge(fresh, { method: 'PUT' }), 'method')
  t.equal(judge(fresh, { method: 'POST' }), 'stored')
  t.equal(judge(['Last-Modified', 'Thu, 01 Jan 1960 00:00:00 GMT'], { method: 'POST' }), 'method')
})

t.test('ignore_origin keeps against no-store and private, but never a cookie', async (t) => {
  t.equal(judge(['Cache-Control', 'no-store, private, max-age=5'], { ignores: true }), 'stored')
  t.equal(judge([...fresh, 'Set-Cookie', 'a=b'], { ignores: true }), 'set-cookie')
})
