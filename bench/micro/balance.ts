/** What choosing an endpoint costs, by balancer and number of endpoints: `node bench/micro/balance.ts`. */
import type { Balancer, Target } from '../../src/upstream/policy/balance/balancer.ts'
import { BoundedHash } from '../../src/upstream/policy/balance/hash.ts'
import { LeastRequests } from '../../src/upstream/policy/balance/least-requests.ts'
import { PeakEwma } from '../../src/upstream/policy/balance/peak-ewma.ts'
import { RandomBalancer } from '../../src/upstream/policy/balance/random.ts'
import { RoundRobin } from '../../src/upstream/policy/balance/round-robin.ts'

interface Backend extends Target {
  outstanding: number
}

const ROUNDS = 5
const PICKS = 200_000

function backends(count: number): Backend[] {
  return Array.from({ length: count }, (_, i) => ({ key: `http://10.0.0.${i}:80`, weight: 1, outstanding: i % 7 }))
}

/** The median of a few rounds, in nanoseconds a pick. */
function nanoseconds(balancer: Balancer<Backend>, learns: boolean): number {
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < PICKS; i++) {
      const picked = balancer.pick(i * 0.01, Math.imul(i, 0x9e3779b1)) as Backend
      if (learns) balancer.answered?.(picked, i * 0.01, 5 + (i % 10))
    }
    rounds.push(Number(process.hrtime.bigint() - start) / PICKS)
  }
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1] as number
}

console.log('| balancer | 3 endpoints | 10 | 100 |\n| --- | --: | --: | --: |')
const kinds: [string, () => Balancer<Backend>, boolean][] = [
  ['round_robin', () => new RoundRobin(), false],
  ['least_requests', () => new LeastRequests(Math.random), false],
  ['peak_ewma', () => new PeakEwma(Math.random), false],
  ['peak_ewma, with learning', () => new PeakEwma(Math.random), true],
  ['random', () => new RandomBalancer(Math.random), false],
  ['hash', () => new BoundedHash(), false],
]
for (const [name, make, learns] of kinds) {
  const cells = [3, 10, 100].map((count) => {
    const balancer = make()
    const list = backends(count)
    balancer.update(list)
    for (const each of list) balancer.answered?.(each, 0, 10)
    return `${nanoseconds(balancer, learns).toFixed(0)} ns`
  })
  console.log(`| ${name} | ${cells.join(' | ')} |`)
}
