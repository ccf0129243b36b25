/** Hedging on one route: when a second request is due, whether one may be sent, and what became of those that were. */
import type { SharedDeps } from '../core/feature.ts'
import type { Counter } from '../core/metrics.ts'
import { hedges } from './metrics.ts'
import { Budget } from './policy/budget.ts'
import { RecentLatencies } from './policy/recent-latencies.ts'
import type { HedgeConfig } from './schema-tries.ts'

/** Hedges a second in any case. */
const HEDGE_FLOOR = 1

export class Hedging {
  readonly #config: HedgeConfig
  readonly #budget: Budget
  readonly #latencies: RecentLatencies
  readonly #sent: Counter
  readonly #won: Counter
  readonly #overBudget: Counter

  constructor(config: HedgeConfig, route: string, deps: SharedDeps) {
    this.#config = config
    const { lease, metrics } = deps
    this.#budget = lease.use('hedge-budget', route, () => new Budget(HEDGE_FLOOR))
    this.#latencies = lease.use('hedge-latencies', route, () => new RecentLatencies())
    const counter = (outcome: string) => metrics.counter(hedges, { route, outcome })
    this.#sent = counter('sent')
    this.#won = counter('won')
    this.#overBudget = counter('over_budget')
  }

  /** Time from the start of a request until a second one is due; Infinity while that isn't known. */
  delayMs(nowMs: number): number {
    this.#budget.deposit(this.#config.budget)
    const { after } = this.#config
    return 'fixedMs' in after ? after.fixedMs : this.#latencies.quantile(after.quantile, nowMs)
  }

  /** An answer took that long. */
  record(nowMs: number, latencyMs: number): void {
    this.#latencies.record(nowMs, latencyMs)
  }

  /** It is not sent after all. */
  withheld(): void {
    this.#budget.giveBack()
  }

  mayHedge(nowMs: number): boolean {
    if (this.#budget.withdraw(nowMs)) return true
    this.#overBudget.value++
    return false
  }

  sent(): void {
    this.#sent.value++
  }

  won(): void {
    this.#won.value++
  }
}
