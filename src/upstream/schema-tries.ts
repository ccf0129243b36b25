/** The policies of a route that decide about its tries: `timeouts`, `retry`, `hedge`. */
import { duration, policy, section, share, size, z } from '../config/schema.ts'
import { fieldNameFault } from '../core/field-rules.ts'
import { defaultReasons, retryReasons } from './policy/retry.ts'

/** `0s` in the file is Infinity here: no limit. */
const limit = () => duration().transform((ms) => (ms === 0 ? Number.POSITIVE_INFINITY : ms))

const fieldName = z.string().check((ctx) => {
  const message = fieldNameFault(ctx.value, 'request')
  if (message !== undefined) ctx.issues.push({ code: 'custom', input: ctx.value, message })
})

export const timeoutsSchema = section({
  connect: limit()
    .prefault('2s')
    .describe('Time to get a connection, new or kept, waiting for a free one included. 0s: no limit.'),
  response: limit()
    .prefault('15s')
    .describe('Time from the end of the request until the answer’s header section is here. 0s: no limit.'),
  idle: limit().prefault('30s').describe('Time an answer may stall once it has begun. 0s: no limit.'),
  total: limit().prefault('0s').describe('Time for the request as a whole, tries included. 0s: no limit.'),
  budget_header: z
    .union([fieldName, z.literal(false)])
    .default('X-Request-Timeout-Ms')
    .describe('Field that tells the upstream how many milliseconds are left, where `total` or `per_try` sets a limit.'),
}).describe('How long to wait for an upstream.')

export type TimeoutsConfig = z.output<typeof timeoutsSchema>

const reason = z.enum(retryReasons, { error: `must be one of ${retryReasons.join(', ')}` })

export const retrySchema = policy({
  attempts: z.int().min(1).max(10).default(2).describe('How often a request is sent at most, the first time included.'),
  on: z
    .array(z.preprocess((value) => (typeof value === 'number' ? String(value) : value), reason))
    .default([...defaultReasons])
    .describe(
      'What is tried again: connect (no connection was made, or none was free), unsent (a kept connection turned out to be closed); and for methods that may be repeated: reset (the connection broke before an answer; unsent is part of it), timeout, or a status: 502, 503, 504.',
    ),
  budget: share()
    .prefault('20%')
    .describe('Further tries and hedges may add this much to the requests of an upstream, and a few a second always.'),
  per_try: duration({ minMs: 1 }).optional().describe('Time for one try until its answer’s header section is here.'),
  replay: size()
    .prefault('64KiB')
    .describe('Request bodies up to this size are kept so that they can be sent again; larger ones are sent once.'),
}).describe('When a request is sent again, to another endpoint where there is one.')

export type RetryConfig = Exclude<z.output<typeof retrySchema>, false>

/** After which time a second request is sent: a time, or a quantile of the route’s own latencies. */
export type HedgeAfter = { readonly fixedMs: number } | { readonly quantile: number }

const hedgeAfter = z.string().transform((text, ctx): HedgeAfter => {
  const quantile = /^p(\d{2}(?:\.\d+)?)$/.exec(text)
  if (quantile !== null && Number(quantile[1]) >= 50) return { quantile: Number(`${quantile[1]}e-2`) }
  const time = duration({ minMs: 1, maxMs: 600_000 }).safeParse(text)
  if (time.success) return { fixedMs: time.data }
  ctx.issues.push({
    code: 'custom',
    input: text,
    message: 'is neither a quantile from p50 to p99.9 nor a time: write for example p95 or 80ms',
  })
  return z.NEVER
})

export const hedgeSchema = policy({
  after: hedgeAfter
    .prefault('p95')
    .describe('When a second request is sent: a quantile of the route’s recent latencies such as p95, or a time.'),
  budget: share().prefault('5%').describe('Second requests at most, as a share of the route’s requests.'),
}).describe('Sends a request a second time, to another endpoint, when the first is slow. Safe methods only.')

export type HedgeConfig = Exclude<z.output<typeof hedgeSchema>, false>
