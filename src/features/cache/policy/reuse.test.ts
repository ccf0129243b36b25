import t from 'tap'
import { requestDirectives, responseDirectives } from './directives.ts'
import { mayServeOnError, reuse, type Stored } from './reuse.ts'

const rules = { whileRevalidateMs: 0, ifErrorMs: 3_600_000 }

function stored(cacheControl: string, lifetimeMs: number, given: Partial<Stored> = {}): Stored {
  const { directives } = responseDirectives(['Cache-Control', cacheControl])
  return { directives, lifetimeMs, initialAgeMs: 0, receivedAtMs: 0, isInvalidated: false, ...given }
}

const ask = (cacheControl = '') => requestDirectives(cacheControl === '' ? [] : ['Cache-Control', cacheControl])

t.test('an answer is fresh until its age reaches its lifetime (RFC 9111 §4.2)', async (t) => {
  t.match(reuse(stored('', 1000), ask(), 999, rules), { use: 'fresh', ageMs: 999 })
  t.match(reuse(stored('', 1000), ask(), 1000, rules), { use: 'validate', because: 'stale' })
  t.match(reuse(stored('', 1000, { initialAgeMs: 500 }), ask(), 500, rules), { use: 'validate' })
})

t.test('no-cache is checked even while fresh, and so is what was invalidated', async (t) => {
  t.match(reuse(stored('no-cache', 1000), ask(), 0, rules), { use: 'validate', because: 'no-cache' })
  t.match(reuse(stored('', 1000, { isInvalidated: true }), ask(), 0, rules), {
    use: 'validate',
    because: 'invalidated',
  })
})

t.test('what the client asks of age and freshness is honoured (RFC 9111 §5.2.1)', async (t) => {
  const answer = stored('', 10_000, { initialAgeMs: 5000 })
  t.match(reuse(answer, ask('no-cache'), 0, rules), { use: 'validate', because: 'request' })
  t.match(reuse(answer, ask('max-age=4'), 0, rules), { use: 'validate', because: 'request' })
  t.match(reuse(answer, ask('max-age=5'), 0, rules), { use: 'fresh' })
  t.match(reuse(answer, ask('min-fresh=6'), 0, rules), { use: 'validate', because: 'request' })
  t.match(reuse(answer, ask('min-fresh=5'), 0, rules), { use: 'fresh' })
  t.match(reuse(answer, ask('max-stale=5'), 9_000, rules), { use: 'stale', because: 'max-stale', refresh: false })
  t.match(reuse(answer, ask('max-stale=3'), 9_000, rules), { use: 'validate' })
})

t.test('a stale answer is given while one refresh runs, within the window only (RFC 5861 §3)', async (t) => {
  const answer = stored('stale-while-revalidate=4', 1000)
  t.match(reuse(answer, ask(), 4_999, rules), { use: 'stale', because: 'while-revalidate', refresh: true })
  t.match(reuse(answer, ask(), 5_000, rules), { use: 'validate' })
  t.match(reuse(stored('', 1000), ask(), 2_000, { ...rules, whileRevalidateMs: 5_000 }), { use: 'stale' })
})

t.test('stale is never given against must-revalidate and its like (RFC 9111 §4.2.4)', async (t) => {
  for (const directive of ['must-revalidate', 'proxy-revalidate', 's-maxage=1']) {
    const answer = stored(`${directive}, stale-while-revalidate=60, stale-if-error=60`, 1000)
    t.match(reuse(answer, ask('max-stale'), 2_000, rules), { use: 'validate' }, directive)
    t.equal(mayServeOnError(answer, 2_000, rules), false, directive)
  }
  t.equal(mayServeOnError(stored('no-cache', 1000), 2_000, rules), false)
})

t.test('stale stands in for an error as long as the origin, or else the operator, allows (RFC 5861 §4)', async (t) => {
  t.equal(mayServeOnError(stored('', 1000), 3_600_999, rules), true)
  t.equal(mayServeOnError(stored('', 1000), 3_601_000, rules), false)
  t.equal(mayServeOnError(stored('stale-if-error=1', 1000), 2_000, rules), false)
})
