import t from 'tap'
import { type ErrorCode, errorTable, GatewayError } from '../../../core/errors.ts'
import { isHelped, mayAnswer, mayAskAnother } from './decide.ts'

const codes = Object.keys(errorTable) as ErrorCode[]

t.test('what the client did wrong or asked for, and faults of our own, are never hidden', async (t) => {
  const helped = codes.filter((code) => isHelped(new GatewayError(code)))
  for (const code of helped) t.not(new GatewayError(code).source, 'client', code)
  for (const code of ['connect_failed', 'response_timeout', 'truncated', 'no_endpoint', 'upstream_busy'] as const) {
    t.ok(helped.includes(code), code)
  }
  for (const code of ['internal', 'not_cached', 'draining', 'client_gone', 'body_too_large'] as const) {
    t.notOk(helped.includes(code), code)
  }
})

t.test('another upstream is asked only for what may be sent twice, or was not sent', async (t) => {
  const sent = new GatewayError('response_timeout')
  const unsent = new GatewayError('connect_failed')
  const refused = new GatewayError('upstream_busy')
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'QUERY', 'PUT', 'DELETE']) {
    for (const why of [sent, unsent, refused, undefined]) t.ok(mayAskAnother(method, why), method)
  }
  for (const method of ['POST', 'PATCH', 'X-OWN', 'get']) {
    t.notOk(mayAskAnother(method, sent), method)
    t.notOk(mayAskAnother(method, undefined), method)
    t.notOk(mayAskAnother(method, new GatewayError('total_timeout')), method)
    t.ok(mayAskAnother(method, unsent), method)
    t.ok(mayAskAnother(method, refused), method)
  }
})

t.test('what changes something is never told that it was done', async (t) => {
  t.ok(mayAnswer('GET', 200))
  t.ok(mayAnswer('HEAD', 302))
  t.ok(mayAnswer('POST', 503))
  t.notOk(mayAnswer('POST', 200))
  t.notOk(mayAnswer('DELETE', 204))
})
