import fc from 'fast-check'
import t from 'tap'
import type { Target } from './balancer.ts'
import { RoundRobin } from './round-robin.ts'

interface Named extends Target {
  readonly name: number
}

function named(weight: number, name: number): Named {
  return { name, weight, outstanding: 0, key: `${name}` }
}

function balancerOf(list: readonly Named[]): RoundRobin<Named> {
  const balancer = new RoundRobin<Named>()
  balancer.update(list)
  return balancer
}

const endpoints = fc
  .array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 8 })
  .filter((weights) => weights.some((weight) => weight > 0))
  .map((weights) => weights.map(named))

const total = (list: readonly Named[]) => list.reduce((sum, { weight }) => sum + weight, 0)

function picks(balancer: RoundRobin<Named>, count: number, isExcluded?: (each: Named) => boolean): number[] {
  return Array.from({ length: count }, () => balancer.pick(0, 0, isExcluded)?.name ?? -1)
}

t.test('weights 5, 1, 1 give a a b a c a a', async (t) => {
  const balancer = balancerOf([5, 1, 1].map(named))
  t.same(picks(balancer, 7), [0, 0, 1, 0, 2, 0, 0])
})

t.test('over whole cycles each endpoint gets exactly its weight', async () => {
  fc.assert(
    fc.property(endpoints, fc.integer({ min: 1, max: 5 }), (list, cycles) => {
      const chosen = picks(balancerOf(list), total(list) * cycles)
      return list.every(({ name, weight }) => chosen.filter((each) => each === name).length === weight * cycles)
    }),
  )
})

t.test('within a cycle no endpoint is ever far from its share', async () => {
  fc.assert(
    fc.property(endpoints, (list) => {
      const sum = total(list)
      const chosen = picks(balancerOf(list), sum)
      const seen = new Map<number, number>()
      return chosen.every((name, i) => {
        seen.set(name, (seen.get(name) ?? 0) + 1)
        // Measured bound of this algorithm: below the number of endpoints, whatever the weights.
        return list.every((each) => {
          const share = (each.weight * (i + 1)) / sum
          return Math.abs((seen.get(each.name) ?? 0) - share) < list.length
        })
      })
    }),
  )
})

t.test('what is excluded is never picked, and the others keep their proportions', async () => {
  fc.assert(
    fc.property(endpoints, fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 30 }), (list, out, before) => {
      const balancer = balancerOf(list)
      picks(balancer, before)
      const rest = list.filter(({ name, weight }) => name !== out && weight > 0)
      const isExcluded = (each: Named) => each.name === out
      if (rest.length === 0) return balancer.pick(0, 0, isExcluded) === undefined
      const cycles = 100
      const chosen = picks(balancer, total(rest) * cycles, isExcluded)
      return (
        !chosen.includes(out) &&
        rest.every(({ name, weight }) => {
          const got = chosen.filter((each) => each === name).length
          return Math.abs(got - weight * cycles) <= total(list)
        })
      )
    }),
    { numRuns: 50 },
  )
})

t.test('one that comes back is not sent a burst', async () => {
  fc.assert(
    fc.property(endpoints, fc.integer({ min: 1, max: 500 }), (list, away) => {
      const balancer = balancerOf(list)
      picks(balancer, away, ({ name }) => name === 0)
      const sum = total(list)
      const first = list[0] as Named
      const got = picks(balancer, sum).filter((name) => name === 0).length
      return got <= first.weight + list.length
    }),
  )
})

t.test('an endpoint of weight 0 is never picked, and none is picked from none', async (t) => {
  t.equal(balancerOf([]).pick(0, 0), undefined)
  t.equal(balancerOf([named(0, 0)]).pick(0, 0), undefined)
  const one = balancerOf([named(1, 0)])
  t.equal(
    one.pick(0, 0, () => true),
    undefined,
  )
  t.equal(one.pick(0, 0)?.name, 0)
})
