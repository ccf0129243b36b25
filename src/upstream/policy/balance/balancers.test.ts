/** What holds for every balancer, then what makes each one worth having: simulated backends, no clock, seeded dice. */
import fc from 'fast-check'
import t from 'tap'
import { hash32 } from '../hash-key.ts'
import type { Balancer, Target } from './balancer.ts'
import { BoundedHash } from './hash.ts'
import { LeastRequests } from './least-requests.ts'
import { PeakEwma } from './peak-ewma.ts'
import { RandomBalancer } from './random.ts'
import { RoundRobin } from './round-robin.ts'
import { twoOf } from './two-of.ts'

interface Backend extends Target {
  weight: number
  outstanding: number
}

function backend(name: number, weight = 1): Backend {
  return { key: `http://10.0.0.${name}:8080`, weight, outstanding: 0 }
}

function backends(count: number): Backend[] {
  return Array.from({ length: count }, (_, i) => backend(i))
}

/** Mulberry32: dice that fall the same way each time. */
function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const kinds: Readonly<Record<string, (seed: number) => Balancer<Backend>>> = {
  round_robin: () => new RoundRobin(),
  least_requests: (seed) => new LeastRequests(dice(seed)),
  peak_ewma: (seed) => new PeakEwma(dice(seed)),
  random: (seed) => new RandomBalancer(dice(seed)),
  hash: () => new BoundedHash(),
}

const sets = fc.array(fc.record({ weight: fc.integer({ min: 0, max: 5 }), outstanding: fc.nat(20) }), { maxLength: 24 })

for (const [kind, make] of Object.entries(kinds)) {
  t.test(`${kind}: whoever may be picked is picked from, and nobody else`, async () => {
    fc.assert(
      fc.property(sets, fc.func(fc.boolean()), fc.nat(), (set, isOut, seed) => {
        const list = set.map(({ weight, outstanding }, i) => ({ ...backend(i, weight), outstanding }))
        const balancer = make(seed)
        balancer.update(list)
        const out = new Set(list.filter(({ key }) => isOut(key)))
        const isExcluded = (each: Backend) => out.has(each)
        const anyone = list.some(({ weight }) => weight > 0)
        const remaining = list.some((each) => each.weight > 0 && !out.has(each))
        for (let i = 0; i < 20; i++) {
          const one = balancer.pick(i, hash32(`${i}`))
          if ((one !== undefined) !== anyone || one?.weight === 0) return false
          const other = balancer.pick(i, hash32(`${i}`), isExcluded)
          if ((other !== undefined) !== remaining || (other !== undefined && (out.has(other) || other.weight === 0))) {
            return false
          }
        }
        return true
      }),
    )
  })

  t.test(`${kind}: one that left is not picked, one that came is`, async (t) => {
    const list = backends(3)
    const balancer = make(1)
    balancer.update(list.slice(0, 2))
    const names = () => {
      const seen = new Set<string>()
      for (let i = 0; i < 300; i++) {
        const picked = balancer.pick(i, hash32(`${i}`))
        if (picked !== undefined) seen.add(picked.key)
      }
      return [...seen].sort()
    }
    t.same(
      names(),
      list.slice(0, 2).map(({ key }) => key),
    )
    balancer.update(list.slice(1))
    t.same(
      names(),
      list.slice(1).map(({ key }) => key),
    )
    balancer.update([])
    t.equal(balancer.pick(0, 0), undefined)
  })
}

/** How many of so many requests each backend gets, with so many under way at a time. */
function shares(balancer: Balancer<Backend>, list: readonly Backend[], count: number, underWay: number): number[] {
  const got = new Map(list.map((each) => [each, 0]))
  const running: Backend[] = []
  for (let i = 0; i < count; i++) {
    const picked = balancer.pick(i, hash32(`key ${i}`)) as Backend
    got.set(picked, (got.get(picked) ?? 0) + 1)
    picked.outstanding++
    running.push(picked)
    if (running.length > underWay) (running.shift() as Backend).outstanding--
  }
  return [...got.values()]
}

// A hash keeps to them where nothing is under way: its bound is another matter. Loads are whole numbers.
for (const [kind, underWay] of [
  ['round_robin', 50],
  ['random', 50],
  ['hash', 0],
  ['least_requests', 300],
] as const) {
  t.test(`${kind}: shares keep to the weights`, async (t) => {
    const weights = [1, 2, 3, 4]
    const list = weights.map((weight, i) => backend(i, weight))
    const balancer = (kinds[kind] as (seed: number) => Balancer<Backend>)(7)
    balancer.update(list)
    const count = 200_000
    const got = shares(balancer, list, count, underWay)
    const off = got.map((each, i) => Math.abs(each / count - (weights[i] as number) / 10))
    t.ok(Math.max(...off) < 0.01, `off by ${off.map((each) => each.toFixed(4))}`)
  })
}

t.test('hash: no endpoint ever has more than 1.25 times its share of what is under way', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 10 }),
      fc.array(fc.record({ key: fc.nat(5), ends: fc.boolean() }), { maxLength: 300 }),
      (weights, steps) => {
        const list = weights.map((weight, i) => backend(i, weight))
        const total = weights.reduce((sum, weight) => sum + weight, 0)
        const balancer = new BoundedHash<Backend>()
        balancer.update(list)
        const running: Backend[] = []
        for (const { key, ends } of steps) {
          if (ends) {
            const ended = running.shift()
            if (ended !== undefined) ended.outstanding--
            continue
          }
          const picked = balancer.pick(0, hash32(`${key}`))
          if (picked === undefined) return false
          picked.outstanding++
          running.push(picked)
          if (picked.outstanding > Math.ceil((1.25 * running.length * picked.weight) / total)) return false
        }
        return true
      },
    ),
  )
})

t.test('hash: when an endpoint leaves, only its keys move, and they spread over all others', async (t) => {
  for (const n of [2, 5, 10]) {
    const list = backends(n)
    const balancer = new BoundedHash<Backend>()
    const owners = () => Array.from({ length: 20_000 }, (_, i) => balancer.pick(0, hash32(`user-${i}`)) as Backend)
    balancer.update(list)
    const before = owners()
    const gone = list[1] as Backend
    balancer.update(list.filter((each) => each !== gone))
    const after = owners()
    const moved = before.filter((owner, i) => owner !== after[i]).length
    t.ok(
      before.every((owner, i) => owner === after[i] || owner === gone),
      'nobody else’s moved',
    )
    t.ok(moved / before.length <= 1 / n + 0.05, `${n} endpoints: ${moved} of ${before.length}`)
    const heirs = new Set(after.filter((_, i) => before[i] === gone))
    t.equal(heirs.size, n - 1)
  }
})

t.test('hash: keys that differ little are spread all the same', async (t) => {
  for (const key of [
    (i: number) => `${i}`,
    (i: number) => `/item/${i}`,
    (i: number) => 'x'.repeat(i % 500) + (i >> 9),
  ]) {
    const balancer = new BoundedHash<Backend>()
    const list = backends(8)
    balancer.update(list)
    const got = new Map<Backend, number>()
    for (let i = 0; i < 16_000; i++) {
      const picked = balancer.pick(0, hash32(key(i))) as Backend
      got.set(picked, (got.get(picked) ?? 0) + 1)
    }
    for (const count of got.values()) t.ok(Math.abs(count - 2000) < 300, `${count}`)
  }
})

t.test('two different ones are drawn, each pair as often as any other', async (t) => {
  const seen = new Map<number, number>()
  const roll = dice(3)
  for (let i = 0; i < 40_000; i++) {
    const pair = twoOf(5, roll())
    seen.set(pair, (seen.get(pair) ?? 0) + 1)
  }
  t.equal(seen.size, 20)
  t.ok([...seen.keys()].every((pair) => pair % 5 !== Math.floor(pair / 5)))
  for (const count of seen.values()) t.ok(Math.abs(count - 2000) < 250, `${count}`)
})

interface Simulated {
  readonly latencies: number[]
  readonly got: number[]
}

/** Requests in even time steps to backends that take `latencyOf` milliseconds each; negative: fails after that long. */
function simulate(
  perSecond: number,
  seconds: number,
  count: number,
  latencyOf: (index: number, nowMs: number) => number,
  seed = 1,
): Simulated {
  const list = backends(count)
  const balancer = new PeakEwma<Backend>(dice(seed))
  balancer.update(list)
  const got = list.map(() => 0)
  const latencies: number[] = []
  let ends: { at: number; index: number; ms: number }[] = []
  for (let i = 0; i < perSecond * seconds; i++) {
    const now = 1000 + (i * 1000) / perSecond
    const due = ends.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at)
    ends = ends.filter(({ at }) => at > now)
    for (const { at, index, ms } of due) {
      const each = list[index] as Backend
      each.outstanding--
      if (ms < 0) balancer.failed(each, at, -ms, 0)
      else balancer.answered(each, at, ms)
    }
    const picked = balancer.pick(now, 0) as Backend
    const index = list.indexOf(picked)
    picked.outstanding++
    got[index] = (got[index] as number) + 1
    const ms = latencyOf(index, now)
    latencies.push(Math.abs(ms))
    ends.push({ at: now + Math.abs(ms), index, ms })
  }
  return { latencies: latencies.sort((a, b) => a - b), got }
}

t.test(
  'peak_ewma: an endpoint that is twenty times slower gets so little that the 99th percentile stays',
  async (t) => {
    for (let seed = 1; seed <= 10; seed++) {
      const { latencies, got } = simulate(600, 20, 3, (index) => (index === 0 ? 200 : 10), seed)
      const p99 = latencies[Math.floor(latencies.length * 0.99)] as number
      t.ok(p99 <= 30, `p99 ${p99} ms, ${got}`)
      t.ok((got[0] as number) < 60)
      t.ok((got[0] as number) >= 2, 'but it is looked at again')
    }
  },
)

t.test('peak_ewma: an endpoint that fails at once draws nobody', async (t) => {
  const { got } = simulate(300, 20, 3, (index) => (index === 0 ? -1 : 20))
  t.ok((got[0] as number) < 40, `${got}`)
})

t.test('peak_ewma: an endpoint that recovers is used again', async (t) => {
  const half = 41_000
  const { got } = simulate(200, 120, 2, (index, now) => (index === 0 && now < half ? 300 : 10))
  t.ok((got[0] as number) > 4000, `${got}`)
})

t.test('peak_ewma: equals get equal shares', async (t) => {
  const { got } = simulate(500, 20, 4, () => 20)
  for (const count of got) t.ok(Math.abs(count - 2500) < 250, `${got}`)
})

t.test('peak_ewma: whoever asks to be left alone is, while there is another', async (t) => {
  const [a, b] = backends(2) as [Backend, Backend]
  const balancer = new PeakEwma<Backend>(dice(1))
  balancer.update([a, b])
  balancer.answered(a, 1000, 1)
  balancer.answered(b, 1000, 500)
  balancer.failed(a, 1000, 1, 5000)
  for (let i = 0; i < 50; i++) t.equal(balancer.pick(1000 + i * 90, 0), b)
  balancer.update([a])
  t.equal(balancer.pick(2000, 0), a)
})

t.test('peak_ewma: where two of three ask for that, the third gets all', async (t) => {
  const list = backends(3) as [Backend, Backend, Backend]
  const balancer = new PeakEwma<Backend>(dice(1))
  balancer.update(list)
  for (const each of list) balancer.answered(each, 1000, 10)
  balancer.failed(list[0], 1000, 1, 5000)
  balancer.failed(list[1], 1000, 1, 5000)
  for (let i = 0; i < 50; i++) t.equal(balancer.pick(1000 + i, 0), list[2])
})

t.test('peak_ewma: where all ask for that, all share what comes all the same', async (t) => {
  const list = backends(3)
  const balancer = new PeakEwma<Backend>(dice(1))
  balancer.update(list)
  for (const each of list) balancer.failed(each, 1000, 1, 5000)
  for (let i = 0; i < 30; i++) (balancer.pick(1001, 0) as Backend).outstanding++
  t.same(
    list.map(({ outstanding }) => outstanding),
    [10, 10, 10],
  )
})

t.test('peak_ewma: a request that was given up never speaks for an endpoint, only against it', async () => {
  const property = fc.property(
    fc.integer({ min: 1, max: 3000 }),
    fc.nat(3000),
    fc.nat(20_000),
    (ms, waitedMs, laterMs) => {
      const now = 1000 + laterMs
      const pick = (isGivenUp: boolean) => {
        const list = backends(2) as [Backend, Backend]
        const balancer = new PeakEwma<Backend>(dice(1))
        balancer.update(list)
        for (const each of list) balancer.answered(each, 1000, ms)
        if (isGivenUp) balancer.waited(list[0], now, waitedMs)
        return list.indexOf(balancer.pick(now, 0) as Backend)
      }
      return waitedMs > ms * Math.exp(-laterMs / 10_000) ? pick(true) === 1 : pick(true) === pick(false)
    },
  )
  fc.assert(property)
})

t.test('peak_ewma: what was learned outlives a change of the set', async (t) => {
  const list = backends(3)
  const known = new WeakMap()
  const first = new PeakEwma<Backend>(dice(1), known)
  first.update(list)
  for (const [i, each] of list.entries()) first.answered(each, 1000, i === 2 ? 5 : 400)
  const second = new PeakEwma<Backend>(dice(2), known)
  second.update(list.slice(1))
  for (let i = 0; i < 20; i++) t.equal(second.pick(1001, 0), list[2])
})
