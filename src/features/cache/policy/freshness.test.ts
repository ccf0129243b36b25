import fc from 'fast-check'
import t from 'tap'
import { formatHttpDate } from '../../../core/fields.ts'
import { responseDirectives } from './directives.ts'
import { initialAge, type LifetimeRules, lifetimeOf } from './freshness.ts'

const now = Date.UTC(2026, 0, 1)
const rules: LifetimeRules = { overrideMs: undefined, fallbackMs: 0, negativeMs: new Map() }
const at = (seconds: number) => formatHttpDate(now + seconds * 1000)

function lifetime(headers: string[], status = 200, given: Partial<LifetimeRules> = {}) {
  const { directives, isTargeted } = responseDirectives(headers)
  return lifetimeOf(status, headers, directives, isTargeted, now, { ...rules, ...given })
}

t.test('s-maxage goes before max-age, and max-age before Expires (RFC 9111 §4.2.1)', async (t) => {
  const headers = ['Cache-Control', 's-maxage=3, max-age=2', 'Expires', at(1), 'Date', at(0)]
  t.same(lifetime(headers), { lifetimeMs: 3000, from: 's-maxage' })
  t.same(lifetime(['Cache-Control', 'max-age=2', ...headers.slice(2)]), { lifetimeMs: 2000, from: 'max-age' })
  t.same(lifetime(headers.slice(2)), { lifetimeMs: 1000, from: 'expires' })
})

t.test('an Expires that is no date, or that comes twice, is in the past (RFC 9111 §5.3)', async (t) => {
  for (const value of [
    '0',
    '-1',
    'Thu, 18 Aug 2050 02:01:18 UTC',
    'Thu, 18-Aug-2050 02:01:18 GMT',
    'Thu, 18 Aug 50 02:01:18 GMT',
  ]) {
    t.same(lifetime(['Expires', value, 'Date', at(0)]), { lifetimeMs: 0, from: 'expires' }, value)
  }
  t.equal(lifetime(['Expires', at(9), 'Expires', at(9), 'Date', at(0)]).lifetimeMs, 0)
})

t.test('all three forms of dates are read, in any case (RFC 9110 §5.6.7)', async (t) => {
  for (const value of [
    'Thu, 18 AUG 2050 02:01:18 gMT',
    'Thursday, 18-Aug-50 02:01:18 GMT',
    'Thu Aug  8 02:01:18 2050',
  ]) {
    t.ok(lifetime(['Expires', value, 'Date', at(0)]).lifetimeMs > 1e9, value)
  }
})

t.test(
  'without explicit freshness, a tenth of the age at Last-Modified, a day at most (RFC 9111 §4.2.2)',
  async (t) => {
    t.same(lifetime(['Last-Modified', at(-1000), 'Date', at(0)]), { lifetimeMs: 100_000, from: 'heuristic' })
    t.equal(lifetime(['Last-Modified', at(-1e8), 'Date', at(0)]).lifetimeMs, 86_400_000)
    t.equal(lifetime(['Last-Modified', at(10), 'Date', at(0)]).from, 'none')
    t.equal(lifetime(['Last-Modified', at(-1000), 'Date', at(0)], 403).from, 'none')
    t.equal(lifetime(['Last-Modified', at(-1000), 'Date', at(0), 'Cache-Control', 'public'], 599).from, 'heuristic')
  },
)

t.test('the configured lifetimes come last, but an override first', async (t) => {
  t.same(lifetime([], 200, { fallbackMs: 5 }), { lifetimeMs: 5, from: 'configured' })
  t.same(lifetime([], 500, { negativeMs: new Map([[500, 7]]) }), { lifetimeMs: 7, from: 'negative' })
  t.same(lifetime(['Cache-Control', 'max-age=9'], 500, { negativeMs: new Map([[500, 7]]) }).from, 'max-age')
  t.same(lifetime(['Cache-Control', 'max-age=9'], 200, { overrideMs: 3 }), { lifetimeMs: 3, from: 'override' })
})

t.test('settings that are meant for answers don’t keep errors', async (t) => {
  const settings = { overrideMs: 3, fallbackMs: 5 }
  for (const status of [400, 403, 404, 405, 414, 431, 500, 501, 503]) {
    t.same(lifetime([], status, settings), { lifetimeMs: 0, from: 'none' }, String(status))
  }
  t.same(lifetime(['Cache-Control', 'max-age=9'], 404, settings), { lifetimeMs: 9000, from: 'max-age' })
  t.same(lifetime([], 404, { ...settings, negativeMs: new Map([[404, 7]]) }), { lifetimeMs: 7, from: 'negative' })
  t.equal(lifetime([], 301, settings).from, 'override')
})

t.test('of several Age members the first counts, and junk is ignored (RFC 9111 §5.1)', async (t) => {
  const age = (...values: string[]) =>
    initialAge(['Date', at(0), ...values.flatMap((v) => ['Age', v])], now, now) / 1000
  t.equal(age('7200, 0'), 7200)
  t.equal(age('0', '7200'), 0)
  t.equal(age('2147483649'), 2 ** 31)
  for (const junk of ['abc', '-7200', '7200.0', '7200;foo=bar', '']) t.equal(age(junk), 0, junk)
})

t.test('age counts the time that fetching took, and never less than Date shows (RFC 9111 §4.2.3)', async (t) => {
  t.equal(initialAge(['Date', at(-60), 'Age', '10'], now - 5000, now), 60_000)
  t.equal(initialAge(['Date', at(0), 'Age', '10'], now - 5000, now), 15_000)
  fc.assert(
    fc.property(fc.nat(1e6), fc.nat(1e6), fc.nat(1e5), (age, skew, delay) => {
      const result = initialAge(['Date', at(-skew), 'Age', String(age)], now - delay, now)
      return result >= age * 1000 && result >= Math.floor(skew) * 1000 && result <= age * 1000 + skew * 1000 + delay
    }),
  )
})

t.test('a later rule of the order never changes what an earlier one says (RFC 9111 §4.2.1)', async () => {
  const seconds = fc.nat(1e6)
  fc.assert(
    fc.property(seconds, seconds, seconds, fc.subarray(['s-maxage', 'max-age', 'expires']), (s, m, e, present) => {
      const has = (name: string) => present.includes(name)
      const members = [has('s-maxage') ? `s-maxage=${s}` : '', has('max-age') ? `max-age=${m}` : ''].join(', ')
      const headers = ['Cache-Control', members, 'Date', at(0), ...(has('expires') ? ['Expires', at(e)] : [])]
      const wanted = has('s-maxage') ? s : has('max-age') ? m : has('expires') ? e : 0
      return lifetime(headers).lifetimeMs === wanted * 1000
    }),
  )
})

t.test('no field makes a lifetime negative, endless or no number', async () => {
  const name = fc.constantFrom(
    'Cache-Control',
    'CDN-Cache-Control',
    'Surrogate-Control',
    'Expires',
    'Date',
    'Last-Modified',
  )
  const value = fc.oneof(
    fc.string(),
    fc.constantFrom('max-age', 's-maxage', 'max-age+').chain((d) => fc.integer().map((n) => `${d}=${n}`)),
    fc.integer({ min: -1e8, max: 1e8 }).map(at),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 6 }), fc.constantFrom(200, 404, 500), (fields, status) => {
      const { lifetimeMs } = lifetime(fields.flat(), status)
      return Number.isFinite(lifetimeMs) && lifetimeMs >= 0
    }),
  )
})
