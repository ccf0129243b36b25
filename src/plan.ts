/**
 * A plan is one route of one configuration, compiled: for each phase the array of the steps that the route really has,
 * and the origin at the end of it. What a route does not configure is absent from its plan and costs it nothing.
 */
import type { Clock } from './core/clock.ts'
import type { Tunnel } from './core/downstream.ts'
import type { RouteInfo } from './core/exchange.ts'
import type { Log } from './core/log.ts'
import type { Origin } from './core/origin.ts'
import type { PassingBuffers } from './core/passing-buffers.ts'
import type { Stage } from './core/stage.ts'
import type { Wheel } from './core/wheel.ts'
import { having, type Step } from './steps.ts'

/** What every plan of a gateway shares. */
export interface Platform {
  readonly clock: Clock
  readonly wheel: Wheel
  readonly log: Log
  readonly buffers: PassingBuffers
}

export interface PlanParts {
  readonly route: RouteInfo
  /** In list order: the order in which a request meets them. */
  readonly stages: readonly Stage[]
  readonly origin: Origin
  /** For WebSockets; absent where the route has no upstream. */
  readonly tunnel?: Tunnel | undefined
  /** Limit for the exchange as a whole, in milliseconds; Infinity for none. */
  readonly totalMs: number
  /** Limit for the request body in bytes, in place of the listener's. */
  readonly bodyBytes: number | undefined
  /** How many places `Exchange.slots` needs. */
  readonly slots: number
}

/** One route of one configuration, compiled and immutable. */
export class Plan {
  readonly route: RouteInfo
  readonly admit: readonly Step<'admit'>[]
  readonly deliver: readonly Step<'deliver'>[]
  readonly finish: readonly Step<'finish'>[]
  readonly origin: Origin
  readonly tunnel: Tunnel | undefined
  readonly totalMs: number
  readonly bodyBytes: number | undefined
  readonly slots: number
  readonly platform: Platform
  /** Every stage by name, in order: what `explain` prints. */
  readonly stages: readonly Stage[]

  constructor(parts: PlanParts, platform: Platform) {
    this.route = parts.route
    this.stages = parts.stages
    this.admit = having(parts.stages, 'admit')
    this.deliver = having(parts.stages, 'deliver').reverse()
    this.finish = having(parts.stages, 'finish').reverse()
    this.origin = parts.origin
    this.tunnel = parts.tunnel
    this.totalMs = parts.totalMs
    this.bodyBytes = parts.bodyBytes
    this.slots = parts.slots
    this.platform = platform
  }
}
