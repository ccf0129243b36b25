import t from 'tap'
import { type ErrorCode, errorTable, GatewayError } from '../../core/errors.ts'
import { decideRetry, type RetryPolicy } from './retry.ts'

const policy: RetryPolicy = { attempts: 2, on: ['connect', 'unsent'] }
const decide = (code: ErrorCode, attempt = 1, takenBytes = 0, by = policy) =>
  decideRetry(by, new GatewayError(code), attempt, takenBytes)

t.test('only failures that left nothing at the backend are tried again', async (t) => {
  for (const [code, { retry }] of Object.entries(errorTable)) {
    t.equal(decide(code as ErrorCode).retry, retry === 'if_unsent', code)
  }
})

t.test('each no has its reason', async (t) => {
  t.same(decide('connection_closed'), { retry: false, because: 'not_retryable' })
  t.same(decide('unsent', 1, 0, { attempts: 2, on: ['connect'] }), { retry: false, because: 'not_asked_for' })
  t.same(decide('unsent', 2), { retry: false, because: 'attempts_used' })
  t.same(decide('connect_failed', 1, 1), { retry: false, because: 'body_taken' })
  t.same(decide('connect_timeout'), { retry: true, because: 'connect' })
  t.same(decide('unsent'), { retry: true, because: 'unsent' })
})
