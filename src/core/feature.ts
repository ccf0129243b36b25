/**
 * What a feature folder exports. `features.ts` lists the features in the order in which requests meet them; a
 * configuration key, its metrics, its stage and its documentation all come from this one value.
 */
import type { z } from 'zod'
import type { Clock, Random } from './clock.ts'
import type { RouteInfo } from './exchange.ts'
import type { Lease } from './keep.ts'
import type { Log } from './log.ts'
import type { MetricSpec, Metrics } from './metrics.ts'
import type { Origin } from './origin.ts'
import type { Pressure } from './pressure.ts'
import type { SharedState } from './shared-state.ts'
import type { Stage } from './stage.ts'
import type { Wheel } from './wheel.ts'

export type Path = readonly (string | number)[]

/** What else a configuration defines, for keys that name it. */
export interface Names {
  readonly upstreams: readonly string[]
  /** Whether there is a `redis` for what instances share. */
  readonly hasSharedState: boolean
}

/** Something wrong with a configuration, at a place in it. */
export interface Problem {
  /** Keys and indices from the root. */
  readonly path: Path
  /** What is wrong, as the end of a sentence about the key: `is not a duration`. */
  readonly message: string
  /** What would be right: `write for example 250ms, 5s or 1m`. */
  readonly fix?: string
  /** Warnings don't stop a configuration from being used. */
  readonly severity?: 'error' | 'warning'
}

/** What everything that is built may use. Nothing here is global; a second gateway in the process has its own. */
export interface SharedDeps {
  readonly clock: Clock
  readonly random: Random
  readonly wheel: Wheel
  readonly log: Log
  readonly metrics: Metrics
  /** State that outlives reloads. */
  readonly lease: Lease
  readonly pressure: Pressure
  /** State shared with other instances; undefined where no `redis:` is configured. */
  readonly shared: SharedState | undefined
}

/** What features may use. */
export interface Deps extends SharedDeps {
  /** The index of a new place in `Exchange.slots`. */
  slot(): number
  /**
   * What this route would get from another upstream: its edits and policies, over that one's endpoints. For use within
   * `Built.over` only. Names are checked when the configuration is. Never hedged: it says nothing of the route's own
   * latencies.
   * @param tries `once`: what reached a backend is not sent again, whatever the route's retries say
   */
  upstream(name: string, tries?: 'once'): Origin
}

export interface Built {
  readonly stage?: Stage
  /** Wraps the origin below. */
  readonly over?: (inner: Origin) => Origin
}

/**
 * @typeParam R the value of its key under a route, after defaults; undefined or false: not on this route
 * @typeParam T the value of its top-level key, after defaults
 */
export interface Feature<R = undefined, T = undefined> {
  /** Its word in the YAML (`rate_limit`), in logs and, shortened, in metric names. */
  readonly key: string
  /** The value under `routes[]`, and under `defaults` when `inherits`. */
  readonly route?: z.ZodType<R>
  /** Whether `defaults.<key>` stands in for a route that has none. */
  readonly inherits?: boolean
  /** Whether it answers instead of an upstream, so that a route has just one such feature or an upstream. */
  readonly answers?: boolean
  /** A top-level key of its own. */
  readonly top?: { readonly key: string; readonly schema: z.ZodType<T> }
  readonly metrics: readonly MetricSpec[]
  /** Rules across keys. Paths start at the route. */
  check?(config: R, top: T, route: RouteInfo, names: Names): Problem[]
  /** Rules about the top-level key and the rest of the configuration. Paths start at the root. */
  checkTop?(top: T, names: Names): Problem[]
  /** One route's part of this feature; undefined when the route does not use it. */
  build(config: R, top: T, route: RouteInfo, deps: Deps): Built | undefined
}

/** A feature whose types are its own business: how the list holds them. */
// biome-ignore lint/suspicious/noExplicitAny: a list of features with different configuration types needs a bivariant parameter
export type AnyFeature = Feature<any, any>
