/** The keys of one entry under `upstreams`, and the policies `timeouts` and `retry` that decide about tries. */
import { isIP } from 'node:net'
import { duration, name, policy, section, z } from '../config/schema.ts'

const unsupported = 'is not supported in this version'

/** A key that is reserved: clear words instead of "unknown key". */
const later = (): z.ZodOptional<z.ZodNever> => z.never({ error: unsupported }).optional()

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
    .literal(0, { error: `other than 0 ${unsupported}` })
    .default(0)
    .describe('Failover level.'),
  role: z
    .literal('primary', { error: `other than primary ${unsupported}` })
    .default('primary')
    .describe('What it may be asked.'),
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
    .default(1024)
    .describe('Requests that may wait for a connection to one endpoint; 503 beyond.'),
  idle_timeout: duration({ minMs: 1, maxMs: 86_400_000 })
    .prefault('55s')
    .describe('Time an unused connection stays open: less than the endpoint’s own keep-alive time.'),
})

export const upstreamSchema = section({
  endpoints: z
    .array(endpoint)
    .min(1, { error: 'is empty: give at least one endpoint' })
    .check((ctx) => {
      if (ctx.value.some(({ weight }) => weight > 0)) return
      ctx.issues.push({ code: 'custom', input: ctx.value, message: 'needs an endpoint with a weight above 0' })
    })
    .describe('Addresses that requests are spread over: `http://host:port`, or with weight and zone.'),
  balance: word(['round_robin'], ['least_requests', 'peak_ewma', 'random', 'hash'])
    .default('round_robin')
    .describe('How an endpoint is chosen: round_robin, smooth and by weight.'),
  protocol: word(['http1'], ['h2', 'auto']).default('http1').describe('What is spoken to the endpoints.'),
  tls: tlsSchema.prefault({}).describe('For https endpoints.'),
  pool: poolSchema.prefault({}).describe('Connections, per endpoint.'),
  discover: later().describe('Reserved.'),
  sticky: later().describe('Reserved.'),
  zone_aware: later().describe('Reserved.'),
  slow_start: later().describe('Reserved.'),
  health_check: later().describe('Reserved.'),
  outlier_ejection: later().describe('Reserved.'),
  circuit_breaker: later().describe('Reserved.'),
  concurrency: later().describe('Reserved.'),
})

export type UpstreamConfig = z.output<typeof upstreamSchema>
export type TlsConfig = UpstreamConfig['tls']
export type PoolConfig = UpstreamConfig['pool']

/** The upstream that a route means by a URL in place of a name. */
export function inlineUpstream(url: string): UpstreamConfig {
  return upstreamSchema.parse({ endpoints: [url] })
}

/** `0s` in the file is Infinity here: no limit. */
const limit = () => duration().transform((ms) => (ms === 0 ? Number.POSITIVE_INFINITY : ms))

export const timeoutsSchema = section({
  connect: limit()
    .prefault('2s')
    .describe('Time to get a connection, new or kept, waiting for a free one included. 0s: no limit.'),
  response: limit()
    .prefault('15s')
    .describe('Time from the end of the request until the answer’s header section is here. 0s: no limit.'),
  idle: limit().prefault('30s').describe('Time an answer may stall once it has begun. 0s: no limit.'),
  total: limit().prefault('0s').describe('Time for the request as a whole, tries included. 0s: no limit.'),
}).describe('How long to wait for an upstream.')

export type TimeoutsConfig = z.output<typeof timeoutsSchema>

const reason = word(['connect', 'unsent'], ['reset', 'timeout', '502', '503', '504'])

export type RetryReason = z.output<typeof reason>

export const retrySchema = policy({
  attempts: z.int().min(1).max(10).default(2).describe('How often a request is sent at most, the first time included.'),
  on: z
    .array(z.preprocess((value) => (typeof value === 'number' ? String(value) : value), reason))
    .default(['connect', 'unsent'])
    .describe(
      'What is tried again: connect (no connection was made), unsent (a kept connection turned out to be closed).',
    ),
  budget: later().describe('Reserved.'),
  per_try: later().describe('Reserved.'),
}).describe('When a request is sent again, to another endpoint where there is one.')

export type RetryConfig = Exclude<z.output<typeof retrySchema>, false>
