/** A route's `cache` settings, compiled. */
import type { Random } from '../../core/clock.ts'
import { hasCookie } from '../../core/cookies.ts'
import { hasHeader } from '../../core/headers.ts'
import type { RequestHead } from '../../core/message.ts'
import { Networks } from '../../core/networks.ts'
import type { CachePolicy } from './contract.ts'
import { hasMisleadingField } from './policy/guard.ts'
import { compileKeys, type KeyRules, keyOfTarget } from './policy/key.ts'
import type { CacheConfig } from './schema.ts'

export function keyRules(config: CacheConfig): KeyRules {
  return { ...config.key, headers: config.key.headers.map((name) => name.toLowerCase()) }
}

export function compile(route: string, config: CacheConfig, random: Random): CachePolicy {
  const rules = keyRules(config)
  const purgers = config.purge === undefined ? undefined : new Networks(config.purge.allow)
  const bypassFields = config.bypass.headers.map((name) => name.toLowerCase())
  const bypassCookies = config.bypass.cookies
  return {
    lifetime: {
      overrideMs: config.override_ttl,
      fallbackMs: config.ttl,
      negativeMs: new Map(Object.entries(config.negative).map(([status, ms]) => [Number(status), ms])),
    },
    stale: { whileRevalidateMs: config.stale_while_revalidate, ifErrorMs: config.stale_if_error },
    ignoresOrigin: config.ignore_origin,
    keys: compileKeys(route, rules),
    keyOfTarget: (authority, path, query) => keyOfTarget(rules, authority, path, query),
    mayPurge: purgers === undefined ? undefined : (address) => purgers.has(address),
    bypasses: (request: RequestHead) =>
      bypassFields.some((name) => hasHeader(request.headers, name)) ||
      bypassCookies.some((name) => hasCookie(request.headers, name)),
    misleads: ({ headers }) => hasMisleadingField(headers, rules.headers),
    maxObjectBytes: config.max_object,
    statusField: config.status_header,
    tagsField: config.tags.toLowerCase(),
    jitter: config.ttl_jitter,
    refreshesEarly: config.early_refresh,
    random,
  }
}
