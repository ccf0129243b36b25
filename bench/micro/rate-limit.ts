/** What one limit costs a request, by how many clients there are: `node bench/micro/rate-limit.ts`. */

import { systemClock } from '../../src/core/clock.ts'
import { rateLimit } from '../../src/features/rate-limit/index.ts'
import { rateLimitSchema } from '../../src/features/rate-limit/schema.ts'
import { testDeps } from '../../test/harness/deps.ts'
import { exchangeOf } from '../../test/harness/stage.ts'

const ROUNDS = 5
const REQUESTS = 300_000

for (const clients of [1, 1000, 100_000]) {
  const config = rateLimitSchema.parse({ limit: '1000000/ms', burst: 10_000_000, by: 'client_ip' })
  const route = { name: 'r', pattern: '/**' }
  const stage = rateLimit.build(config, undefined, route, testDeps({ clock: systemClock }))?.stage
  // One exchange, as fresh in the processor's caches as that of a request would be; only its client changes.
  const exchange = exchangeOf({})
  const peers = Array.from({ length: clients }, (_, i) => ({
    ...exchange.peer,
    client: `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`,
  }))
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < REQUESTS; i++) {
      Object.assign(exchange, { peer: peers[(i * 7919) % clients] })
      void stage?.admit?.(exchange)
    }
    rounds.push(Number(process.hrtime.bigint() - start) / REQUESTS)
  }
  const median = rounds.sort((a, b) => a - b)[ROUNDS >> 1] as number
  console.log(`${clients} clients: ${median.toFixed(0)} ns a request`)
}
