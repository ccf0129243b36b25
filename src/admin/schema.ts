/** The `admin` section: where the admin listener is, and who may use it. */
import { section, z } from '../config/schema.ts'
import type { Problem } from '../core/feature.ts'
import { isLoopback, parseAddress } from './policy/address.ts'

export interface AdminConfig {
  readonly address: string
  /** Empty: none is asked for. */
  readonly token: string
}

const notAnAddress =
  'is not an address: write for example 127.0.0.1:9900, :9900, [::1]:9900 or unix:/run/gateway-admin.sock'

const addressSchema = z
  .string({ error: notAnAddress })
  .refine((text) => parseAddress(text) !== undefined, { error: notAnAddress })

// RFC 6750 §2.1: what may follow `Bearer `.
const tokenSchema = z.string().regex(/^(?:[A-Za-z0-9._~+/-]+=*)?$/, {
  error: 'holds characters that a bearer token cannot have: use letters, digits and `-._~+/`',
})

export const adminSchema: z.ZodType<AdminConfig | false> = z
  .union([
    z.literal(false),
    section({
      address: addressSchema
        .describe('Where metrics, health and the API are served: host:port, :port, [v6]:port or unix:/path.')
        .default('127.0.0.1:9900'),
      token: tokenSchema
        .describe('Bearer token for everything but /healthz and /readyz; required when the address is not loopback.')
        .default(''),
    }),
  ])
  .describe('The admin listener; `false` switches it off.')
  .prefault({})

/** Below this, a token on a network can be guessed. */
const SHORT_TOKEN = 16

/** Rules across keys. Paths start at the root. */
export function checkAdmin(config: AdminConfig): Problem[] {
  const address = parseAddress(config.address)
  if (address === undefined || isLoopback(address)) return []
  if (config.token === '') {
    return [
      {
        path: ['admin', 'address'],
        message: `"${config.address}" can be reached from other machines, and there is no token`,
        fix: 'set `token`, best from the environment, or bind to 127.0.0.1',
      },
    ]
  }
  if (config.token.length >= SHORT_TOKEN) return []
  return [
    {
      path: ['admin', 'token'],
      message: `is shorter than ${SHORT_TOKEN} characters`,
      fix: 'use a long random one, such as `openssl rand -hex 32` prints',
      severity: 'warning',
    },
  ]
}
