/** What an adaptive concurrency limit costs a request that it lets pass: `node bench/micro/adaptive-limit.ts`. */
import { systemClock } from '../../src/core/clock.ts'
import { Limiter } from '../../src/upstream/limiter.ts'
import { concurrencySchema } from '../../src/upstream/schema-resilience.ts'
import { testDeps } from '../../test/harness/deps.ts'
import { requestHead } from '../../test/harness/exchange.ts'

const ROUNDS = 5
const REQUESTS = 300_000
/** Under way at once. */
const WINDOW = 32

const config = concurrencySchema.parse({ adaptive: true })
if (config === false) throw new Error('no limit')
const limiter = new Limiter('u', config, testDeps({ clock: systemClock }))
const requests = Array.from({ length: 16 }, (_, i) => requestHead({ path: `/catalog/${i}/items` }))
const answer = { status: 200, reason: 'OK', headers: ['Content-Type', 'text/html'] }
const startedAt = new Float64Array(WINDOW)
const rounds: number[] = []
for (let round = 0; round < ROUNDS; round++) {
  const start = process.hrtime.bigint()
  for (let i = 0; i < REQUESTS; i++) {
    const slot = i % WINDOW
    if (i >= WINDOW) limiter.answered(requests[i % 16] as (typeof requests)[number], startedAt[slot] as number, answer)
    if (!limiter.tryBegin()) throw new Error('it holds requests back, which is another cost')
    startedAt[slot] = systemClock.now()
  }
  rounds.push(Number(process.hrtime.bigint() - start) / REQUESTS)
  for (let slot = 0; slot < WINDOW; slot++)
    limiter.answered(requests[0] as (typeof requests)[number], startedAt[slot] as number, answer)
}
const median = rounds.sort((a, b) => a - b)[ROUNDS >> 1] as number
console.log(`${median.toFixed(0)} ns a request`)
limiter.stop()
