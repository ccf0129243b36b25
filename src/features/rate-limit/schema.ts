/** The words of `rate_limit`: one limit, or a list that must all let a request pass. */
import { BlockList, isIP } from 'node:net'
import { name, rate, section, z } from '../../config/schema.ts'

const sourcePattern = /^(?:client_ip|path|host|route|(?:header|cookie|query):[!#$%&'*+.^_`|~0-9A-Za-z-]+)$/

const source = z.string().regex(sourcePattern, {
  error: 'is not something to count by: write client_ip, header:NAME, cookie:NAME, query:NAME, path, host or route',
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
      'What is counted: requests of each client_ip, header:NAME, cookie:NAME, query:NAME, path, host or route, or of each combination of a list of these.',
    ),
  cost: z.int().min(1).max(1_000_000).default(1).describe('How many requests one request counts as.'),
  exempt: z.array(network).default([]).describe('Addresses and networks of clients that are not counted.'),
  scope: z
    .enum(['local', 'shared'], { error: 'must be local or shared' })
    .default('local')
    .describe('Whose requests are counted: those of this instance, or with `redis` those of all that share it.'),
  dry_run: z.boolean().default(false).describe('Only counts what would have been refused.'),
}).check((ctx) => {
  const { limit, burst, cost } = ctx.value
  if (limit.count <= 0) ctx.issues.push({ code: 'custom', input: ctx.value, message: 'has a `limit` of nothing' })
  else if (cost > (burst ?? Math.max(1, limit.count))) {
    ctx.issues.push({ code: 'custom', input: ctx.value, message: 'has a `cost` above its `burst`: nothing would pass' })
  }
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
