/** `rate_limit`: how many requests each client may send, in bounded memory or over all instances that share a Redis. */
import type { Deps, Feature, Problem } from '../../core/feature.ts'
import { keyOf, type TokenCounters, Tokens } from './jwt.ts'
import { compileKey } from './key.ts'
import { Level, type Limit, nameOf } from './level.ts'
import { degraded, displaced, keys, requests, tokens } from './metrics.ts'
import { Quota } from './quota.ts'
import { type LimitConfig, type RateLimitConfig, rateLimitSchema } from './schema.ts'
import { RateLimitStage } from './stage.ts'
import { ArrivalTable } from './store/table.ts'

export const rateLimit: Feature<RateLimitConfig | undefined> = {
  key: 'rate_limit',
  route: rateLimitSchema as never,
  inherits: true,
  metrics: [requests, keys, displaced, degraded, tokens],
  check(config, _top, _route, names) {
    if (config === undefined || config === false) return []
    return config.flatMap((limit, i) => [...sharing(limit, i, names.hasSharedState), ...verifying(limit, i)])
  },
  build(config, _top, route, deps) {
    if (config === undefined || config === false) return undefined
    return { stage: stageOf(config, route.name, deps) }
  },
}

function sharing({ scope }: LimitConfig, index: number, hasSharedState: boolean): Problem[] {
  if (scope !== 'shared' || hasSharedState) return []
  const message = 'is shared, but there is no `redis`'
  return [{ path: ['rate_limit', index], message, fix: 'add `redis: {url: …}` at the top level' }]
}

function verifying({ jwt }: LimitConfig, index: number): Problem[] {
  if (jwt === undefined) return []
  try {
    keyOf(jwt)
    return []
  } catch (error) {
    const file = jwt.public_key === undefined ? 'jwks' : 'public_key'
    const message = `can't be used: ${error instanceof Error ? error.message : String(error)}`
    return [{ path: ['rate_limit', index, 'jwt', file], message, fix: 'name a file that this process can read' }]
  }
}

function stageOf(config: readonly LimitConfig[], route: string, deps: Deps): RateLimitStage {
  const counter = (result: string) => deps.metrics.counter(tokens, { route, result })
  const counters: TokenCounters = { valid: counter('valid'), invalid: counter('invalid') }
  const degradedCounter = deps.metrics.counter(degraded, { route })
  const readers: Tokens[] = []
  const levels: Level[] = []
  const quotas: Quota[] = []
  const limits: Limit[] = []
  for (const [i, limit] of config.entries()) {
    const reader = isByToken(limit) ? new Tokens(limit.jwt, deps.clock, counters) : undefined
    if (reader !== undefined && limit.jwt !== undefined) readers.push(reader)
    const parts = { name: nameOf(limit, config, i), route, keyOf: compileKey(limit.by, reader), deps }
    if (limit.window === 'fixed') {
      const quota = new Quota(limit, parts, degradedCounter)
      quotas.push(quota)
      limits.push(quota.limit)
    } else {
      const level = new Level(limit, parts)
      levels.push(level)
      limits.push(level.limit)
    }
  }
  const { table, seed } = stateOf(deps)
  return new RateLimitStage({ limits, levels, quotas, tokens: readers, table, seed, degraded: degradedCounter }, deps)
}

function isByToken({ by }: LimitConfig): boolean {
  return (typeof by === 'string' ? [by] : by).some((source) => source.startsWith('jwt:'))
}

interface State {
  readonly table: ArrivalTable
  readonly seed: number
  readonly stop: () => void
}

/** One table for all limits of the gateway: kept over reloads, so that nobody gets a fresh allowance by one. */
function stateOf(deps: Deps): State {
  const make = (): State => {
    const table = new ArrivalTable()
    const [gauge, counter] = [deps.metrics.gauge(keys, {}), deps.metrics.counter(displaced, {})]
    const stop = deps.metrics.onCollect(() => {
      gauge.value = table.live(deps.clock.now())
      counter.value = table.displaced
    })
    return { table, seed: Math.floor(deps.random() * 2 ** 32), stop }
  }
  return deps.lease.use('rate-limit', '', make, ({ stop }) => stop())
}
