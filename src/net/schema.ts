/** The keys of one entry under `listeners`. */
import { duration, section, size, z } from '../config/schema.ts'
import { isNetwork } from '../core/networks.ts'
import { parseAddress } from './address.ts'

/** A key that config.md reserves: clear words instead of "unknown key". */
const later = (): z.ZodOptional<z.ZodNever> => z.never({ error: 'is not supported in this version' }).optional()

const address = z
  .string({ error: 'is not an address: write for example 0.0.0.0:8080, :8080, [::]:8080 or unix:/run/gateway.sock' })
  .check((ctx) => {
    const parsed = parseAddress(ctx.value)
    if (typeof parsed === 'string') ctx.issues.push({ code: 'custom', input: ctx.value, message: parsed })
  })

const network = z.string().check((ctx) => {
  if (isNetwork(ctx.value)) return
  ctx.issues.push({
    code: 'custom',
    input: ctx.value,
    message: 'is not a network: write for example 10.0.0.0/8, 192.0.2.7, fd00::/8 or unix',
  })
})

export const limitsSchema = section({
  max_connections: z
    .int()
    .min(1)
    .default(10_000)
    .describe('How many connections may be open at once; further ones are closed when they arrive.'),
  header_size: size()
    .prefault('32KiB')
    .check((ctx) => {
      if (ctx.value >= 1024 && ctx.value <= 1024 * 1024) return
      ctx.issues.push({ code: 'custom', input: ctx.value, message: 'must be between 1KiB and 1MiB' })
    })
    .describe('Size of a request line with its header section; 431 beyond.'),
  header_count: z.int().min(1).max(10_000).default(100).describe('Header fields of one request; 431 beyond.'),
  header_timeout: duration({ minMs: 100 })
    .prefault('10s')
    .describe('Time for a request line with its header section to arrive, from its first byte; 408 after.'),
  idle_timeout: duration({ minMs: 100 })
    .prefault('75s')
    .describe('Time a connection may stay open between requests, and time a client may take no byte of an answer.'),
  body_size: size().prefault('100MB').describe('Size of a request body; 413 beyond. A route can set its own.'),
  body_min_rate: size()
    .prefault('1KiB')
    .describe('Bytes per second of a request body that a client must send, after a grace of 5s; 408 below. 0B: any.'),
})

export const listenerSchema = section({
  address: address
    .default('0.0.0.0:8080')
    .describe('host:port, :port, [::]:port or unix:/path to accept connections on.'),
  trusted_proxies: z
    .array(network)
    .default([])
    .describe('Networks whose X-Forwarded-* and Forwarded headers are believed; `unix` for peers on a unix socket.'),
  encoded_slashes: z
    .enum(['refuse', 'keep'])
    .default('keep')
    .describe(
      'What to do with %2F in a path: keep it as part of its segment, or refuse it with 400. What climbs once it is decoded, such as `..%2F`, is refused either way.',
    ),
  limits: limitsSchema.prefault({}).describe('Bounds on what one client may use.'),
  tls: later().describe('Reserved.'),
  http2: later().describe('Reserved.'),
  proxy_protocol: later().describe('Reserved.'),
})

export type ListenerConfig = z.output<typeof listenerSchema>
export type ListenerLimits = z.output<typeof limitsSchema>
