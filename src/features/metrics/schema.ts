/** `metrics`, at the top level for all routes and under a route for its own. */
import { duration, section, z } from '../../config/schema.ts'

/** Upper bounds in milliseconds, or the gateway's own choice. */
export type Buckets = 'auto' | readonly number[]

const MAX_BUCKETS = 50

function buckets(): z.ZodType<Buckets, 'auto' | string[]> {
  const bounds = z
    .array(duration({ minMs: 0.001, maxMs: 3_600_000 }))
    .min(1, { error: 'is empty: give at least one duration, or `auto`' })
    .max(MAX_BUCKETS, { error: `has more than ${MAX_BUCKETS} bounds` })
    .refine((list) => list.every((bound, i) => i === 0 || bound > (list[i - 1] as number)), {
      error: 'must ascend, each bound only once',
    })
  return z.union([z.literal('auto'), bounds]) as z.ZodType<Buckets, 'auto' | string[]>
}

export const metricsRouteSchema = section({
  buckets: buckets()
    .describe('Upper bounds of this route’s latency buckets, such as `[10ms, 50ms, 250ms]`, or `auto`.')
    .optional(),
}).describe('How this route is measured.')

export const metricsTopSchema = section({
  buckets: buckets()
    .describe('Upper bounds of the latency buckets of routes without their own; `auto`: 18 from 0.5 ms to 60 s.')
    .prefault('auto'),
})
  .describe('How requests are measured.')
  .prefault({})

export type MetricsRouteConfig = z.output<typeof metricsRouteSchema>
export type MetricsTopConfig = z.output<typeof metricsTopSchema>
