/**
 * `rate_limit`: how many requests each client may send, exactly (GCRA), in bounded memory. All limits of a route decide
 * together: a request that one of them refuses uses up nothing of the others.
 */
import type { BlockList } from 'node:net'
import { isIPv6 } from 'node:net'
import { GatewayError } from '../../core/errors.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { Deps, Feature } from '../../core/feature.ts'
import type { ResponseHead } from '../../core/message.ts'
import type { Counter, MetricSpec } from '../../core/metrics.ts'
import type { SharedState } from '../../core/shared-state.ts'
import type { Stage } from '../../core/stage.ts'
import { compileKey, type KeyOf } from './key.ts'
import { arrivalAfter, type GcraLimit, remaining, waitMs } from './policy/gcra.ts'
import { type HashPair, hashPair } from './policy/hash.ts'
import { blockListOf, type LimitConfig, type RateLimitConfig, rateLimitSchema } from './schema.ts'
import { askShared, type SharedAnswer } from './store/shared.ts'
import { ArrivalTable } from './store/table.ts'

const requests: MetricSpec = {
  name: 'gateway_rate_limit_requests_total',
  help: 'Requests by limit and decision: passed, limited, would_limit (dry_run) or exempt.',
  type: 'counter',
  labels: ['route', 'limit', 'decision'],
}

const keys: MetricSpec = {
  name: 'gateway_rate_limit_keys',
  help: 'Keys that have less than their whole burst.',
  type: 'gauge',
  labels: [],
}

const displaced: MetricSpec = {
  name: 'gateway_rate_limit_displaced_total',
  help: 'Keys that lost their place to others: more were counted at once than there is room for.',
  type: 'counter',
  labels: [],
}

const degraded: MetricSpec = {
  name: 'gateway_rate_limit_degraded_total',
  help: 'Requests for which a shared limit was counted by this instance alone, since Redis did not answer in time.',
  type: 'counter',
  labels: ['route'],
}

/** One limit of one route, compiled. */
class Level implements GcraLimit {
  readonly name: string
  /** The same limit on several routes counts their requests together; another one counts its own. */
  readonly identity: string
  readonly intervalMs: number
  readonly burst: number
  readonly cost: number
  readonly isDryRun: boolean
  readonly isShared: boolean
  readonly keyOf: KeyOf
  readonly exempt: BlockList | undefined
  readonly passed: Counter
  readonly limited: Counter
  readonly exempted: Counter
  /** `RateLimit-Policy` item (draft-ietf-httpapi-ratelimit-headers-10 §3). */
  readonly policy: string
  readonly hash: HashPair = { first: 0, second: 0 }
  /** Where the key of the request at hand lies; -1 when it is exempt. */
  place = -1
  next = 0

  constructor(config: LimitConfig, name: string, route: string, deps: Deps) {
    const { limit, burst = Math.max(1, Math.floor(limit.count)) } = config
    this.name = name
    this.identity = `${JSON.stringify([name, limit, burst, config.by])}\n`
    this.intervalMs = limit.periodMs / limit.count
    this.burst = burst
    this.cost = config.cost
    this.isDryRun = config.dry_run
    this.isShared = config.scope === 'shared'
    this.keyOf = compileKey(config.by)
    this.exempt = blockListOf(config.exempt)
    const counter = (decision: string) => deps.metrics.counter(requests, { route, limit: name, decision })
    this.passed = counter('passed')
    this.limited = counter(config.dry_run ? 'would_limit' : 'limited')
    this.exempted = counter('exempt')
    const seconds = Math.max(1, Math.round((burst * this.intervalMs) / 1000))
    this.policy = `"${name}";q=${burst};w=${seconds}`
  }

  /** Whether this client is not counted; counts that. */
  isExempt({ peer: { client } }: Exchange): boolean {
    if (this.exempt?.check(client, isIPv6(client) ? 'ipv6' : 'ipv4') !== true) return false
    this.exempted.value++
    return true
  }
}

/** What a limit said, for the fields of the answer. */
interface Said {
  readonly level: Level
  readonly remaining: number
  readonly resetMs: number
}

class RateLimitStage implements Stage {
  readonly name = 'rate_limit'
  readonly #levels: readonly Level[]
  readonly #shared: readonly Level[]
  readonly #table: ArrivalTable
  readonly #seed: number
  readonly #deps: Deps
  readonly #slot: number
  readonly #policies: string
  readonly #degraded: Counter

  constructor(levels: readonly Level[], state: State, route: string, deps: Deps) {
    this.#levels = levels
    this.#shared = levels.filter(({ isShared }) => isShared)
    this.#table = state.table
    this.#seed = state.seed
    this.#deps = deps
    this.#slot = deps.slot()
    this.#policies = levels.map(({ policy }) => policy).join(', ')
    this.#degraded = deps.metrics.counter(degraded, { route })
  }

  admit(x: Exchange): undefined | Promise<undefined> {
    const { shared, clock } = this.#deps
    if (this.#shared.length > 0 && shared !== undefined) return this.#admitShared(x, shared)
    const now = clock.now()
    const refusing = this.#ask(x, this.#levels, now)
    if (refusing !== undefined) this.#refuse(x, refusing, now)
    this.#take(x, this.#levels, now)
    return undefined
  }

  deliver(x: Exchange, res: ResponseHead): undefined {
    const found = x.slots[this.#slot] as Said | undefined
    if (found === undefined) return
    res.headers.push('RateLimit-Policy', this.#policies, 'RateLimit', fieldOf(found))
  }

  /** Those of this instance first: what they refuse asks nothing of Redis. */
  async #admitShared(x: Exchange, shared: SharedState): Promise<undefined> {
    const own = this.#levels.filter(({ isShared }) => !isShared)
    const refusing = this.#ask(x, own, this.#deps.clock.now())
    if (refusing !== undefined) this.#refuse(x, refusing, this.#deps.clock.now())
    const levels = this.#shared.filter((level) => !level.isExempt(x))
    let answers: SharedAnswer[] | undefined
    if (levels.length > 0 && shared.isUp) {
      const questions = levels.map((level) => ({ level, key: level.identity + level.keyOf(x) }))
      answers = await askShared(shared, questions).catch(() => undefined)
    }
    const now = this.#deps.clock.now()
    if (answers === undefined) {
      // Without Redis each instance goes by what it has seen itself: nobody is refused for want of an answer.
      this.#degraded.value++
      const late = this.#ask(x, this.#levels, now)
      if (late !== undefined) this.#refuse(x, late, now)
      this.#take(x, this.#levels, now)
      return undefined
    }
    this.#follow(x, levels, answers)
    // Others may have used it up meanwhile.
    const late = this.#ask(x, own, now)
    if (late !== undefined) this.#refuse(x, late, now)
    this.#take(x, own, now)
    return undefined
  }

  /** Does as Redis says. */
  #follow(x: Exchange, levels: readonly Level[], answers: readonly SharedAnswer[]): void {
    let found = x.slots[this.#slot] as Said | undefined
    let refusing: Said | undefined
    for (const [i, level] of levels.entries()) {
      const { isPassed, aheadMs } = answers[i] as SharedAnswer
      const said = { level, remaining: remaining(aheadMs, 0, level), resetMs: aheadMs }
      ;(isPassed ? level.passed : level.limited).value++
      if (found === undefined || said.remaining < found.remaining) found = said
      if (isPassed) continue
      if (level.isDryRun) x.refusedBy ||= level.name
      else refusing ??= said
    }
    x.slots[this.#slot] = refusing ?? found
    if (refusing === undefined) return
    x.refusedBy = refusing.level.name
    throw limited(refusing.level, waitMs(refusing.resetMs, 0, refusing.level.cost, refusing.level))
  }

  /** Whether all these let it pass; nothing is used up yet. Returns the first that does not. */
  #ask(x: Exchange, levels: readonly Level[], now: number): Level | undefined {
    let refusing: Level | undefined
    for (const level of levels) {
      level.place = -1
      if (level.isExempt(x)) continue
      hashPair(level.identity + level.keyOf(x), this.#seed, level.hash)
      level.place = this.#table.find(level.hash, now)
      level.next = arrivalAfter(this.#table.arrivalAt(level.place), now, level.cost, level)
      if (!Number.isNaN(level.next)) continue
      level.limited.value++
      if (!level.isDryRun) refusing ??= level
      else x.refusedBy ||= level.name
    }
    return refusing
  }

  /** Uses up what they were just asked for. */
  #take(x: Exchange, levels: readonly Level[], now: number): void {
    let tightest: Level | undefined
    let least = (x.slots[this.#slot] as Said | undefined)?.remaining ?? Number.POSITIVE_INFINITY
    for (const level of levels) {
      if (level.place < 0) continue
      if (!Number.isNaN(level.next)) {
        this.#table.setArrival(level.place, level.next)
        level.passed.value++
      }
      const left = remaining(level.next, now, level)
      if (left < least) {
        least = left
        tightest = level
      }
    }
    if (tightest !== undefined) x.slots[this.#slot] = said(tightest, this.#table, now)
  }

  #refuse(x: Exchange, level: Level, now: number): never {
    x.refusedBy = level.name
    x.slots[this.#slot] = said(level, this.#table, now)
    throw limited(level, waitMs(this.#table.arrivalAt(level.place), now, level.cost, level))
  }
}

function limited(level: Level, wait: number): GatewayError {
  const seconds = Math.max(1, Math.ceil(wait / 1000))
  return new GatewayError('rate_limited', level.name, ['Retry-After', String(seconds)])
}

function said(level: Level, table: ArrivalTable, now: number): Said {
  const arrival = table.arrivalAt(level.place)
  return { level, remaining: remaining(arrival, now, level), resetMs: Math.max(0, arrival - now) }
}

function fieldOf({ level, remaining: left, resetMs }: Said): string {
  return `"${level.name}";r=${left};t=${Math.ceil(resetMs / 1000)}`
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

export const rateLimit: Feature<RateLimitConfig | undefined> = {
  key: 'rate_limit',
  route: rateLimitSchema as never,
  inherits: true,
  metrics: [requests, keys, displaced, degraded],
  check(config, _top, _route, names) {
    if (config === undefined || config === false || names.hasSharedState) return []
    return config.flatMap(({ scope }, i) =>
      scope === 'shared'
        ? [
            {
              path: ['rate_limit', i],
              message: 'is shared, but there is no `redis`',
              fix: 'add `redis: {url: …}` at the top level',
            },
          ]
        : [],
    )
  },
  build(config, _top, route, deps) {
    if (config === undefined || config === false) return undefined
    const levels = config.map((limit, i) => new Level(limit, nameOf(limit, config, i), route.name, deps))
    return { stage: new RateLimitStage(levels, stateOf(deps), route.name, deps) }
  },
}

/** Its own, or what it counts by; a number after it where two would have the same. */
function nameOf(limit: LimitConfig, all: readonly LimitConfig[], index: number): string {
  const plain = ({ name, by }: LimitConfig) => name ?? (typeof by === 'string' ? by : by.join('+')).replaceAll(':', '-')
  const own = plain(limit)
  const before = all.slice(0, index).filter((other) => plain(other) === own).length
  return before === 0 ? own : `${own}-${before + 1}`
}
