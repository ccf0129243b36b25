/**
 * What the limits of a route decide together about a request: one that any of them refuses uses up nothing of the others.
 *
 *   verify the token, where one is counted by ─▶ ask this instance's ─▶ quotas, then Redis ─▶ ask again, take ─▶ wait (pace)
 *
 * Without quotas and shared limits all of it happens in one go, without a promise.
 */
import type { Exchange } from '../../core/exchange.ts'
import type { Deps } from '../../core/feature.ts'
import type { ResponseHead } from '../../core/message.ts'
import type { Counter } from '../../core/metrics.ts'
import type { SharedState } from '../../core/shared-state.ts'
import type { Stage } from '../../core/stage.ts'
import type { Tokens } from './jwt.ts'
import { fieldOf, type Level, type Limit, limited, type Said } from './level.ts'
import { arrivalAfter, remaining, waitMs } from './policy/gcra.ts'
import type { Quota } from './quota.ts'
import { askShared, type SharedAnswer } from './store/shared.ts'
import type { ArrivalTable } from './store/table.ts'

export interface RateLimitParts {
  readonly limits: readonly Limit[]
  readonly levels: readonly Level[]
  readonly quotas: readonly Quota[]
  readonly tokens: readonly Tokens[]
  readonly table: ArrivalTable
  readonly seed: number
  readonly degraded: Counter
}

export class RateLimitStage implements Stage {
  readonly name = 'rate_limit'
  readonly #own: readonly Level[]
  readonly #shared: readonly Level[]
  readonly #parts: RateLimitParts
  readonly #table: ArrivalTable
  readonly #deps: Deps
  readonly #slot: number
  readonly #policies: string

  constructor(parts: RateLimitParts, deps: Deps) {
    const isElsewhere = (level: Level) => level.limit.isShared && deps.shared !== undefined
    this.#parts = parts
    this.#own = parts.levels.filter((level) => !isElsewhere(level))
    this.#shared = parts.levels.filter(isElsewhere)
    this.#table = parts.table
    this.#deps = deps
    this.#slot = deps.slot()
    this.#policies = parts.limits.map(({ policy }) => policy).join(', ')
  }

  admit(x: Exchange): undefined | Promise<undefined> {
    for (const tokens of this.#parts.tokens) {
      const verifying = tokens.verify(x)
      if (verifying !== undefined) return this.#admitVerified(x, verifying)
    }
    return this.#decide(x)
  }

  deliver(x: Exchange, res: ResponseHead): undefined {
    const found = x.slots[this.#slot] as Said | undefined
    if (found === undefined) return
    res.headers.push('RateLimit-Policy', this.#policies, 'RateLimit', fieldOf(found))
  }

  async #admitVerified(x: Exchange, verifying: Promise<void>): Promise<undefined> {
    await verifying
    for (const tokens of this.#parts.tokens) await tokens.verify(x)
    await this.#decide(x)
    return undefined
  }

  #decide(x: Exchange): undefined | Promise<undefined> {
    const { shared, clock } = this.#deps
    if (this.#parts.quotas.length > 0 || this.#shared.length > 0) return this.#decideElsewhere(x, shared)
    const now = clock.now()
    this.#demand(x, this.#own, now)
    return this.#wait(this.#take(x, this.#own, now))
  }

  /** Those of this instance first: what they refuse asks nothing of Redis. */
  async #decideElsewhere(x: Exchange, shared: SharedState | undefined): Promise<undefined> {
    this.#demand(x, this.#own, this.#deps.clock.now())
    const taken: Quota[] = []
    try {
      await this.#takeQuotas(x, taken)
      let delayMs = 0
      const levels = this.#shared.filter((level) => !level.limit.isExempt(x))
      const answers = await this.#ask(x, levels, shared)
      const now = this.#deps.clock.now()
      // Without Redis each instance goes by what it has seen itself: nobody is refused for want of an answer.
      const own = answers === undefined ? [...this.#own, ...levels] : this.#own
      if (answers !== undefined) delayMs = this.#follow(x, levels, answers)
      // Others may have used it up meanwhile.
      this.#demand(x, own, now)
      delayMs = Math.max(delayMs, this.#take(x, own, now))
      await this.#wait(delayMs)
    } catch (refusal) {
      for (const quota of taken) quota.giveBack(x)
      throw refusal
    }
    return undefined
  }

  async #takeQuotas(x: Exchange, taken: Quota[]): Promise<void> {
    for (const quota of this.#parts.quotas) {
      if (quota.limit.isExempt(x)) continue
      const { said, isPassed } = await quota.take(x)
      if (isPassed) taken.push(quota)
      if (isPassed || quota.limit.isDryRun) {
        this.#note(x, said)
        if (!isPassed) x.refusedBy ||= quota.limit.name
        continue
      }
      this.#refuseAs(x, said)
      throw limited(quota.limit, said.resetMs)
    }
  }

  async #ask(
    x: Exchange,
    levels: readonly Level[],
    shared: SharedState | undefined,
  ): Promise<SharedAnswer[] | undefined> {
    if (levels.length === 0) return []
    if (shared?.isUp === true) {
      const leftMs = Math.max(0, x.deadlineAt - this.#deps.clock.now())
      const questions = levels.map((level) => ({
        level,
        paceMs: Math.min(level.paceMs, leftMs),
        key: level.limit.keyOf(x),
      }))
      const answers = await askShared(shared, questions).catch(() => undefined)
      if (answers !== undefined) return answers
    }
    this.#parts.degraded.value++
    return undefined
  }

  /** Does as Redis says. Returns how long the request has to wait. */
  #follow(x: Exchange, levels: readonly Level[], answers: readonly SharedAnswer[]): number {
    let refusing: { said: Said; level: Level } | undefined
    let delayMs = 0
    for (const [i, level] of levels.entries()) {
      const { isPassed, aheadMs } = answers[i] as SharedAnswer
      const { limit } = level
      const said = { limit, remaining: remaining(aheadMs, 0, level), resetMs: aheadMs }
      const ownDelayMs = isPassed ? Math.max(0, aheadMs - level.burst * level.intervalMs) : 0
      if (ownDelayMs > delayMs) delayMs = ownDelayMs
      ;(isPassed ? (ownDelayMs > 0 ? limit.paced : limit.passed) : limit.limited).value++
      this.#note(x, said)
      if (isPassed) continue
      if (level.isDryRun) x.refusedBy ||= limit.name
      else refusing ??= { said, level }
    }
    if (refusing === undefined) return delayMs
    const { said, level } = refusing
    this.#refuseAs(x, said)
    throw limited(said.limit, waitMs(said.resetMs, 0, level.cost, level))
  }

  /** Whether all these let it pass; nothing is used up yet. @throws GatewayError of the first that does not */
  #demand(x: Exchange, levels: readonly Level[], now: number): void {
    const table = this.#table
    let refusing: Level | undefined
    for (const level of levels) {
      level.place = -1
      level.delayMs = 0
      if (level.limit.isExempt(x)) continue
      level.place = table.find(level.hashOf(x, this.#parts.seed), now)
      const arrival = table.arrivalAt(level.place)
      level.next = arrivalAfter(arrival, now, level.cost, level)
      if (!Number.isNaN(level.next)) continue
      if (level.paceMs > 0) {
        const delayMs = waitMs(arrival, now, level.cost, level)
        if (delayMs <= level.paceMs && now + delayMs < x.deadlineAt) {
          level.delayMs = delayMs
          level.next = Math.max(arrival, now) + level.cost * level.intervalMs
          continue
        }
      }
      level.limit.limited.value++
      if (!level.isDryRun) refusing ??= level
      else x.refusedBy ||= level.limit.name
    }
    if (refusing === undefined) return
    const arrival = table.arrivalAt(refusing.place)
    this.#refuseAs(x, this.#saidBy(refusing, now))
    throw limited(refusing.limit, waitMs(arrival, now, refusing.cost, refusing))
  }

  /** Uses up what they were just asked for. Returns how long the request has to wait. */
  #take(x: Exchange, levels: readonly Level[], now: number): number {
    let tightest: Level | undefined
    let least = (x.slots[this.#slot] as Said | undefined)?.remaining ?? Number.POSITIVE_INFINITY
    let longestMs = 0
    for (const level of levels) {
      if (level.place < 0) continue
      if (!Number.isNaN(level.next)) {
        this.#table.setArrival(level.place, level.next)
        ;(level.delayMs > 0 ? level.limit.paced : level.limit.passed).value++
        if (level.delayMs > longestMs) longestMs = level.delayMs
      }
      const left = remaining(level.next, now, level)
      if (left < least) {
        least = left
        tightest = level
      }
    }
    if (tightest !== undefined) x.slots[this.#slot] = this.#saidBy(tightest, now)
    return longestMs
  }

  #wait(delayMs: number): undefined | Promise<undefined> {
    if (delayMs <= 0) return undefined
    return new Promise((resolve) => this.#deps.clock.after(delayMs, () => resolve(undefined)))
  }

  /** The tightest of what limits say goes to the client. */
  #note(x: Exchange, said: Said): void {
    const found = x.slots[this.#slot] as Said | undefined
    if (found === undefined || said.remaining < found.remaining) x.slots[this.#slot] = said
  }

  #refuseAs(x: Exchange, said: Said): void {
    x.refusedBy = said.limit.name
    x.slots[this.#slot] = said
  }

  #saidBy(level: Level, now: number): Said {
    const arrival = this.#table.arrivalAt(level.place)
    return { limit: level.limit, remaining: remaining(arrival, now, level), resetMs: Math.max(0, arrival - now) }
  }
}
