/** The keys of one entry under `upstreams`. */
import { isIP } from 'node:net'
import { duration, name, section, share, size, z } from '../config/schema.ts'
import {
  balanceSchema,
  breakerSchema,
  concurrencySchema,
  discoverySchema,
  healthCheckSchema,
  outlierSchema,
} from './schema-resilience.ts'
import { stickySchema } from './schema-sticky.ts'

const unsupported = 'is not supported in this version'

/** A word out of a list of which only some can be used yet. */
function word<const W extends string>(words: readonly W[], reserved: readonly string[]): z.ZodEnum<{ [K in W]: K }> {
  return z.enum(words, {
    error: ({ input }) => {
      const [key] = typeof input === 'object' && input !== null ? Object.keys(input) : [input]
      if (typeof key !== 'string' || !reserved.includes(key)) {
        return `must be ${words.map((each) => `"${each}"`).join(' or ')}`
      }
      return typeof input === 'string' ? `"${key}" ${unsupported}` : `{${key}: …} ${unsupported}`
    },
  })
}

/** What is wrong with an endpoint's address, as the end of a sentence; undefined when nothing is. */
export function endpointFault(text: string): string | undefined {
  if (text.startsWith('unix:')) {
    return /^unix:\/[^\0]+$/.test(text) ? undefined : 'needs an absolute path: write for example unix:/run/app.sock'
  }
  const match = /^https?:\/\/([^/?#]*)(.*)$/i.exec(text)
  if (match === null)
    return 'is not an address: write for example http://10.0.0.11:8080, https://… or unix:/run/app.sock'
  const [, authority = '', rest = ''] = match
  if (authority.includes('@')) return 'must not hold a user or password'
  if (rest !== '' && rest !== '/') return 'must not have a path: a route’s `rewrite` changes paths'
  if (!URL.canParse(text) || !isHost(new URL(text).hostname))
    return 'is not a URL: write for example http://10.0.0.11:8080'
  return new URL(text).port === '0' ? 'has no valid port: use a number from 1 to 65535' : undefined
}

function isHost(host: string): boolean {
  if (host.startsWith('[')) return isIP(host.slice(1, -1)) === 6
  return /^[a-z0-9_]([a-z0-9._-]*[a-z0-9_.])?$/i.test(host)
}

const address = z
  .string({ error: 'is not an address: write for example http://10.0.0.11:8080' })
  .check((ctx) => {
    const fault = endpointFault(ctx.value)
    if (fault !== undefined) ctx.issues.push({ code: 'custom', input: ctx.value, message: fault })
  })
  .meta({ examples: ['http://10.0.0.11:8080'] })

const spelledOut = section({
  url: address.describe('http://host:port, https://host:port or unix:/path, without a path of its own.'),
  weight: z.int().min(0).max(1000).default(1).describe('Its share of the requests, relative to the others; 0: none.'),
  zone: name().optional().describe('Where it runs.'),
  tier: z
    .int()
    .min(0)
    .max(100)
    .default(0)
    .describe('Failover level: the lowest tier takes all requests while enough of it is healthy.'),
  role: z
    .enum(['primary', 'replica'], { error: 'must be primary or replica' })
    .default('primary')
    .describe('What it may be asked: a replica gets safe methods only, and all of these while there is one.'),
})

export type EndpointConfig = z.output<typeof spelledOut>

const endpoint = z.union([address, spelledOut]).transform((value) => (typeof value === 'string' ? short(value) : value))

function short(url: string): EndpointConfig {
  return { url, weight: 1, tier: 0, role: 'primary' }
}

const file = z.string().min(1)

const tlsSchema = section({
  verify: z.boolean().default(true).describe('Whether the endpoint’s certificate must be valid for its name.'),
  ca: file.optional().describe('PEM file with the authorities to trust instead of the system’s.'),
  server_name: z.string().min(1).optional().describe('Name for SNI and verification. Default: the endpoint’s host.'),
  cert: file.optional().describe('PEM file with the certificate to show to endpoints that ask for one.'),
  key: file.optional().describe('PEM file with that certificate’s key.'),
}).check((ctx) => {
  const { cert, key } = ctx.value
  if ((cert === undefined) === (key === undefined)) return
  ctx.issues.push({ code: 'custom', input: ctx.value, message: 'needs both `cert` and `key`, or neither' })
})

const poolSchema = section({
  connections: z.int().min(1).max(65_536).default(256).describe('Connections to one endpoint at most.'),
  queue: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(10_000)
    .describe(
      'Requests that may wait for a connection to one endpoint; beyond, another endpoint is asked, or the answer is 503.',
    ),
  idle_timeout: duration({ minMs: 1, maxMs: 86_400_000 })
    .prefault('55s')
    .describe('Time an unused connection stays open: less than the endpoint’s own keep-alive time.'),
  response_header_size: size()
    .prefault('64KiB')
    .check((ctx) => {
      if (ctx.value >= 1024 && ctx.value <= 1024 * 1024) return
      ctx.issues.push({ code: 'custom', input: ctx.value, message: 'must be between 1KiB and 1MiB' })
    })
    .describe('Size of an answer’s header section; 502 (`bad_response`) beyond.'),
})

export const upstreamSchema = section({
  endpoints: z
    .array(endpoint)
    .check((ctx) => {
      if (ctx.value.length === 0 || ctx.value.some(({ weight }) => weight > 0)) return
      ctx.issues.push({ code: 'custom', input: ctx.value, message: 'needs an endpoint with a weight above 0' })
    })
    .default([])
    .describe('Addresses that requests are spread over: `http://host:port`, or with weight, zone, tier and role.'),
  discover: discoverySchema.optional().describe('Finds endpoints by DNS, beside those in `endpoints`.'),
  balance: balanceSchema
    .prefault('round_robin')
    .describe(
      'How an endpoint is chosen: round_robin, smooth and by weight; least_requests; peak_ewma, by latency and load; random; or {hash: …}, the same endpoint for the same client_ip, path, header:NAME, cookie:NAME or query:NAME while its load allows.',
    ),
  zone_aware: section({
    zone: z.string().describe('Where this gateway runs; empty: nowhere in particular.'),
  })
    .optional()
    .describe('Prefers endpoints of the same zone while enough of them are healthy.'),
  slow_start: duration({ maxMs: 3_600_000 })
    .prefault('0s')
    .describe('Time over which the share of an endpoint that is new or healthy again grows to its full weight.'),
  panic: share()
    .prefault('50%')
    .describe('Share of healthy endpoints below which health is no longer believed and all are used.'),
  protocol: word(['http1'], ['h2', 'auto']).default('http1').describe('What is spoken to the endpoints.'),
  tls: tlsSchema.prefault({}).describe('For https endpoints.'),
  pool: poolSchema.prefault({}).describe('Connections, per endpoint.'),
  health_check: healthCheckSchema.optional(),
  outlier_ejection: outlierSchema.prefault(true),
  circuit_breaker: breakerSchema.prefault(false),
  sticky: stickySchema.prefault(false),
  concurrency: concurrencySchema.prefault(false),
}).check((ctx) => {
  const { endpoints, discover, sticky } = ctx.value
  const report = (message: string, path: string[] = []) =>
    ctx.issues.push({ code: 'custom', input: ctx.value, message, path })
  if (endpoints.length === 0 && discover === undefined) report('needs at least one endpoint, or `discover`')
  if (sticky !== false && endpoints.some(({ role }) => role === 'replica')) {
    report('cannot stand beside `role: replica`: clients would change endpoints with each kind of request', ['sticky'])
  }
})

export type UpstreamConfig = z.output<typeof upstreamSchema>
export type TlsConfig = UpstreamConfig['tls']
export type PoolConfig = UpstreamConfig['pool']

/** The upstream that a route means by a URL in place of a name. */
export function inlineUpstream(url: string): UpstreamConfig {
  return upstreamSchema.parse({ endpoints: [url] })
}
