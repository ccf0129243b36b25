/** The `cache` key of a route, and the top-level `cache` section. */

import { duration, policy, section, share, size, z } from '../../config/schema.ts'
import { isNetwork } from '../../core/networks.ts'

const names = () => z.array(z.string().min(1, { error: 'is empty' }))

const negativeSchema = z
  .record(z.string().regex(/^[345]\d\d$/, { error: 'is not a status from 300 to 599' }), duration())
  .describe('Freshness by status for error answers that have none of their own, such as `{404: 5s}`.')
  .default({})

const querySchema = z
  .union(
    [
      z.enum(['all', 'none']),
      section({
        only: names().describe('Only these parameters count.').optional(),
        except: names().describe('All but these count; `utm_*` stands for every name that begins so.').optional(),
        sort: z.boolean().describe('Whether the order of parameters makes no difference.').optional(),
      }).refine((rule) => rule.only === undefined || rule.except === undefined, {
        error: 'has both `only` and `except`: use one of them',
      }),
    ],
    { error: 'is not one of `all`, `none`, `{only: […]}`, `{except: […]}` and `{sort: true}`' },
  )
  .describe('Which query parameters make a difference. `all`: the query as it is, byte for byte.')

const keySchema = section({
  query: querySchema.default('all'),
  headers: names().describe('Request fields whose values make a difference.').default([]),
  cookies: names().describe('Cookies whose values make a difference.').default([]),
  host: z.boolean().describe('Whether the host makes a difference.').default(true),
}).describe('What two requests must have in common to get the same stored answer.')

const bypassSchema = section({
  cookies: names().describe('Requests with one of these cookies go past the cache.').default([]),
  headers: names().describe('Requests with one of these fields go past the cache.').default([]),
}).describe('Requests that neither get nor leave a stored answer.')

const notANetwork = 'is neither an IP address nor a network: write for example 10.0.0.0/8, 192.168.1.7 or ::1'

const notToWarm = 'is not the URL that a client asks for: write for example http://shop.example.com/catalog'

function isAbsolute(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text) && !/[@#]/.test(text)
}

const shape = {
  mode: z
    .enum(['on', 'shadow'], { error: 'is neither `on` nor `shadow`' })
    .describe(
      '`shadow` serves nothing from the cache and changes no request: metrics tell what it would have saved, and whether bodies differ under one key.',
    )
    .default('on'),
  ttl: duration()
    .describe('Freshness for answers, but for errors, whose origin gives none and which have no Last-Modified.')
    .prefault('0s'),
  override_ttl: duration()
    .describe('Freshness whatever the origin says, but for errors; `private` and `no-store` still hold.')
    .optional(),
  ignore_origin: z
    .boolean()
    .describe('With override_ttl: keep answers even against `private` and `no-store`. Never for pages of one user.')
    .default(false),
  stale_while_revalidate: duration()
    .describe(
      'How long an answer that was fresh may be given while a new one is fetched, where the origin does not say.',
    )
    .prefault('0s'),
  stale_if_error: duration()
    .describe('How long an answer that was fresh may stand in for an error, where the origin does not say.')
    .prefault('1h'),
  early_refresh: z
    .boolean()
    .describe(
      'Fetch popular answers anew in the background shortly before they become stale, so that nobody waits for it.',
    )
    .default(true),
  ttl_jitter: share()
    .describe('By how much of it a freshness lifetime is shortened at random, so that not all become stale at once.')
    .prefault('0%'),
  negative: negativeSchema,
  key: keySchema.prefault({}),
  bypass: bypassSchema.prefault({}),
  warm: z
    .array(z.string({ error: notToWarm }).refine(isAbsolute, { error: notToWarm }))
    .describe('URLs that are fetched after a start and a reload, one after another, as a client would ask for them.')
    .default([]),
  max_object: size().describe('Largest answer that is kept.').prefault('8MiB'),
  tags: z.string().describe('Response field that carries purge tags.').default('surrogate-key'),
  purge: section({
    allow: z
      .array(z.string({ error: notANetwork }).refine(isNetwork, { error: notANetwork }))
      .min(1, { error: 'is empty: name who may purge' })
      .describe('Addresses and networks whose PURGE requests remove what is stored for their URL; 403 for others.'),
  })
    .describe('Purging with the PURGE method. Without it, such requests go to the backend like any other.')
    .optional(),
  status_header: z
    .boolean()
    .describe('Send Cache-Status (RFC 9211), which says what the cache did and why.')
    .default(true),
}

export const cacheSchema = policy(shape).describe(
  'Keep answers and give them again (RFC 9111). `true` obeys the origin, with the defaults below.',
)
export type CacheConfig = Exclude<z.output<typeof cacheSchema>, false>

const sharedShape = {
  max_object: size().describe('Largest answer that is shared.').prefault('1MiB'),
  wait: duration({ minMs: 10, maxMs: 60_000 })
    .describe('How long a request waits for another instance that fetches the same thing, before it fetches itself.')
    .prefault('1s'),
}

export const cacheTopSchema = section({
  memory: size().describe('Memory for stored answers, in all.').prefault('256MiB'),
  redis: policy(sharedShape)
    .describe('Share stored answers, purges and fetches with other instances, in the Redis that `redis` names.')
    .default(false),
})
  .describe('The cache’s stores.')
  .prefault({})
export type CacheTopConfig = z.output<typeof cacheTopSchema>
