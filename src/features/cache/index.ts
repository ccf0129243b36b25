/** The cache of a route: policy compiled, state shared by all routes and kept over reloads. */
import type { Deps, Feature, Problem } from '../../core/feature.ts'
import { InFlight } from '../../core/in-flight.ts'
import type { Keep } from '../../core/keep.ts'
import type { CacheState, Tier, UnderWay } from './contract.ts'
import { Arriving } from './fill.ts'
import { bytes, cacheMetrics, evictions, objects, routeEvents } from './metrics.ts'
import { CacheOrigin } from './origin.ts'
import { Passes } from './passes.ts'
import { keyOfTarget } from './policy/key.ts'
import type { Keying, PurgeRequest } from './policy/purge.ts'
import { type Announcer, type PurgeReport, Purges } from './purges.ts'
import { compile, keyRules } from './rules.ts'
import { type CacheConfig, type CacheTopConfig, cacheSchema, cacheTopSchema } from './schema.ts'
import { ShadowOrigin, type ShadowState } from './shadow.ts'
import { Bus } from './shared/bus.ts'
import { SharedTier } from './shared/tier.ts'
import { MemoryStore } from './store/memory.ts'

export type { PurgeRequest } from './policy/purge.ts'
export type { PurgeReport } from './purges.ts'

/** The state's kind in what outlives reloads. */
const KIND = 'cache'
const SHADOW_KIND = 'cache-shadow'

export const cache: Feature<CacheConfig | false | undefined, CacheTopConfig> = {
  key: 'cache',
  route: cacheSchema,
  inherits: true,
  top: { key: 'cache', schema: cacheTopSchema },
  metrics: cacheMetrics,
  check: (config) => (config === undefined || config === false ? [] : check(config)),
  checkTop: (top, names) => (top.redis === false || names.hasSharedState ? [] : [noRedis]),
  build: (config, top, route, deps) => {
    if (config === undefined || config === false) return undefined
    const policy = compile(route.name, config, deps.random)
    const events = routeEvents(route.name, config.mode === 'shadow', deps)
    if (config.mode === 'shadow') {
      const state = shadowState(top, deps)
      registerKeying(SHADOW_KIND, state, config, top, deps)
      return { over: (inner) => new ShadowOrigin(policy, state, deps.clock, events, inner) }
    }
    const state = sharedState(top, deps)
    registerKeying(KIND, state, config, top, deps)
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
  // What shadow mode would have stored goes, too, and does not count: nobody was given it.
  for (const { purges } of keep.values(SHADOW_KIND) as ShadowState[]) await purges.purge(request)
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
function registerKeying(
  kind: string,
  { purges }: Pick<CacheState, 'purges'>,
  config: CacheConfig,
  top: CacheTopConfig,
  { lease }: Deps,
): void {
  const { keyings } = purges
  const make = (): Keying => {
    const rules = keyRules(config)
    const keying = { host: rules.host, keyOf: (...target: Target) => keyOfTarget(rules, ...target) }
    keyings.add(keying)
    return keying
  }
  lease.use(`${kind}-keying`, JSON.stringify([top.memory, config.key]), make, (keying) => keyings.delete(keying))
}

type Target = [authority: string, path: string, query: string]

/** Beside the store, answers that are coming may take a quarter of its budget, but never less than this. */
const LEAST_ARRIVING_BYTES = 16 * 1024 * 1024

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
      const fetching = new InFlight<UnderWay>()
      return {
        store,
        passes: new Passes(),
        large: new Passes(),
        arriving: new Arriving(Math.max(LEAST_ARRIVING_BYTES, top.memory / 4)),
        failing: new Passes(),
        fetching,
        purges: new Purges({ store, fetching }, clock),
        stop,
      }
    },
    ({ stop }) => stop(),
  )
  return { ...own, pressure: deps.pressure, tier: sharedTier(top, own, deps) }
}

/** What routes in shadow mode would store, with a budget of the same size of its own: it takes nothing from the others. */
function shadowState(top: CacheTopConfig, { lease, clock }: Deps): ShadowState {
  const make = (): ShadowState => {
    const store = new MemoryStore(top.memory, { evicted: () => {} })
    const purges = new Purges({ store, fetching: new InFlight<UnderWay>() }, clock)
    return { store, purges, underWay: new Map() }
  }
  return lease.use(SHADOW_KIND, String(top.memory), make)
}

/** What instances share, for as long as a configuration has the same Redis and the same settings for it. */
function sharedTier(top: CacheTopConfig, own: Pick<CacheState, 'store' | 'purges'>, deps: Deps): Tier | undefined {
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
