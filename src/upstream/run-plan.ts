/** What one request on its way through its tries needs of its route and upstream (tries.ts has it). */
import type { Random } from '../core/clock.ts'
import type { Exchange } from '../core/exchange.ts'
import type { RequestHead } from '../core/message.ts'
import type { Pressure } from '../core/pressure.ts'
import type { AttemptPlan } from './attempt.ts'
import type { EndpointSet } from './endpoint-set.ts'
import type { Hedging } from './hedging.ts'
import type { RetryPolicy, RetryReason } from './policy/retry.ts'

export interface RunPlan extends AttemptPlan {
  readonly random: Random
  readonly pressure: Pressure
  readonly retry: RetryPolicy
  /** Bodies up to this size are kept for another try; 0: none are. */
  readonly replayBytes: number
  readonly set: EndpointSet
  readonly hedging: Hedging | undefined
  /** Of the request's key, where the upstream balances by one. */
  hashOf(x: Exchange, req: RequestHead): number
  countRetry(because: RetryReason): void
  /** A request has come: it pays for a share of a further try. */
  earn(): void
  /** Takes one further try or hedge out of the budget. False: it is spent. */
  spend(nowMs: number): boolean
}
