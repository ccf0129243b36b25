/** The cache of a route: policy compiled, state shared by all routes and kept over reloads. */
import type { Exchange } from '../../core/exchange.ts'
import type { Deps, Feature, Problem } from '../../core/feature.ts'
import { headerValue } from '../../core/headers.ts'
import type { RequestHead } from '../../core/message.ts'
import type { Counter, MetricSpec } from '../../core/metrics.ts'
import type { CacheEvents, CachePolicy, CacheState } from './contract.ts'
import { CacheOrigin } from './origin.ts'
import { Passes } from './passes.ts'
import { compileKeys, cookieValue, type KeyRules, keyOfTarget } from './policy/key.ts'
import { type CacheConfig, type CacheTopConfig, cacheSchema, cacheTopSchema } from './schema.ts'
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

export const cache: Feature<CacheConfig | false | undefined, CacheTopConfig> = {
  key: 'cache',
  route: cacheSchema,
  inherits: true,
  top: { key: 'cache', schema: cacheTopSchema },
  metrics: [requests, refused, saved, bytes, objects, evictions],
  check: (config) => (config === undefined || config === false ? [] : check(config)),
  build: (config, top, route, deps) => {
    if (config === undefined || config === false) return undefined
    const state = sharedState(top, deps)
    const policy = compile(route.name, config)
    const events = routeEvents(route.name, deps)
    return { over: (inner) => new CacheOrigin(policy, state, deps.clock, events, inner) }
  },
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

function compile(route: string, config: CacheConfig): CachePolicy {
  const rules: KeyRules = { ...config.key, headers: config.key.headers.map((name) => name.toLowerCase()) }
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
  const { metrics, lease } = deps
  const shared = lease.use(
    'cache',
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
      return { store, passes: new Passes(), fetching: new Map(), stop }
    },
    ({ stop }) => stop(),
  )
  return shared
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
