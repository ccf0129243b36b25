import fc from 'fast-check'
import t from 'tap'
import { type ErrorCode, errorTable, GatewayError } from '../../core/errors.ts'
import { decideRetry, type RetryFacts, type RetryPolicy, retryReasons } from './retry.ts'

const careful: RetryPolicy = { attempts: 2, on: ['connect', 'unsent'] }
const eager: RetryPolicy = { attempts: 3, on: retryReasons }

function decide(outcome: ErrorCode | number, facts: Partial<RetryFacts> = {}, policy = careful) {
  const given = typeof outcome === 'number' ? outcome : new GatewayError(outcome)
  return decideRetry(policy, given, { attempt: 1, stale: 0, isIdempotent: true, isBodyGone: false, ...facts })
}

const codes = Object.keys(errorTable) as ErrorCode[]

t.test(
  'by default only failures that left nothing at the backend are tried again, and lost kept connections',
  async (t) => {
    for (const code of codes) {
      for (const isIdempotent of [true, false]) {
        const isKept = code === 'kept_closed' && isIdempotent
        t.equal(decide(code, { isIdempotent }).retry, errorTable[code].retry === 'if_unsent' || isKept, code)
      }
    }
    for (const status of [500, 502, 503, 504]) t.equal(decide(status).retry, false)
  },
)

t.test('what may have reached the backend is tried again only where that is asked for and harmless', async (t) => {
  for (const code of codes) {
    const { retry } = errorTable[code]
    if (retry === 'never') t.equal(decide(code, {}, eager).retry, false, code)
    if (retry === 'if_idempotent') t.equal(decide(code, { isIdempotent: false }, eager).retry, false, code)
  }
  t.same(decide('connection_closed', {}, eager), { retry: true, because: 'reset', isFree: false })
  t.same(decide('response_timeout', {}, eager), { retry: true, because: 'timeout', isFree: false })
  t.same(decide('bad_response', {}, eager), { retry: true, because: '502', isFree: false })
  t.same(decide(503, {}, eager), { retry: true, because: '503', isFree: false })
  t.same(decide(503, { isIdempotent: false }, eager), { retry: false, because: 'not_idempotent' })
})

t.test('statuses that say something about the request are never tried again', async (t) => {
  for (const status of [200, 304, 400, 404, 429, 500, 501]) {
    t.same(decide(status, {}, eager), { retry: false, because: 'not_retryable' }, `${status}`)
  }
})

t.test('each no has its reason', async (t) => {
  t.same(decide('connection_closed'), { retry: false, because: 'not_asked_for' })
  t.same(decide('unsent', {}, { attempts: 2, on: ['connect'] }), { retry: false, because: 'not_asked_for' })
  t.same(decide('connect_failed', { attempt: 2 }), { retry: false, because: 'attempts_used' })
  t.same(decide('connect_failed', { isBodyGone: true }), { retry: false, because: 'body_taken' })
  t.same(decide('connect_timeout'), { retry: true, because: 'connect', isFree: true })
  t.same(decide('unsent'), { retry: true, because: 'unsent', isFree: true })
})

t.test('kept connections that were just being closed use up no attempt, but not for ever', async (t) => {
  for (const code of ['unsent', 'kept_closed'] as const) {
    t.equal(decide(code, { attempt: 4, stale: 4 }).retry, true)
    t.same(decide(code, { attempt: 5, stale: 5 }), { retry: false, because: 'attempts_used' })
    t.same(decide(code, {}, { attempts: 1, on: ['unsent'] }), { retry: false, because: 'attempts_used' })
  }
  t.same(decide('connect_failed', { attempt: 4, stale: 2 }), { retry: false, because: 'attempts_used' })
  t.equal(decide('connect_failed', { attempt: 4, stale: 3 }).retry, true)
})

const policies = fc.record({ attempts: fc.integer({ min: 1, max: 10 }), on: fc.subarray([...retryReasons]) })
const outcomes = fc.oneof(
  fc.constantFrom(...codes).map((code) => new GatewayError(code)),
  fc.constantFrom(200, 429, 500, 502, 503, 504),
)

t.test('whatever happens, nothing is repeated that must not be, or was not asked for', async () => {
  fc.assert(
    fc.property(
      policies,
      outcomes,
      fc.record({
        attempt: fc.integer({ min: 1, max: 20 }),
        stale: fc.nat(20),
        isIdempotent: fc.boolean(),
        isBodyGone: fc.boolean(),
      }),
      (policy, outcome, facts) => {
        const decision = decideRetry(policy, outcome, facts)
        if (!decision.retry) return true
        const isUnsent = outcome instanceof GatewayError && outcome.retry === 'if_unsent'
        const isAsked = policy.on.includes(decision.because)
        return isAsked && !facts.isBodyGone && (facts.isIdempotent || isUnsent) && (decision.isFree || !isUnsent)
      },
    ),
  )
})

t.test('however tries fail, there are no more than asked for, and four for kept connections', async () => {
  fc.assert(
    fc.property(policies, fc.array(outcomes, { minLength: 30, maxLength: 30 }), (policy, failures) => {
      let attempt = 1
      let stale = 0
      for (const outcome of failures) {
        const { code } = outcome instanceof GatewayError ? outcome : { code: '' }
        if (code === 'unsent' || code === 'kept_closed') stale++
        if (!decideRetry(policy, outcome, { attempt, stale, isIdempotent: true, isBodyGone: false }).retry) break
        attempt++
      }
      return attempt <= policy.attempts + 4
    }),
  )
})
