/**
 * The whole configuration file: the sections that each folder owns, put together. Everything that reads a file goes
 * through here: `run`, `check`, `explain`, reloads and tests see the same problems and the same defaults.
 */
import { type AdminConfig, adminSchema, checkAdmin } from './admin/schema.ts'
import { type Loading, loadConfiguration } from './config/load.ts'
import { section, size, z } from './config/schema.ts'
import { didYouMean } from './config/suggest.ts'
import type { AnyFeature, Names, Path, Problem } from './core/feature.ts'
import { features } from './features.ts'
import { type ListenerConfig, listenerSchema } from './net/schema.ts'
import { checkRedis, type RedisConfig, redisSchema } from './redis/schema.ts'
import { unreachableRoutes } from './router/lint.ts'
import { defaultRouteName, patternLabel } from './router/name.ts'
import { checkRewrite } from './router/rewrite.ts'
import {
  type MatchConfig,
  matchSchema,
  type RewriteConfig,
  rewriteSchema,
  routeNameSchema,
  type SplitConfig,
  splitSchema,
} from './router/schema.ts'
import { lessThanDefault } from './upstream/policy/retry.ts'
import { type UpstreamConfig, upstreamSchema } from './upstream/schema.ts'
import {
  type HedgeConfig,
  hedgeSchema,
  type RetryConfig,
  retrySchema,
  type TimeoutsConfig,
  timeoutsSchema,
} from './upstream/schema-tries.ts'

export interface RouteConfig {
  readonly name: string
  readonly match: MatchConfig
  readonly upstream: SplitConfig | undefined
  readonly rewrite: RewriteConfig | undefined
  /** Largest request body in bytes; undefined: the listener's. */
  readonly bodyBytes: number | undefined
  readonly timeouts: TimeoutsConfig
  readonly retry: RetryConfig | false
  readonly hedge: HedgeConfig | false
  /** The value of each feature's key, its own or inherited from `defaults`. */
  readonly features: Readonly<Record<string, unknown>>
}

export interface GatewayConfig {
  readonly listeners: readonly ListenerConfig[]
  readonly admin: AdminConfig | false
  readonly upstreams: Readonly<Record<string, UpstreamConfig>>
  readonly routes: readonly RouteConfig[]
  /** What routes without a `retry` of their own have: the same value as theirs. */
  readonly defaultRetry: RetryConfig | false | undefined
  readonly redis: RedisConfig | undefined
  /** The value of each feature's top-level key. */
  readonly top: Readonly<Record<string, unknown>>
}

/** What stands under a route in the file, and, where marked, under `defaults`. */
function policies(): { inherited: Record<string, z.ZodType>; own: Record<string, z.ZodType> } {
  const inherited: Record<string, z.ZodType> = {
    timeouts: timeoutsSchema,
    retry: retrySchema,
    hedge: hedgeSchema,
    limits: section({
      body_size: size()
        .describe('Largest request body; 413 beyond. Default: the listener’s `limits.body_size`.')
        .optional(),
    }).describe('Limits of this route.'),
  }
  const own: Record<string, z.ZodType> = {}
  for (const feature of features) {
    if (feature.route === undefined) continue
    if (feature.inherits === true) inherited[feature.key] = feature.route
    else own[feature.key] = feature.route
  }
  return { inherited, own }
}

/** What the file holds, before routes are completed from `defaults`. */
interface Written {
  readonly listeners: readonly ListenerConfig[]
  readonly admin: AdminConfig | false
  readonly upstreams: Readonly<Record<string, UpstreamConfig>>
  readonly defaults: Readonly<Record<string, unknown>>
  readonly routes: readonly WrittenRoute[]
  readonly redis?: RedisConfig
  readonly [topKey: string]: unknown
}

interface WrittenRoute {
  readonly name?: string
  readonly match: MatchConfig
  readonly upstream?: SplitConfig
  readonly rewrite?: RewriteConfig
  readonly [policy: string]: unknown
}

function buildSchema(): z.ZodType<GatewayConfig> {
  const { inherited, own } = policies()
  const optional = (shape: Record<string, z.ZodType>) =>
    Object.fromEntries(Object.entries(shape).map(([key, schema]) => [key, schema.optional()]))
  const route = section({
    name: routeNameSchema
      .describe('Label of its metrics and logs; derived from the match when absent. Unique.')
      .optional(),
    match: matchSchema,
    upstream: splitSchema.optional(),
    rewrite: rewriteSchema.optional(),
    ...optional(inherited),
    ...optional(own),
  })
  const top: Record<string, z.ZodType> = {}
  for (const feature of features) {
    if (feature.top !== undefined) top[feature.top.key] = feature.top.schema
  }
  const written = section({
    include: z.array(z.string()).describe('More files to merge in; `*` matches any name.').optional(),
    listeners: z
      .array(listenerSchema)
      .min(1, { error: 'is empty: give at least one listener' })
      .describe('Addresses to accept connections on.')
      .prefault([{}]),
    admin: adminSchema,
    upstreams: z.record(z.string(), upstreamSchema).describe('Groups of endpoints, by name.').default({}),
    defaults: section(optional(inherited)).describe('Policies for routes that don’t have their own.').default({}),
    routes: z
      .array(route)
      .describe('What to do with which request: the first match, top to bottom, decides.')
      .default([]),
    redis: redisSchema,
    ...top,
  })
  return written.transform((value) => resolve(value as unknown as Written)) as unknown as z.ZodType<GatewayConfig>
}

/** Completes routes from `defaults` and names those that have none. */
function resolve(written: Written): GatewayConfig {
  const taken = new Set(written.routes.flatMap((route) => route.name ?? []))
  const routes = written.routes.map((route): RouteConfig => {
    const value = (key: string) => route[key] ?? written.defaults[key]
    const limits = value('limits') as { body_size?: number } | undefined
    const own: Record<string, unknown> = {}
    for (const feature of features) {
      own[feature.key] = feature.inherits === true ? value(feature.key) : route[feature.key]
    }
    return {
      name: route.name ?? uniqueName(defaultRouteName(route.match), taken),
      match: route.match,
      upstream: route.upstream,
      rewrite: route.rewrite,
      bodyBytes: limits?.body_size,
      timeouts: (value('timeouts') as TimeoutsConfig | undefined) ?? timeoutsSchema.parse({}),
      retry: (value('retry') as RetryConfig | false | undefined) ?? (retrySchema.parse(true) as RetryConfig),
      hedge: (value('hedge') as HedgeConfig | false | undefined) ?? false,
      features: own,
    }
  })
  const top: Record<string, unknown> = {}
  for (const feature of features) {
    if (feature.top !== undefined) top[feature.top.key] = written[feature.top.key]
  }
  const { listeners, admin, upstreams, redis } = written
  const defaultRetry = written.defaults.retry as RetryConfig | false | undefined
  return { listeners, admin, upstreams, routes, defaultRetry, redis, top }
}

function uniqueName(wanted: string, taken: Set<string>): string {
  let unique = wanted
  for (let n = 2; taken.has(unique); n++) unique = `${wanted}-${n}`
  taken.add(unique)
  return unique
}

/** One schema for the whole file: validation, defaults, JSON Schema and reference page. */
export const rootSchema: z.ZodType<GatewayConfig> = buildSchema()

/** Rules across keys. @param isWhole false: what was wrong by itself is left out, so which routes can be reached is open */
export function checkConfiguration(config: GatewayConfig, isWhole = true): Problem[] {
  const problems: Problem[] = []
  if (config.admin !== false) problems.push(...checkAdmin(config.admin))
  problems.push(...checkRedis(config.redis))
  problems.push(...duplicates(config.listeners, 'listeners', 'address'))
  problems.push(...duplicates(config.routes, 'routes', 'name'))
  config.routes.forEach((route, index) => {
    problems.push(...checkRoute(route, ['routes', index], config))
  })
  problems.push(...retryWarnings(config))
  problems.push(...checkTops(config))
  if (isWhole) problems.push(...unreachableRoutes(config.routes))
  return problems
}

function duplicates<K extends string>(items: readonly Record<K, string>[], list: string, key: K): Problem[] {
  const seen = new Map<string, number>()
  const problems: Problem[] = []
  items.forEach((item, index) => {
    const first = seen.get(item[key])
    if (first === undefined) seen.set(item[key], index)
    else {
      problems.push({
        path: [list, index, key],
        message: `"${item[key]}" is already used by ${list}[${first}]`,
        fix: `give each of the ${list} its own ${key}`,
      })
    }
  })
  return problems
}

function checkRoute(route: RouteConfig, path: Path, config: GatewayConfig): Problem[] {
  const problems: Problem[] = []
  const answers = features.filter((f) => f.answers === true && isUsed(route.features[f.key])).map((f) => f.key)
  const targets = route.upstream === undefined ? answers : ['upstream', ...answers]
  if (targets.length === 0) {
    problems.push({ path, message: 'has nothing to answer with', fix: 'give it `upstream`, `redirect` or `respond`' })
  } else if (targets.length > 1) {
    problems.push({
      path: [...path, targets[1] as string],
      message: `cannot stand beside \`${targets[0]}\``,
      fix: 'a route has exactly one of `upstream`, `redirect` and `respond`',
    })
  }
  for (const [index, choice] of (route.upstream?.choices ?? []).entries()) {
    if (choice.isUrl || config.upstreams[choice.to] !== undefined) continue
    const close = didYouMean(choice.to, Object.keys(config.upstreams))
    problems.push({
      path: route.upstream?.isList === true ? [...path, 'upstream', index, 'to'] : [...path, 'upstream'],
      message: `there is no upstream "${choice.to}"`,
      fix:
        close === undefined
          ? 'define it under `upstreams:`, or write a URL such as http://localhost:3000'
          : `did you mean "${close}"?`,
    })
  }
  if (route.rewrite !== undefined) problems.push(...checkRewrite(route.rewrite, route.match, path))
  for (const feature of features) problems.push(...checkFeature(feature, route, path, config))
  return problems
}

/** A list that was meant to add to what is tried again may leave out what the default has. */
function retryWarnings({ routes, defaultRetry }: GatewayConfig): Problem[] {
  const own = routes.flatMap(({ retry }, i) => (retry === defaultRetry ? [] : [{ path: ['routes', i], retry }]))
  return [{ path: ['defaults'], retry: defaultRetry ?? false }, ...own].flatMap(({ path, retry }) => {
    if (retry === false || retry.attempts < 2) return []
    const missing = lessThanDefault(retry.on)
    if (missing.length === 0) return []
    return {
      path: [...path, 'retry', 'on'],
      message: `tries less again than the default does: ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not in it`,
      fix: `add ${missing.join(', ')}: nothing has reached a backend then, or a kept connection was closed`,
      severity: 'warning',
    }
  })
}

function checkTops(config: GatewayConfig): Problem[] {
  return features.flatMap((feature) =>
    feature.top === undefined ? [] : (feature.checkTop?.(config.top[feature.top.key], namesOf(config)) ?? []),
  )
}

function namesOf(config: GatewayConfig): Names {
  return { upstreams: Object.keys(config.upstreams), hasSharedState: config.redis !== undefined }
}

function checkFeature(feature: AnyFeature, route: RouteConfig, path: Path, config: GatewayConfig): Problem[] {
  const value = route.features[feature.key]
  if (feature.check === undefined || !isUsed(value)) return []
  const top = feature.top === undefined ? undefined : config.top[feature.top.key]
  const info = { name: route.name, pattern: patternLabel(route.match) }
  return feature
    .check(value, top, info, namesOf(config))
    .map((problem) => ({ ...problem, path: [...path, ...problem.path] }))
}

function isUsed(value: unknown): boolean {
  return value !== undefined && value !== false
}

/** Words of later versions: using one is said to be so, rather than taken for a slip. */
const reserved = ['aggregate', 'batch', 'offload', 'slo', 'tracing', 'transcode', 'workers', 'exemplars']

/** An empty file, or one that was cut off, must not pass for a gateway that answers nothing. */
const required = [
  { key: 'routes', fix: 'write for example `routes: [{upstream: http://localhost:3000}]`; `routes: []` for none' },
]

/** A file as read and checked; `config` is undefined when a problem is an error. */
export type Loaded = Loading<GatewayConfig>

/** Reads and checks a configuration file: whole, with every problem, positioned. */
export function load(file: string, environment: Readonly<Record<string, string | undefined>>): Promise<Loaded> {
  return loadConfiguration({ file, schema: rootSchema, environment, required, reserved, check: checkConfiguration })
}
