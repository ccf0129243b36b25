/**
 * Quotas: rate-limiter-flexible counts them, with Redis and with what stands in while it is gone. What it takes for its Redis
 * client is one of two here, neither of which it has itself: our connection to Redis, with its short timeouts, and memory
 * that is bounded and goes by our own clock (its own memory has a timer per key and no bound).
 *
 * A request that would go beyond the quota is not counted, so that a smaller one may still fit.
 */
import { createHash } from 'node:crypto'
import { RateLimiterRedis } from 'rate-limiter-flexible'
import type { Clock } from '../../../core/clock.ts'
import type { Counter } from '../../../core/metrics.ts'
import type { Script, SharedState } from '../../../core/shared-state.ts'

/** What the library asks of its client: to add to a window, which answers with its count and its milliseconds left. */
export interface WindowClient {
  readonly status: 'ready'
  defineCommand(name: string, command: { readonly lua: string }): void
  /** @param args the key, the points (below 0 to give back), the seconds of a new window, the quota, seconds again */
  rlflxIncr(args: readonly string[]): Promise<[count: number, leftMs: number]>
}

export interface Windows {
  readonly points: number
  readonly windowMs: number
  readonly client: WindowClient
  /** Counts in place of one whose client fails. */
  readonly insurance?: RateLimiterRedis
}

export function windowLimiter({ points, windowMs, client, insurance }: Windows): RateLimiterRedis {
  return new RateLimiterRedis({
    storeClient: client,
    keyPrefix: '',
    points,
    duration: windowMs / 1000,
    ...(insurance === undefined ? {} : { insuranceLimiter: insurance }),
  })
}

/** Keys of one quota: about 20 MB with keys of 60 characters. */
const MOST_KEYS = 100_000
/** Among so many of the oldest keys, the one that has used least gives way to a new one. */
const CANDIDATES = 16

export class MemoryWindows implements WindowClient {
  readonly status = 'ready'
  readonly #clock: Clock
  /** By key, the oldest first. */
  readonly #windows = new Map<string, { count: number; endsAt: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#windows.size
  }

  defineCommand(): void {}

  rlflxIncr([key = '', points, seconds, quota]: readonly string[]): Promise<[number, number]> {
    const now = this.#clock.now()
    const known = this.#windows.get(key)
    const isOver = known === undefined || known.endsAt <= now
    const endsAt = isOver ? now + Number(seconds) * 1000 : known.endsAt
    const before = isOver ? (known === undefined ? this.#makeRoom(now) : 0) : known.count
    const count = Math.max(0, before + Number(points))
    if (count <= Number(quota)) {
      if (isOver) this.#windows.delete(key)
      this.#windows.set(key, { count, endsAt })
    }
    return Promise.resolve([count, Math.ceil(endsAt - now)])
  }

  /** Makes room for a new key. Returns what that has used up from the start: what the one had that gave way. */
  #makeRoom(now: number): number {
    if (this.#windows.size < MOST_KEYS) return 0
    let [chosen, least, looked] = ['', Number.POSITIVE_INFINITY, 0]
    for (const [key, { count, endsAt }] of this.#windows) {
      const used = endsAt <= now ? 0 : count
      if (used < least) [chosen, least] = [key, used]
      if (least === 0 || ++looked === CANDIDATES) break
    }
    this.#windows.delete(chosen)
    return least
  }
}

/** KEYS: the window's count. ARGV: the points, the seconds of a new window, the quota. */
const script: Script = {
  name: 'rate_limit_window',
  lua: `
local count = tonumber(redis.call('GET', KEYS[1])) or 0
local left = redis.call('PTTL', KEYS[1])
local after = math.max(0, count + tonumber(ARGV[1]))
if left <= 0 then left = tonumber(ARGV[2]) * 1000 end
if after <= tonumber(ARGV[3]) then redis.call('SET', KEYS[1], after, 'PX', left) end
return {after, left}
`,
}

export class SharedWindows implements WindowClient {
  /** Always: whether Redis answers, our connection knows and says at once. */
  readonly status = 'ready'
  readonly #shared: SharedState
  readonly #degraded: Counter

  constructor(shared: SharedState, degraded: Counter) {
    this.#shared = shared
    this.#degraded = degraded
  }

  /** The library's own script counts also what it refuses. */
  defineCommand(): void {}

  async rlflxIncr([key = '', points = '0', seconds = '0', quota = '0']: readonly string[]): Promise<[number, number]> {
    const digest = createHash('sha256').update(key).digest('base64url').slice(0, 22)
    const name = `${this.#shared.prefix}window:${digest}`
    try {
      return (await this.#shared.run(script, [name], [points, seconds, quota])) as [number, number]
    } catch (error) {
      this.#degraded.value++
      throw error
    }
  }
}
