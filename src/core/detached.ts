/**
 * An exchange that no client waits for: a refresh in the background, a mirrored request. It carries what its occasion
 * carried, and nothing more.
 */
import type { GatewayError } from './errors.ts'
import { type Exchange, type Peer, type RouteInfo, spans } from './exchange.ts'
import type { RequestHead } from './message.ts'
import type { Stored } from './stored.ts'

/** What it carries on. */
export type Occasion = Pick<Exchange, 'id' | 'request' | 'peer' | 'route' | 'captures' | 'slots' | 'priority'>

export class DetachedExchange implements Exchange {
  readonly id: string
  readonly request: RequestHead
  readonly peer: Peer
  readonly route: RouteInfo
  readonly captures: readonly string[]
  readonly startedAt: number
  readonly spans = new Float64Array(spans.length)
  readonly slots: unknown[]
  headAt = 0
  status = 0
  sentBytes = 0
  outcome: GatewayError | undefined = undefined
  endpoint = ''
  tries = 0
  cache = ''
  stored: Stored | undefined = undefined
  instead: Uint8Array | undefined = undefined
  readonly deadlineAt = Number.POSITIVE_INFINITY
  priority: number
  hedged = false
  affinity = ''
  fallback = ''
  refusedBy = ''

  constructor(occasion: Occasion, nowMs: number) {
    this.id = occasion.id
    this.request = occasion.request
    this.peer = occasion.peer
    this.route = occasion.route
    this.captures = occasion.captures
    this.slots = new Array(occasion.slots.length)
    this.priority = occasion.priority
    this.startedAt = nowMs
  }
}
