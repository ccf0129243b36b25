/** One limit of one route, compiled: what all kinds of limits have in common, and the smooth kind (GCRA). */
import type { BlockList } from 'node:net'
import { isIPv6 } from 'node:net'
import { GatewayError } from '../../core/errors.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { Deps } from '../../core/feature.ts'
import type { Counter } from '../../core/metrics.ts'
import type { KeyOf } from './key.ts'
import { requests } from './metrics.ts'
import type { GcraLimit } from './policy/gcra.ts'
import { type HashPair, hashPair } from './policy/hash.ts'
import { blockListOf, type LimitConfig } from './schema.ts'

/** Whom it counts, and what it says of each. */
export class Limit {
  readonly name: string
  /** The same limit on several routes counts their requests together; another one counts its own. */
  readonly identity: string
  /** Requests that may come at once. */
  readonly most: number
  readonly cost: number
  readonly isDryRun: boolean
  readonly isShared: boolean
  readonly #keyOf: KeyOf
  readonly passed: Counter
  readonly paced: Counter
  readonly limited: Counter
  /** `RateLimit-Policy` item (draft-ietf-httpapi-ratelimit-headers-10 §3). */
  readonly policy: string
  readonly #exempt: BlockList | undefined
  readonly #exempted: Counter

  constructor(config: LimitConfig, parts: LimitParts) {
    const { name, route, keyOf, deps, most, windowMs } = parts
    this.name = name
    this.identity = `${JSON.stringify([name, config.limit, config.window === 'fixed' ? 'fixed' : most, config.by])}\n`
    this.most = most
    this.cost = config.cost
    this.isDryRun = config.dry_run
    this.isShared = config.scope === 'shared'
    this.#keyOf = keyOf
    this.#exempt = blockListOf(config.exempt)
    const counter = (decision: string) => deps.metrics.counter(requests, { route, limit: name, decision })
    this.passed = counter('passed')
    this.paced = counter('paced')
    this.limited = counter(config.dry_run ? 'would_limit' : 'limited')
    this.#exempted = counter('exempt')
    this.policy = `"${name}";q=${most};w=${Math.max(1, Math.round(windowMs / 1000))}`
  }

  /** Who is counted, apart from all that other limits count. */
  keyOf(x: Exchange): string {
    return this.identity + this.#keyOf(x)
  }

  /** Whether this client is not counted; counts that. */
  isExempt({ peer: { client } }: Exchange): boolean {
    if (this.#exempt?.check(client, isIPv6(client) ? 'ipv6' : 'ipv4') !== true) return false
    this.#exempted.value++
    return true
  }
}

export interface LimitParts {
  readonly name: string
  readonly route: string
  readonly keyOf: KeyOf
  readonly deps: Deps
  readonly most: number
  readonly windowMs: number
}

/** A smooth limit. */
export class Level implements GcraLimit {
  readonly limit: Limit
  readonly cost: number
  readonly isDryRun: boolean
  readonly intervalMs: number
  readonly burst: number
  /** How long a request that comes too early may be held back. */
  readonly paceMs: number
  readonly hash: HashPair = { first: 0, second: 0 }
  /** Where the key of the request at hand lies; -1 when it is exempt. */
  place = -1
  next = 0
  delayMs = 0

  constructor(config: LimitConfig, parts: Omit<LimitParts, 'most' | 'windowMs'>) {
    const { limit, burst = Math.max(1, Math.floor(limit.count)) } = config
    const intervalMs = limit.periodMs / limit.count
    this.limit = new Limit(config, { ...parts, most: burst, windowMs: burst * intervalMs })
    this.cost = config.cost
    this.isDryRun = config.dry_run
    this.intervalMs = intervalMs
    this.burst = burst
    this.paceMs = config.dry_run ? 0 : config.pace
  }

  /** Finds out where the key of a request lies. */
  hashOf(x: Exchange, seed: number): HashPair {
    hashPair(this.limit.keyOf(x), seed, this.hash)
    return this.hash
  }
}

/** What a limit said, for the fields of the answer. */
export interface Said {
  readonly limit: Limit
  readonly remaining: number
  readonly resetMs: number
}

/** The `RateLimit` field (draft-ietf-httpapi-ratelimit-headers-10 §4). */
export function fieldOf({ limit, remaining, resetMs }: Said): string {
  return `"${limit.name}";r=${remaining};t=${Math.ceil(resetMs / 1000)}`
}

export function limited(limit: Limit, waitMs: number): GatewayError {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000))
  return new GatewayError('rate_limited', limit.name, ['Retry-After', String(seconds)])
}

/** Its own name, or what it counts by; a number after it where two would have the same. */
export function nameOf(limit: LimitConfig, all: readonly LimitConfig[], index: number): string {
  const plain = ({ name, by }: LimitConfig) =>
    name ?? (typeof by === 'string' ? by : by.join('+')).replaceAll(/[^A-Za-z0-9._+-]/g, '-')
  const own = plain(limit)
  const before = all.slice(0, index).filter((other) => plain(other) === own).length
  return before === 0 ? own : `${own}-${before + 1}`
}
