import fc from 'fast-check'
import t from 'tap'
import { eligible, type Facts } from './eligible.ts'

const well: Facts = {
  isHealthy: true,
  isEjected: false,
  isProven: true,
  circuit: 'closed',
  isDisabled: false,
  tier: 0,
  zone: '',
  role: 'primary',
}
const newcomer: Partial<Facts> = { isHealthy: false, isProven: false }

type Given = Readonly<Record<string, Partial<Facts>>>

function choose(given: Given, zone = '', panicShare = 0.5) {
  const { primary, safe, isPanic } = eligible(Object.keys(given), (name) => ({ ...well, ...given[name] }), {
    zone,
    panicShare,
  })
  return { primary: primary.join(), safe: safe.join(), isPanic }
}

const facts = fc
  .record({
    isHealthy: fc.boolean(),
    isEjected: fc.boolean(),
    isProven: fc.boolean(),
    circuit: fc.constantFrom('closed' as const, 'half_open' as const, 'open' as const),
    isDisabled: fc.boolean(),
    tier: fc.nat(2),
    zone: fc.constantFrom('', 'a', 'b'),
    role: fc.constantFrom('primary' as const, 'replica' as const),
  })
  // Nobody has found a newcomer healthy.
  .map((each) => (each.isProven ? each : { ...each, isHealthy: false }))

function isWell({ isHealthy, isEjected }: Facts): boolean {
  return isHealthy && !isEjected
}

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

t.test('unless in panic, only healthy ones are used, or ones of which nothing is known', async () => {
  fc.assert(
    fc.property(fc.array(facts, { maxLength: 12 }), fc.constantFrom('', 'a'), (all, zone) => {
      const { primary, safe, isPanic } = eligible(all, (each) => each, { zone, panicShare: 0.5 })
      if (isPanic) return true
      return [primary, safe].every(
        (list) =>
          list.every(({ isHealthy, isEjected }) => isHealthy && !isEjected) || list.every(({ isProven }) => !isProven),
      )
    }),
  )
})

t.test('all that can bear what they get are of one tier, and before it only breakers are tried', async () => {
  fc.assert(
    fc.property(fc.array(facts, { maxLength: 12 }), (all) => {
      const { primary } = eligible(all, (each) => each, { zone: '', panicShare: 0.5 })
      const closed = primary.filter(({ circuit }) => circuit === 'closed')
      const tier = Math.max(...primary.map((each) => each.tier))
      if (closed.length === 0 || primary.some(({ circuit }) => circuit === 'open')) return true
      return primary.every((each) => each.tier === tier || each.circuit === 'half_open') || !primary.every(isWell)
    }),
  )
})

t.test('whoever can be sent a request is never passed over for ones whose breakers are all open', async () => {
  fc.assert(
    fc.property(fc.array(facts, { maxLength: 12 }), fc.constantFrom('', 'a'), (all, zone) => {
      const { primary, safe, isPanic } = eligible(all, (each) => each, { zone, panicShare: 0 })
      const enabled = all.filter(({ isDisabled }) => !isDisabled)
      const isOpen = (list: readonly Facts[]) => list.length > 0 && list.every(({ circuit }) => circuit === 'open')
      const mayServe = (list: readonly Facts[]) => list.some((each) => isWell(each) && each.circuit !== 'open')
      const primaries = enabled.filter(({ role }) => role === 'primary')
      return isPanic || !((isOpen(primary) && mayServe(primaries)) || (isOpen(safe) && mayServe(enabled)))
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

t.test('primaries help out where too few replicas are well', async (t) => {
  const replicas = (...areWell: boolean[]) =>
    choose({
      p: {},
      ...Object.fromEntries(areWell.map((isHealthy, i) => [`r${i}`, { role: 'replica' as const, isHealthy }])),
    })
  t.equal(replicas(true, false).safe, 'r0')
  t.same(replicas(true, false, false).safe, 'p,r0')
  t.equal(choose({ p: {}, r: { role: 'replica', circuit: 'open' } }).safe, 'p')
  t.equal(choose({ p: {}, r: { role: 'replica', circuit: 'half_open' } }).safe, 'p,r', 'it is tried')
})

t.test('a tier whose breakers are open gives way to the next, and is tried before it takes over again', async (t) => {
  const tiers = (a: Facts['circuit'], b: Facts['circuit'], c: Facts['circuit'] = 'closed') =>
    choose({ a: { circuit: a }, b: { circuit: b }, c: { tier: 1, circuit: c } })
  t.equal(tiers('closed', 'open').primary, 'a')
  t.same(tiers('open', 'open'), { primary: 'c', safe: 'c', isPanic: false })
  t.equal(tiers('half_open', 'open').primary, 'a,c')
  t.equal(tiers('closed', 'half_open').primary, 'a,b')
  t.same(tiers('open', 'open', 'open'), { primary: 'a,b', safe: 'a,b', isPanic: false }, 'which is no panic')
  t.equal(tiers('open', 'open', 'half_open').primary, 'c')
})

t.test('so does a zone', async (t) => {
  const zones = (circuit: Facts['circuit']) => choose({ a: { zone: 'x', circuit }, b: { zone: 'y' } }, 'x').primary
  t.same([zones('closed'), zones('open'), zones('half_open')], ['a', 'b', 'a,b'])
})

t.test('newcomers wait for their check, and are no reason to panic', async (t) => {
  t.same(choose({ a: {}, b: newcomer, c: newcomer, d: newcomer }), { primary: 'a', safe: 'a', isPanic: false })
  t.same(choose({ a: newcomer, b: newcomer }), { primary: 'a,b', safe: 'a,b', isPanic: false }, 'unless all are new')
  t.equal(choose({ a: newcomer, b: { tier: 1 } }).primary, 'b')
  t.equal(choose({ a: { isHealthy: false }, b: { ...newcomer, tier: 1 } }).primary, 'b')
  t.equal(choose({ a: { isHealthy: false }, b: newcomer }).isPanic, true)
})
