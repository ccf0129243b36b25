/** The small policies: pauses, asked-for pauses, slow starts, methods, hashes. */
import fc from 'fast-check'
import t from 'tap'
import { backoffMs } from './backoff.ts'
import { hash32 } from './hash-key.ts'
import { isIdempotent, isSafe } from './method.ts'
import { retryAfterMs } from './retry-after.ts'
import { slowStartFactor } from './slow-start.ts'

t.test('pauses between tries double at most, are spread from nothing up, and never exceed a second', async () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), random, (tries, roll) => {
      const pause = backoffMs(tries, roll)
      return pause >= 0 && pause < Math.min(25 * 2 ** (tries - 1), 1000) + 1e-9
    }),
  )
})

t.test('Retry-After of a 429 or 503 is seconds or a date, and more than a minute is not believed', async (t) => {
  const now = Date.UTC(2026, 10, 21, 12)
  t.equal(retryAfterMs(503, '2', now), 2000)
  t.equal(retryAfterMs(429, '2', now), 2000)
  t.equal(retryAfterMs(503, 'Sat, 21 Nov 2026 12:00:05 GMT', now), 5000)
  t.equal(retryAfterMs(503, 'Sat, 21 Nov 2026 11:00:00 GMT', now), 0)
  t.equal(retryAfterMs(503, '86400', now), 60_000)
  for (const value of [undefined, '', '-1', '1.5', 'soon', '9999999999']) t.equal(retryAfterMs(503, value, now), 0)
  t.equal(retryAfterMs(200, '5', now), 0)
})

t.test('a slow start rises from a tenth to the whole, and never falls', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60_000 }), fc.nat(60_000), fc.nat(60_000), (lengthMs, one, other) => {
      const [earlier, later] = [
        slowStartFactor(Math.min(one, other), lengthMs),
        slowStartFactor(Math.max(one, other), lengthMs),
      ]
      return earlier >= 0.1 && later <= 1 && earlier <= later && slowStartFactor(lengthMs, lengthMs) === 1
    }),
  )
})

t.test('without a slow start the whole share is there at once', async (t) => t.equal(slowStartFactor(0, 0), 1))

t.test('methods are safe, idempotent or neither, and case counts', async (t) => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'QUERY', 'TRACE'])
    t.ok(isSafe(method) && isIdempotent(method), method)
  for (const method of ['PUT', 'DELETE']) t.ok(!isSafe(method) && isIdempotent(method), method)
  for (const method of ['POST', 'PATCH', 'get', 'LOCK', '']) t.ok(!isSafe(method) && !isIdempotent(method), method)
})

t.test('hashes of texts are 32 bits, and texts that differ differ', async (t) => {
  const seen = new Set<number>()
  for (let i = 0; i < 10_000; i++) seen.add(hash32(`/product/${i}`))
  t.ok(seen.size >= 9_990)
  t.ok([...seen].every((hash) => Number.isInteger(hash) && hash >= 0 && hash < 2 ** 32))
})
