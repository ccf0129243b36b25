/** The cache of a route: policy compiled, state shared by all routes and kept over reloads. */
import type { Exchange } from '../../core/exchange.ts'
import type { Deps, Feature, Problem } from '../../core/feature.ts'
import { headerValue } from '../../core/headers.ts'
import type { Keep } from '../../core/keep.ts'
import type { RequestHead } from '../../core/message.ts'
import type { Counter, MetricSpec } from '../../core/metrics.ts'
import { Networks } from '../../core/networks.ts'
import type { CacheEvents, CachePolicy, CacheState, Tier, UnderWay } from './contract.ts'
import { CacheOrigin } from './origin.ts'
import { Passes } from './passes.ts'
import { compileKeys, cookieValue, type KeyRules, keyOfTarget } from './policy/key.ts'
import type { Keying, PurgeRequest } from './policy/purge.ts'
import { type Announcer, type PurgeReport, Purges } from './purges.ts'
import { type CacheConfig, type CacheTopConfig, cacheSchema, cacheTopSchema } from './schema.ts'
import { Bus } from './shared/bus.ts'
import { sharedMetrics } from './shared/metrics.ts'
import { SharedTier } from './shared/tier.ts'
import { MemoryStore } from './store/memory.ts'

const requests: MetricSpec = {
  name: 'gateway_cache_requests_total',
  help: 'Answers by how the cache came by them.',
  type: 'counter',
  labels: ['route', 'result'],
}
const refused: MetricSpec = {
  name: 'gateway_cache_refusals_total',
  help: 'Answers that were not kept or requests that went past the cache, by reason.',
  type: 'counter',
  labels: ['route', 'reason'],
}
const saved: MetricSpec = {
  name: 'gateway_cache_saved_seconds_total',
  help: 'Time that the origin once took for answers which then came from the cache.',
  type: 'counter',
  labels: ['route'],
}
const bytes: MetricSpec = {
  name: 'gateway_cache_bytes',
  help: 'Memory that stored answers take.',
  type: 'gauge',
  labels: [],
}
const objects: MetricSpec = { name: 'gateway_cache_objects', help: 'Stored answers.', type: 'gauge', labels: [] }
const evictions: MetricSpec = {
  name: 'gateway_cache_evictions_total',
  help: 'Stored answers that made room for others.',
  type: 'counter',
  labels: [],
}

export type { PurgeRequest } from './policy/purge.ts'
export type { PurgeReport } from './purges.ts'

/** The state's kind in what outlives reloads. */
const KIND = 'cache'

export const cache: Feature<CacheConfig | false | undefined, CacheTopConfig> = {
  key: 'cache',
  route: cacheSchema,
  inherits: true,
  top: { key: 'cache', schema: cacheTopSchema },
  metrics: [requests, refused, saved, bytes, objects, evictions, ...sharedMetrics],
  check: (config) => (config === undefined || config === false ? [] : check(config)),
  checkTop: (top, names) => (top.redis === false || names.hasSharedState ? [] : [noRedis]),
  build: (config, top, route, deps) => {
    if (config === undefined || config === false) return undefined
    const state = sharedState(top, deps)
    const policy = compile(route.name, config)
    registerKeying(state, config, deps)
    const events = routeEvents(route.name, deps)
    return { over: (inner) => new CacheOrigin(policy, state, deps.clock, events, inner) }
  },
}

/** What a route's `cache` wants fetched before clients ask for it. */
export function urlsToWarm(config: unknown): readonly string[] {
  return (config as CacheConfig | false | undefined) ? (config as CacheConfig).warm : []
}

/** Purges what the configurations in use have stored; a text says what is wrong with the request. */
export async function purgeCaches(keep: Keep, request: PurgeRequest): Promise<PurgeReport | string> {
  let sum: PurgeReport = { matched: 0, soft: request.isSoft, dry_run: request.isDryRun, others: 'none' }
  for (const { purges } of keep.values(KIND) as CacheState[]) {
    const report = await purges.purge(request)
    if (typeof report === 'string') return report
    sum = { ...report, matched: sum.matched + report.matched }
  }
  return sum
}

const noRedis: Problem = {
  path: ['cache', 'redis'],
  message: 'needs a Redis',
  fix: 'say where it is: `redis: {url: redis://localhost:6379}`',
}

function check(config: CacheConfig): Problem[] {
  if (!config.ignore_origin || config.override_ttl !== undefined) return []
  return [
    {
      path: ['cache', 'ignore_origin'],
      message: 'needs `override_ttl`',
      fix: 'say how long answers are to be kept, such as `override_ttl: 30s`',
    },
  ]
}

/** So that purges by URL find what this route keeps, for as long as a configuration has it. */
function registerKeying({ purges }: CacheState, config: CacheConfig, { lease }: Deps): void {
  const { keyings } = purges
  const make = (): Keying => {
    const rules = keyRules(config)
    const keying = { host: rules.host, keyOf: (...target: Target) => keyOfTarget(rules, ...target) }
    keyings.add(keying)
    return keying
  }
  lease.use('cache-keying', JSON.stringify(config.key), make, (keying) => keyings.delete(keying))
}

type Target = [authority: string, path: string, query: string]

function keyRules(config: CacheConfig): KeyRules {
  return { ...config.key, headers: config.key.headers.map((name) => name.toLowerCase()) }
}

function compile(route: string, config: CacheConfig): CachePolicy {
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
      bypassFields.some((name) => headerValue(request.headers, name) !== undefined) ||
      bypassCookies.some((name) => cookieValue(request.headers, name) !== undefined),
    maxObjectBytes: config.max_object,
    statusField: config.status_header,
    tagsField: config.tags.toLowerCase(),
  }
}

/** One store for all routes; another budget is another store. */
function sharedState(top: CacheTopConfig, deps: Deps): CacheState {
  const { metrics, lease, clock } = deps
  const own = lease.use(
    KIND,
    String(top.memory),
    () => {
      const evicted = metrics.counter(evictions, {})
      const store = new MemoryStore(top.memory, { evicted: () => evicted.value++ })
      const bytesGauge = metrics.gauge(bytes, {})
      const objectsGauge = metrics.gauge(objects, {})
      const stop = metrics.onCollect(() => {
        bytesGauge.value = store.bytes
        objectsGauge.value = store.count
      })
      const fetching = new Map<string, UnderWay>()
      return { store, passes: new Passes(), fetching, purges: new Purges({ store, fetching }, clock), stop }
    },
    ({ stop }) => stop(),
  )
  return { ...own, tier: sharedTier(top, own, deps) }
}

/** What instances share, for as long as a configuration has the same Redis and the same settings for it. */
function sharedTier(top: CacheTopConfig, own: Omit<CacheState, 'tier'>, deps: Deps): Tier | undefined {
  const { shared, lease, clock, metrics, random } = deps
  if (top.redis === false || shared === undefined) return undefined
  const { max_object, wait } = top.redis
  const { store, purges } = own
  const identity = JSON.stringify([top.memory, top.redis, shared.identity])
  const make = () => {
    const instance = `${Math.floor(clock.wall()).toString(36)}${random().toString(36).slice(2)}`
    let bus: Bus | undefined
    const tier = new SharedTier(
      { shared, clock, metrics, store, instance, settings: { maxBytes: max_object, waitMs: wait } },
      (told) => {
        bus = new Bus(
          { shared, clock, metrics, instance },
          {
            purge: (selector, isSoft) => void purges.apply(selector, isSoft),
            doubt: () => void purges.doubt(),
            ended: (name, isFilled) => told.ended(name, isFilled),
            deaf: () => told.deaf(),
          },
        )
        return bus
      },
    )
    const announcer: Announcer = {
      announce: (selector, isSoft) => {
        if (!isSoft && selector.keys !== undefined) tier.purge(selector.keys)
        return (bus as Bus).announce(selector, isSoft)
      },
    }
    purges.announcers.add(announcer)
    const end = () => {
      purges.announcers.delete(announcer)
      bus?.close()
    }
    return { tier, end }
  }
  return lease.use('cache-tier', identity, make, ({ end }) => end()).tier
}

function routeEvents(route: string, { metrics }: Deps): CacheEvents {
  const results = new Map<string, Counter>()
  const reasons = new Map<string, Counter>()
  const savedSeconds = metrics.counter(saved, { route })
  const counter = (spec: MetricSpec, label: string, known: Map<string, Counter>, value: string): Counter => {
    let handle = known.get(value)
    if (handle === undefined) {
      handle = metrics.counter(spec, { route, [label]: value })
      known.set(value, handle)
    }
    return handle
  }
  return {
    result: (_x: Exchange, result) => {
      counter(requests, 'result', results, result).value++
    },
    refused: (because) => {
      counter(refused, 'reason', reasons, because).value++
    },
    saved: (savedMs) => {
      savedSeconds.value += savedMs / 1000
    },
  }
}
