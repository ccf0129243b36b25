/** Keys of an upstream that decide which of its endpoints are asked, and when one is left alone. */
import { duration, policy, section, share, z } from '../config/schema.ts'
import { fieldNameFault, fieldValueFault } from '../core/field-rules.ts'

/** What a hash is taken of: `client_ip`, `path`, `header:NAME`, `cookie:NAME`, `query:NAME`. */
export type HashSource =
  | { readonly of: 'client_ip' | 'path' }
  | { readonly of: 'header' | 'cookie' | 'query'; readonly name: string }

const hashPattern = /^(?:client_ip|path|(?:header|cookie|query):[!#$%&'*+.^_`|~0-9A-Za-z-]+)$/

const hashSource = z
  .string()
  .regex(hashPattern, {
    error: 'is not something to hash: write client_ip, path, header:NAME, cookie:NAME or query:NAME',
  })
  .transform((text): HashSource => {
    const [of = '', name = ''] = text.split(':', 2)
    if (of === 'client_ip' || of === 'path') return { of }
    return { of: of as 'header', name: of === 'header' ? name.toLowerCase() : name }
  })

export const algorithms = ['round_robin', 'least_requests', 'peak_ewma', 'random'] as const

export interface BalanceConfig {
  readonly algorithm: (typeof algorithms)[number] | 'hash'
  readonly hashOf: HashSource | undefined
}

export const balanceSchema = z
  .union([z.enum(algorithms), section({ hash: hashSource.describe('What requests are told apart by.') })], {
    error: 'must be round_robin, least_requests, peak_ewma, random, or {hash: …} such as {hash: header:x-user-id}',
  })
  .transform(
    (value): BalanceConfig =>
      typeof value === 'string' ? { algorithm: value, hashOf: undefined } : { algorithm: 'hash', hashOf: value.hash },
  )

export interface StatusRange {
  readonly from: number
  readonly to: number
}

const statusRange = z.union([z.string(), z.int()]).transform((value, ctx): readonly StatusRange[] => {
  const ranges = String(value)
    .split(',')
    .map((part) => /^ *([1-5]\d\d)(?:-([1-5]\d\d))? *$/.exec(part))
    .map((match) => ({ from: Number(match?.[1]), to: Number(match?.[2] ?? match?.[1]) }))
  if (ranges.every(({ from, to }) => from <= to)) return ranges
  ctx.issues.push({
    code: 'custom',
    input: value,
    message: 'is not a list of statuses: write for example 200, 200-399 or "200,404"',
  })
  return z.NEVER
})

const seconds = (fallback: string, from = 1) => duration({ minMs: from, maxMs: 3_600_000 }).prefault(fallback)

export const healthCheckSchema = section({
  path: z
    .string()
    .startsWith('/', { error: 'must begin with /' })
    .regex(/^[\x21\x22\x24-\x7e]*$/, { error: 'holds a character that paths can’t carry: percent-encode it' })
    .default('/')
    .describe('What is asked for.'),
  interval: seconds('5s', 10).describe('Time between two checks of an endpoint; shorter while it is unhealthy.'),
  timeout: seconds('1s').describe('Time for the whole answer of a check.'),
  healthy: z.int().min(1).max(100).default(2).describe('Good checks in a row that make an endpoint healthy again.'),
  unhealthy: z.int().min(1).max(100).default(3).describe('Failed checks in a row that make it unhealthy.'),
  status: statusRange.prefault('200-399').describe('Statuses that are good: `200-399`, `"200,204"`.'),
  body: z.string().min(1).optional().describe('Text that the first 64 KiB of the answer must hold.'),
  host: z
    .string()
    .regex(/^[A-Za-z0-9._:[\]-]+$/, { error: 'is not a host: write for example app.internal or app.internal:8080' })
    .optional()
    .describe('Host to ask for. Default: the endpoint’s own.'),
  headers: z
    .record(z.string(), z.string())
    .check((ctx) => {
      for (const [name, value] of Object.entries(ctx.value)) {
        const message = fieldNameFault(name, 'request') ?? fieldValueFault(value)
        if (message !== undefined) ctx.issues.push({ code: 'custom', input: value, message, path: [name] })
      }
    })
    .default({})
    .describe('Further fields of the request.'),
}).describe('Asks each endpoint at regular times whether it works. A new endpoint gets requests once it has.')

export type HealthCheckConfig = z.output<typeof healthCheckSchema>

export const outlierSchema = policy({
  consecutive_errors: z
    .int()
    .min(0)
    .max(1000)
    .default(5)
    .describe('Failures in a row (no answer, or a 5xx) after which an endpoint is left alone; 0: never for that.'),
  error_rate: share()
    .prefault('0%')
    .describe('Share of failures within `window` after which it is left alone; 0%: never for that.'),
  minimum_requests: z.int().min(1).default(20).describe('Requests within `window` below which no rate is judged.'),
  window: seconds('10s', 100).describe('Time over which the rate is taken.'),
  slow_factor: z
    .number()
    .min(0)
    .max(1000)
    .default(0)
    .describe('Times the median latency of its peers beyond which it is left alone; 0: never for that.'),
  hung_after: duration({ maxMs: 3_600_000 })
    .optional()
    .describe(
      'Time without any answer, while five requests wait and peers answer, after which it is left alone; 0s: never for that. Default: 20 times the peers’ mean latency, twice the longest latency of `window`, and 250ms at least.',
    ),
  base: seconds('10s').describe('How long an endpoint is left alone the first time; longer each time.'),
  max: seconds('5m').describe('How long at most.'),
  max_ejected: share().prefault('50%').describe('Share of the endpoints that may be left alone at once; never all.'),
}).describe('Leaves endpoints alone that fail, as seen from the requests themselves.')

export type OutlierConfig = Exclude<z.output<typeof outlierSchema>, false>

export const breakerSchema = policy({
  error_rate: share().prefault('50%').describe('Share of failures within `window` beyond which it opens.'),
  minimum_requests: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(20)
    .describe('Requests within `window` below which it does not open.'),
  window: seconds('10s', 100).describe('Time over which failures are counted.'),
  consecutive_failures: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(10)
    .describe('Failures in a row at which it opens whatever the rate; 0: never for that.'),
  open_for: seconds('5s', 10).describe('Time it stays open before one request may try again.'),
}).describe(
  'Sends an endpoint nothing while it fails: requests are refused at once, or go to another endpoint, until a single one that is let through succeeds.',
)

export type BreakerConfig = Exclude<z.output<typeof breakerSchema>, false>

const hostAndPort = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?):\d{1,5}$/

export const discoverySchema = section({
  dns: z
    .string()
    .regex(hostAndPort, { error: 'is not a name with a port: write for example catalog.internal:8080' })
    .optional()
    .describe('A name with a port: every address that the name has is an endpoint.'),
  srv: z
    .string()
    .regex(/^_[A-Za-z0-9-]+\._(?:tcp|udp)\.[A-Za-z0-9._-]+$/, {
      error: 'is not an SRV name: write for example _http._tcp.catalog.internal',
    })
    .optional()
    .describe('A name with SRV records (RFC 2782): targets, ports, weights, and priorities as tiers.'),
  scheme: z.enum(['http', 'https']).default('http').describe('How the endpoints are spoken to.'),
  refresh: duration({ minMs: 100, maxMs: 86_400_000 })
    .optional()
    .describe('Time between two look-ups. Default: the records’ own time to live, from 1s to 60s.'),
  resolvers: z
    .array(
      z.string().regex(/^(?:\[[0-9A-Fa-f:.]+\]|[0-9.]+)(?::\d{1,5})?$/, {
        error: 'is not an IP address with a port: write for example 10.0.0.2:53',
      }),
    )
    .min(1, { error: 'is empty: leave it out, or name a resolver' })
    .optional()
    .describe('Name servers to ask. Default: the system’s.'),
}).check((ctx) => {
  const { dns, srv } = ctx.value
  if ((dns === undefined) !== (srv === undefined)) return
  ctx.issues.push({ code: 'custom', input: ctx.value, message: 'needs either `dns` or `srv`' })
})

export type DiscoveryConfig = z.output<typeof discoverySchema>

const limitKeys = {
  adaptive: z
    .boolean()
    .default(true)
    .describe('Whether the limit follows what the upstream shows it can do; false: it is `max`.'),
  min: z.int().min(1).max(100_000).default(8).describe('The limit at least, with `adaptive`.'),
  max: z.int().min(1).max(100_000).default(1000).describe('The limit at most; with `adaptive`, where it begins.'),
  queue: z
    .int()
    .min(0)
    .max(100_000)
    .default(1000)
    .describe('Requests that may wait for room; when more come, the least important that waited longest is refused.'),
  queue_timeout: duration({ minMs: 1, maxMs: 600_000 })
    .optional()
    .describe('Time a request may wait for room; 503 beyond. Default: 250ms, and less while the queue stands.'),
  by: hashSource
    .prefault('client_ip')
    .describe(
      'Whose requests take turns while they wait, so that nobody’s many keep others from being served: client_ip, path, header:NAME, cookie:NAME or query:NAME.',
    ),
  dry_run: z.boolean().default(false).describe('Only counts what would have had to wait.'),
}

const limitSection = section(limitKeys).check((ctx) => {
  const { adaptive, min, max } = ctx.value
  if (adaptive && min > max)
    ctx.issues.push({ code: 'custom', input: ctx.value, message: 'has a `min` above its `max`' })
})

export type ConcurrencyConfig = z.output<typeof limitSection>

export const concurrencySchema = z
  .union([z.int().min(1).max(100_000), z.literal(false), limitSection], {
    error: 'must be a number, false, or {adaptive: true, …}',
  })
  .transform((value): ConcurrencyConfig | false =>
    typeof value === 'number' ? limitSection.parse({ adaptive: false, max: value }) : value,
  )
  .describe(
    'Requests that the upstream works on at once: a number, or found out with {adaptive: true}. false: no limit.',
  )
