import fc from 'fast-check'
import t from 'tap'
import { eligible, type Facts } from './eligible.ts'

const well: Facts = { isHealthy: true, isEjected: false, isDisabled: false, tier: 0, zone: '', role: 'primary' }

type Given = Readonly<Record<string, Partial<Facts>>>

function choose(given: Given, zone = '', panicShare = 0.5) {
  const { primary, safe, isPanic } = eligible(Object.keys(given), (name) => ({ ...well, ...given[name] }), {
    zone,
    panicShare,
  })
  return { primary: primary.join(), safe: safe.join(), isPanic }
}

const facts = fc.record({
  isHealthy: fc.boolean(),
  isEjected: fc.boolean(),
  isDisabled: fc.boolean(),
  tier: fc.nat(2),
  zone: fc.constantFrom('', 'a', 'b'),
  role: fc.constantFrom('primary' as const, 'replica' as const),
})

t.test('a request has a candidate as long as one that may serve it is enabled, and never a disabled one', async () => {
  fc.assert(
    fc.property(
      fc.array(facts, { maxLength: 12 }),
      fc.constantFrom('', 'a'),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (all, zone, panicShare) => {
        const { primary, safe } = eligible(all, (each) => each, { zone, panicShare })
        const enabled = all.filter(({ isDisabled }) => !isDisabled)
        return (
          primary.every(({ isDisabled, role }) => !isDisabled && role === 'primary') &&
          safe.every(({ isDisabled }) => !isDisabled) &&
          primary.length > 0 === enabled.some(({ role }) => role === 'primary') &&
          safe.length > 0 === enabled.length > 0
        )
      },
    ),
  )
})

t.test('unless in panic, only healthy ones of one tier are used', async () => {
  fc.assert(
    fc.property(fc.array(facts, { maxLength: 12 }), (all) => {
      const { primary, safe, isPanic } = eligible(all, (each) => each, { zone: '', panicShare: 0.5 })
      if (isPanic) return true
      return [primary, safe].every(
        (list) =>
          list.every(({ isHealthy, isEjected }) => isHealthy && !isEjected) &&
          new Set(list.map(({ tier }) => tier)).size <= 1,
      )
    }),
  )
})

t.test('unhealthy, ejected and drained ones are left out', async (t) => {
  t.same(choose({ a: {}, b: { isHealthy: false }, c: {}, d: {} }), { primary: 'a,c,d', safe: 'a,c,d', isPanic: false })
  t.same(choose({ a: {}, b: { isEjected: true } }).primary, 'a')
  t.same(choose({ a: {}, b: { isDisabled: true } }).primary, 'a')
})

t.test('with fewer than half healthy, all are used', async (t) => {
  t.same(choose({ a: { isHealthy: false }, b: { isHealthy: false }, c: {} }), {
    primary: 'a,b,c',
    safe: 'a,b,c',
    isPanic: true,
  })
  t.same(choose({ a: { isHealthy: false }, b: { isHealthy: false }, c: {} }, '', 0), {
    primary: 'c',
    safe: 'c',
    isPanic: false,
  })
  t.same(choose({ a: { isHealthy: false } }, '', 0), { primary: 'a', safe: 'a', isPanic: true })
  t.same(choose({}), { primary: '', safe: '', isPanic: false })
})

t.test('a tier takes all while enough of it is healthy, then the next one does', async (t) => {
  const tiers = (a: boolean, b: boolean, c: boolean) =>
    choose({ a: { isHealthy: a }, b: { isHealthy: b }, c: { tier: 1, isHealthy: c } })
  t.same(tiers(true, true, true).primary, 'a,b')
  t.same(tiers(true, false, true).primary, 'a')
  t.same(tiers(false, false, true).primary, 'c')
  t.same(tiers(false, false, false), { primary: 'a,b,c', safe: 'a,b,c', isPanic: true })
})

t.test('the own zone is preferred while it has its share of the healthy ones', async (t) => {
  const zones = (third: Partial<Facts>) =>
    choose({ a: { zone: 'x' }, b: { zone: 'y' }, c: { zone: 'x', ...third }, d: { zone: 'y' } }, 'x')
  t.same(zones({}).primary, 'a,c')
  t.same(zones({ isHealthy: false }).primary, 'a,b,d', 'or its last one would get what two were there for')
  t.same(choose({ a: { zone: 'y' }, b: { zone: 'z' } }, 'x').primary, 'a,b')
  t.same(choose({ a: { zone: 'x' }, b: { zone: 'y' } }).primary, 'a,b', 'a gateway that is nowhere has no preference')
})

t.test('reads go to replicas, and to primaries when no replica can serve them', async (t) => {
  const roles = (replica: Partial<Facts>) => choose({ p: {}, q: {}, r: { role: 'replica', ...replica } })
  t.same(roles({}), { primary: 'p,q', safe: 'r', isPanic: false })
  t.same(roles({ isHealthy: false }), { primary: 'p,q', safe: 'p,q', isPanic: false })
  t.same(roles({ isDisabled: true }), { primary: 'p,q', safe: 'p,q', isPanic: false })
})
