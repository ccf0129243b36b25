import fc from 'fast-check'
import t from 'tap'
import { accepts, codings, negotiate } from './negotiate.ts'

const chosen = (field: string | undefined) => negotiate(field, codings).accepted[0]

t.test('RFC 9110 §12.5.3: weights, wildcards and identity', async (t) => {
  const table: [string | undefined, string | undefined][] = [
    [undefined, undefined],
    ['', undefined],
    ['gzip', 'gzip'],
    ['GZip ; Q=0.8', 'gzip'],
    ['compress, gzip', 'gzip'],
    ['*', 'zstd'],
    ['*;q=0', undefined],
    ['gzip;q=0', undefined],
    ['gzip;q=0.000', undefined],
    ['gzip;q=1.0, br;q=0.9', 'gzip'],
    ['gzip;q=0.5, br;q=0.9, zstd;q=0.5', 'br'],
    ['gzip, identity', 'gzip'],
    ['gzip;q=0.4, identity;q=0.5', undefined],
    ['gzip;q=0.5, *;q=0', 'gzip'],
    ['zstd;q=0, *', 'br'],
    ['gzip;q=nonsense', undefined],
    ['gzip;q=-1', undefined],
    ['gzip;q=1.5', undefined],
    [',, gzip ,,', 'gzip'],
  ]
  for (const [field, coding] of table) t.equal(chosen(field), coding, String(field))
  t.ok(negotiate('identity;q=0', codings).refusesIdentity)
  t.ok(negotiate('gzip, *;q=0', codings).refusesIdentity)
  t.notOk(negotiate('*;q=0, identity', codings).refusesIdentity)
  t.notOk(negotiate('gzip', codings).refusesIdentity)
})

t.test('whatever the field says, nothing refused is ever chosen, and it never throws', async () => {
  const member = fc.tuple(
    fc.constantFrom('gzip', 'br', 'zstd', '*', 'identity', 'x'),
    fc.constantFrom('', ';q=0', ';q=0.3', ';q=1'),
  )
  const field = fc
    .uniqueArray(member, { selector: ([name]) => name })
    .map((all) => all.map((m) => m.join('')).join(','))
  fc.assert(
    fc.property(field, (text) => {
      const negotiated = negotiate(text, codings)
      for (const coding of negotiated.accepted) {
        if (text.includes(`${coding};q=0,`) || text.endsWith(`${coding};q=0`)) return false
        if (!accepts(negotiated, coding)) return false
      }
      return true
    }),
  )
  fc.assert(fc.property(fc.string(), (text) => Array.isArray(negotiate(text, codings).accepted)))
})
