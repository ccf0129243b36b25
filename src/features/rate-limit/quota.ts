/**
 * A limit with `window: fixed`: so many requests from a key's first one on, then none until the window is over. For quotas
 * per minute, hour and day, which people count that way. Windows, what is left of them, and what stands in for Redis while it
 * is gone are rate-limiter-flexible's; where they are kept is ours (store/windows.ts).
 */
import { type RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import type { Exchange } from '../../core/exchange.ts'
import type { Counter } from '../../core/metrics.ts'
import { Limit, type LimitParts, type Said } from './level.ts'
import type { LimitConfig } from './schema.ts'
import { MemoryWindows, SharedWindows, windowLimiter } from './store/windows.ts'

/** What a quota says to one request. */
export interface Verdict {
  readonly said: Said
  readonly isPassed: boolean
}

export class Quota {
  readonly limit: Limit
  readonly #cost: number
  readonly #windows: RateLimiterRedis

  constructor(config: LimitConfig, parts: Omit<LimitParts, 'most' | 'windowMs'>, degraded: Counter) {
    const { count, periodMs } = config.limit
    const limit = new Limit(config, { ...parts, most: Math.floor(count), windowMs: periodMs })
    this.limit = limit
    this.#cost = config.cost
    const { clock, lease, shared } = parts.deps
    const sizes = { points: limit.most, windowMs: periodMs }
    const memory = lease.use(
      'rate-limit-windows',
      limit.identity,
      () => new MemoryWindows(clock),
      () => {},
    )
    const own = windowLimiter({ ...sizes, client: memory })
    const isElsewhere = limit.isShared && shared !== undefined
    this.#windows = isElsewhere
      ? windowLimiter({ ...sizes, client: new SharedWindows(shared, degraded), insurance: own })
      : own
  }

  /** Counts a request, if there is room for it. */
  async take(x: Exchange): Promise<Verdict> {
    const [result, isPassed] = await this.#windows.consume(this.limit.keyOf(x), this.#cost).then(
      (left) => [left, true] as const,
      (thrown: unknown) => {
        if (thrown instanceof RateLimiterRes) return [thrown, false] as const
        throw thrown
      },
    )
    ;(isPassed ? this.limit.passed : this.limit.limited).value++
    return { said: { limit: this.limit, remaining: result.remainingPoints, resetMs: result.msBeforeNext }, isPassed }
  }

  /** Gives back what a request took that another limit then refused. */
  giveBack(x: Exchange): void {
    this.limit.passed.value--
    // What can't be given back now is given back by the end of the window.
    this.#windows.reward(this.limit.keyOf(x), this.#cost).catch(() => {})
  }
}
