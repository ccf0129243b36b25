/** The `redis` section: where state is kept that instances share, and how long anybody waits for it. */
import { duration, section, z } from '../config/schema.ts'
import type { Problem } from '../core/feature.ts'

export interface RedisConfig {
  readonly url: string | undefined
  readonly prefix: string
  readonly cluster: readonly string[] | undefined
  readonly sentinel: SentinelConfig | undefined
  readonly username: string
  readonly password: string
  readonly tls: RedisTlsConfig | false
  readonly timeouts: { readonly connect: number; readonly command: number }
}

export interface SentinelConfig {
  readonly addresses: readonly string[]
  readonly name: string
  readonly password: string
}

export interface RedisTlsConfig {
  readonly ca: string | undefined
  readonly server_name: string | undefined
  readonly verify: boolean
}

/** A server's place as an operator writes it, taken apart. */
export interface Place {
  readonly host: string
  readonly port: number
}

const notAUrl =
  'is not a Redis URL: write redis://host:6379, redis://user:password@host:6379/0, rediss://… for TLS, or unix:/run/redis.sock'

const urlSchema = z.string({ error: notAUrl }).refine((text) => parseRedisUrl(text) !== undefined, { error: notAUrl })

const notAPlace = 'is not an address: write host:port, such as redis-1.internal:6379'

const placeSchema = z
  .string({ error: notAPlace })
  .refine((text) => parsePlace(text) !== undefined, { error: notAPlace })

const noneGiven = 'is empty: give at least one host:port'

const timeoutsSchema = section({
  connect: duration({ minMs: 10 }).describe('Until a connection is there.').prefault('2s'),
  command: duration({ minMs: 5 })
    .describe('Until a command is answered; whoever asked then goes on without, and Redis counts as down.')
    .prefault('50ms'),
}).describe('How long anybody waits for Redis.')

const tlsSchema = section({
  ca: z.string().min(1).describe('File with the authority that signed the server’s certificate.').optional(),
  server_name: z.string().min(1).describe('Name the certificate must have, when it is not the host’s.').optional(),
  verify: z.boolean().describe('Whether the certificate is checked.').default(true),
})

export const redisSchema: z.ZodType<RedisConfig | undefined> = section({
  url: urlSchema
    .describe('One server: redis://host:6379, rediss:// for TLS, or unix:/path; may hold user, password and database.')
    .optional(),
  prefix: z
    .string()
    .max(64)
    .regex(/^[\x21-\x7a|~]*$/, { error: 'holds spaces, braces or other than plain characters: use for example `gw:`' })
    .describe('Begins the name of every key and channel, so that several gateways can use one Redis.')
    .default('gw:'),
  cluster: z
    .array(placeSchema)
    .min(1, { error: noneGiven })
    .describe('Some servers of a Redis Cluster, instead of `url`; the others are found through them.')
    .optional(),
  sentinel: section({
    addresses: z.array(placeSchema).min(1, { error: noneGiven }).describe('The sentinels.'),
    name: z.string().min(1).describe('Name of the primary, as the sentinels know it.').default('mymaster'),
    password: z.string().describe('Password of the sentinels themselves.').default(''),
  })
    .describe('Sentinels that know the primary, instead of `url`.')
    .optional(),
  username: z.string().describe('Who to log in as, when the URL does not say.').default(''),
  password: z.string().describe('Password, when the URL does not hold it.').default(''),
  tls: z
    .union([z.boolean().transform((on) => on && tlsSchema.parse({})), tlsSchema])
    .describe('TLS to a cluster, to the primary that sentinels name, or with an authority of your own.')
    .default(false),
  timeouts: timeoutsSchema.prefault({}),
})
  .describe('State that instances share: Redis, Valkey, or a kin of them. Requests never wait for it for long.')
  .optional() as never

/** Rules across keys. Paths start at the root. */
export function checkRedis(config: RedisConfig | undefined): Problem[] {
  if (config === undefined) return []
  const given = (['url', 'cluster', 'sentinel'] as const).filter((key) => config[key] !== undefined)
  if (given.length === 0) {
    return [{ path: ['redis'], message: 'does not say where Redis is', fix: 'give it `url`, `cluster` or `sentinel`' }]
  }
  const problems: Problem[] = []
  if (given.length > 1) {
    problems.push({
      path: ['redis', given[1] as string],
      message: `cannot stand beside \`${given[0]}\``,
      fix: 'keep one of `url`, `cluster` and `sentinel`',
    })
  }
  if (config.username !== '' && config.password === '' && config.url === undefined) {
    problems.push({ path: ['redis', 'username'], message: 'has no password', fix: 'set `password`' })
  }
  return problems
}

export interface RedisPlace {
  readonly path?: string
  readonly host?: string
  readonly port?: number
  readonly username?: string
  readonly password?: string
  readonly db?: number
  readonly isTls: boolean
}

/** Undefined when it is no such URL. Settings in a query are not taken: they could be any of a client's options. */
export function parseRedisUrl(text: string): RedisPlace | undefined {
  if (text.startsWith('unix:/')) return text.length > 6 ? { path: text.slice(5), isTls: false } : undefined
  if (!/^rediss?:\/\//.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  const database = /^\/?(\d{0,5})$/.exec(url.pathname)?.[1]
  if (url.hostname === '' || database === undefined || url.search !== '' || url.hash !== '') return undefined
  const [username, password] = [decoded(url.username), decoded(url.password)]
  if (username === undefined || password === undefined) return undefined
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 6379 : Number(url.port),
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    db: database === '' ? 0 : Number(database),
    isTls: url.protocol === 'rediss:',
  }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Reads `host:port` or `[v6]:port`. */
export function parsePlace(text: string): Place | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text)
  if (match === null) return undefined
  const port = Number(match[3])
  return port > 0 && port <= 65535 ? { host: (match[1] ?? match[2]) as string, port } : undefined
}
