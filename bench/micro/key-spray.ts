/** Memory that two million keys take which nobody has seen before: `node --expose-gc bench/micro/key-spray.ts`. */
import { rateLimit } from '../../src/features/rate-limit/index.ts'
import { rateLimitSchema } from '../../src/features/rate-limit/schema.ts'
import { VirtualClock } from '../../test/harness/clock.ts'
import { testDeps } from '../../test/harness/deps.ts'
import { exchangeOf } from '../../test/harness/stage.ts'

const KEYS = 2_000_000

for (const written of [{ limit: '10/m' }, { limit: '10/m', window: 'fixed' }]) {
  const config = rateLimitSchema.parse({ ...written, by: 'header:x-api-key' })
  const stage = rateLimit.build(
    config,
    undefined,
    { name: 'r', pattern: '/**' },
    testDeps({ clock: new VirtualClock() }),
  )?.stage
  const headers = ['X-Api-Key', '']
  const exchange = exchangeOf({ request: { headers } })
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  let refused = 0
  for (let i = 0; i < KEYS; i++) {
    headers[1] = `spray-${i.toString(36)}-${Math.imul(i, 2654435761) >>> 0}`
    try {
      await stage?.admit?.(exchange)
    } catch {
      refused++
    }
  }
  globalThis.gc?.()
  const grown = (process.memoryUsage().rss - before) / 2 ** 20
  console.log(`${JSON.stringify(written)}: ${grown.toFixed(0)} MiB more, ${refused} refused`)
}
