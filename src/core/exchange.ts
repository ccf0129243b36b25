/** One request with its answer, inside the gateway: what stages and origins may know and note about it. */
import type { GatewayError } from './errors.ts'
import type { HeaderList } from './headers.ts'
import type { RequestHead } from './message.ts'
import type { Stored } from './stored.ts'

/**
 * Where time goes. At once the phases of the access log, the labels of metrics and the entries of Server-Timing.
 * admit: stages before the origin; lookup: cache; queue: waiting for a connection; connect: making one;
 * wait: request sent until the answer's header section; body: until its last byte; overhead: what is left.
 */
export const spans = ['admit', 'lookup', 'queue', 'connect', 'wait', 'body', 'overhead'] as const
export type Span = (typeof spans)[number]
export const ADMIT = 0
export const LOOKUP = 1
export const QUEUE = 2
export const CONNECT = 3
export const WAIT = 4
export const BODY = 5
export const OVERHEAD = 6

/** Who sent the request. */
export interface Peer {
  /** Address at the other end of the connection; `unix` for a unix socket. */
  readonly address: string
  /** The client's address as far as it can be believed: `address`, or what trusted proxies reported. */
  readonly client: string
  /** Whether `address` is a trusted proxy. */
  readonly trusted: boolean
  /** X-Forwarded-* (and Forwarded) lines to send upstream in place of those that came, flat. */
  readonly forwarded: HeaderList
}

export interface RouteInfo {
  /** Its `name`: the label of its metrics. */
  readonly name: string
  /** Its path pattern as written: a label that never holds a raw path. */
  readonly pattern: string
}

export interface Exchange {
  /** Unique for this process and random enough across them; sent upstream as X-Request-Id. */
  readonly id: string
  readonly request: RequestHead
  readonly peer: Peer
  readonly route: RouteInfo
  /** Named segments of the path that the route's pattern captured, flat; empty for most. */
  readonly captures: readonly string[]
  /** Clock time at which the request's header section was complete. */
  readonly startedAt: number
  /** Milliseconds per span. An origin that waits adds to its span. */
  readonly spans: Float64Array
  /** Clock time when the answer's header section went to the client; 0 before. */
  headAt: number
  /** Status sent to the client; 0 before. */
  status: number
  /** Body bytes sent to the client. */
  sentBytes: number
  /** Why it failed, where it did. */
  outcome: GatewayError | undefined
  /** The endpoint that answered, or that was tried last; '' when none was. */
  endpoint: string
  /** How often it was sent upstream. */
  tries: number
  /** How a cache answered (`hit`, `miss`, `stale`, …); '' where the route has none. */
  cache: string
  /** What a cache has, or is about to have, of the answer with 200 that it gives as a whole; undefined otherwise. */
  stored: Stored | undefined
  /** What the cache sends as the body in place of the stored one. For a `deliver` step, which makes the head fit it. */
  instead: Uint8Array | undefined
  /** Clock time by which it must have been answered (`timeouts.total`); Infinity for no limit. */
  readonly deadlineAt: number
  /** An index into `priorities` (core/priority.ts). */
  priority: number
  /** Whether a second request was sent while the first still waited. */
  hedged: boolean
  /** The Set-Cookie value that has the client keep its endpoint; '' for none. */
  affinity: string
  /** What stood in for an answer that could not be had (`upstream`, `answer`); '' where nothing did. */
  fallback: string
  /** The limit or shedding rule that refused it, or would have; '' for none. */
  refusedBy: string
  /** Per-feature state; indices come from `deps.slot()` at load. */
  readonly slots: unknown[]
}
