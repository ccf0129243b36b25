/** The words of `upstreams.NAME.sticky`. */
import { duration, policy, z } from '../config/schema.ts'
import { cookieFaults } from './policy/sticky.ts'

/** RFC 6265 §4.1.1: av-octets without control characters and semicolons. */
const pathPattern = /^\/[\x20-\x3a\x3c-\x7e]*$/

/** Browsers keep no cookie for longer. */
const LONGEST_MS = 400 * 86_400_000

export const stickySchema = policy({
  cookie: z
    .string()
    .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/, { error: 'is not a cookie name: use letters, digits, `-` and `_`' })
    .default('gw_affinity')
    .describe('Name of the cookie.'),
  secret: z
    .string()
    .min(16, { error: 'is too short to be a secret: use at least 16 characters' })
    .describe(
      'Keys the cookie’s value, so that nobody can find out endpoints’ addresses by trying. The same for all instances.',
    )
    .optional(),
  ttl: duration({ maxMs: LONGEST_MS })
    .prefault('0s')
    .describe('How long clients keep their endpoint. 0s: until the browser is closed.'),
  path: z
    .string()
    .regex(pathPattern, { error: 'is not a path: begin it with `/`' })
    .default('/')
    .describe('Path that the cookie is for.'),
  same_site: z
    .enum(['lax', 'strict', 'none'], { error: 'must be lax, strict or none' })
    .default('lax')
    .describe('Whether other sites’ requests carry the cookie.'),
  secure: z
    .union([z.boolean(), z.literal('auto')], { error: 'must be true, false or auto' })
    .default('auto')
    .describe('Whether the cookie is for https only; auto: where the client uses https.'),
  http_only: z.boolean().default(true).describe('Whether scripts in the page can’t read it.'),
})
  .check((ctx) => {
    if (ctx.value === false) return
    for (const { key, message } of cookieFaults(ctx.value)) {
      ctx.issues.push({ code: 'custom', input: ctx.value, message, path: [key] })
    }
  })
  .describe('Has each client keep its endpoint, by a cookie, for as long as that endpoint can be used.')

export type StickyConfig = Exclude<z.output<typeof stickySchema>, false>
