/** The words of `rate_limit`: one limit, or a list that must all let a request pass. */
import { BlockList, isIP } from 'node:net'
import { duration, name, rate, section, z } from '../../config/schema.ts'

const sourcePattern =
  /^(?:client_ip|path|host|route|(?:header|cookie|query):[!#$%&'*+.^_`|~0-9A-Za-z-]+|jwt:[\x21-\x7e]+)$/

const source = z.string().regex(sourcePattern, {
  error:
    'is not something to count by: write client_ip, header:NAME, cookie:NAME, query:NAME, jwt:CLAIM, path, host or route',
})

const network = z.string().check((ctx) => {
  const [address = '', bits] = ctx.value.split('/', 2)
  const family = isIP(address)
  const most = family === 6 ? 128 : 32
  const isRight = family !== 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most))
  if (isRight) return
  ctx.issues.push({
    code: 'custom',
    input: ctx.value,
    message: 'is not an address or network: write for example 10.0.0.0/8',
  })
})

const algorithm = z.string().regex(/^(?:HS|RS|PS|ES)(?:256|384|512)$|^EdDSA$/, {
  error: 'is not an algorithm of signatures: write for example HS256, RS256, ES256 or EdDSA',
})

const jwtSchema = section({
  secret: z
    .string()
    .min(16, { error: 'is shorter than 16 characters' })
    .describe('Shared secret of HMAC signatures.')
    .optional(),
  public_key: z.string().describe('File with a public key (PEM).').optional(),
  jwks: z.string().describe('File with a JSON Web Key Set; the token’s `kid` chooses the key.').optional(),
  algorithms: z
    .array(algorithm)
    .min(1, { error: 'is empty: name at least one' })
    .optional()
    .describe('Signatures that are believed. Default: HS256 with `secret`, those of public keys otherwise.'),
  issuer: z.string().describe('What `iss` must be.').optional(),
  audience: z.string().describe('What `aud` must be, or hold.').optional(),
}).describe(
  'How the tokens of `by: jwt:CLAIM` are verified. Without it their claims are merely read: anybody can make some up.',
)
export type JwtConfig = z.output<typeof jwtSchema>

const oneLimit = section({
  name: name().optional().describe('Its name in metrics, logs and answers. Default: what it counts by.'),
  limit: rate().describe('Requests that may come, sustained: `100/s`, `1000/m`, `5000/h`.'),
  burst: z
    .int()
    .min(1)
    .max(10_000_000)
    .optional()
    .describe('Requests that may come at once. Default: those of one period.'),
  by: z
    .union([source, z.array(source).min(1, { error: 'is empty: name what to count by' })])
    .default('client_ip')
    .describe(
      'What is counted: requests of each client_ip, header:NAME, cookie:NAME, query:NAME, jwt:CLAIM, path, host or route, or of each combination of a list of these.',
    ),
  window: z
    .enum(['sliding', 'fixed'], { error: 'is neither `sliding` nor `fixed`' })
    .default('sliding')
    .describe(
      '`sliding`: exact at every moment, sustained rate and burst. `fixed`: a quota, counted from a client’s first request until the period is over, then anew.',
    ),
  pace: duration({ maxMs: 60_000 })
    .describe('Hold a request that comes too early back for up to this long, in place of refusing it.')
    .prefault('0s'),
  jwt: jwtSchema.optional(),
  cost: z.int().min(1).max(1_000_000).default(1).describe('How many requests one request counts as.'),
  exempt: z.array(network).default([]).describe('Addresses and networks of clients that are not counted.'),
  scope: z
    .enum(['local', 'shared'], { error: 'must be local or shared' })
    .default('local')
    .describe('Whose requests are counted: those of this instance, or with `redis` those of all that share it.'),
  dry_run: z.boolean().default(false).describe('Only counts what would have been refused.'),
}).check((ctx) => {
  const { limit, cost, window, pace, burst, by, jwt } = ctx.value
  const say = (message: string, ...path: string[]) =>
    ctx.issues.push({ code: 'custom', input: ctx.value, message, path })
  const isByToken = (typeof by === 'string' ? [by] : by).some((each) => each.startsWith('jwt:'))
  if (limit.count <= 0) say('has a `limit` of nothing')
  else if (cost > (burst ?? Math.max(1, limit.count))) say('has a `cost` above its `burst`: nothing would pass')
  if (window === 'fixed' && limit.count < 1) say('has a quota below 1: nothing would pass')
  if (window === 'fixed' && limit.periodMs < 1000) say('is shorter than a second: use a sliding one', 'window')
  if (window === 'fixed' && burst !== undefined) say('is for sliding windows: a quota may be used up at once', 'burst')
  if (window === 'fixed' && pace > 0) say('is for sliding windows: nobody waits for the next hour', 'pace')
  if (jwt !== undefined && !isByToken) say('has nothing to verify: nothing is counted `by: jwt:CLAIM`', 'jwt')
  const keys = [jwt?.secret, jwt?.public_key, jwt?.jwks].filter((key) => key !== undefined).length
  if (jwt !== undefined && keys !== 1) say('needs exactly one of `secret`, `public_key` and `jwks`', 'jwt')
})
export type LimitConfig = z.output<typeof oneLimit>

export const rateLimitSchema = z
  .union([
    oneLimit,
    z.array(oneLimit).min(1, { error: 'is empty: give at least one limit, or false' }),
    z.literal(false),
  ])
  .transform((value): readonly LimitConfig[] | false => (value === false || Array.isArray(value) ? value : [value]))
  .describe('How many requests each client may send: one limit, or a list that must all let a request pass.')

export type RateLimitConfig = readonly LimitConfig[] | false

/** The networks of `exempt`, for looking addresses up. */
export function blockListOf(networks: readonly string[]): BlockList | undefined {
  if (networks.length === 0) return undefined
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/', 2)
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    list.addSubnet(address, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family)
  }
  return list
}
