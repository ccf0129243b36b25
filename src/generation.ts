/** One configuration compiled: its upstreams, a plan per route, and the router over them. Immutable; retired as a whole. */
import { type Compiled, compile } from './building.ts'
import type { GatewayConfig } from './configuration.ts'
import type { SharedDeps } from './core/feature.ts'
import type { Lease } from './core/keep.ts'
import type { Plan, Platform } from './plan.ts'
import type { Router } from './router/index.ts'
import { patternLabel } from './router/name.ts'
import type { Slices } from './slices.ts'
import type { Upstream, UpstreamSnapshot } from './upstream/index.ts'

/** A route as the admin API shows it. */
export interface RouteSummary {
  readonly name: string
  readonly match: string
  readonly upstream: readonly { readonly to: string; readonly weight: number }[]
  /** Names of its stages, in the order in which a request meets them. */
  readonly stages: readonly string[]
}

export class Generation {
  readonly config: GatewayConfig
  readonly router: Router<Plan>
  /** For requests that match no route: still logged and counted. */
  readonly unmatched: Plan
  readonly plans: readonly Plan[]
  readonly #lease: Lease
  readonly #upstreams: ReadonlyMap<string, Upstream>

  private constructor(config: GatewayConfig, { upstreams, plans, router, unmatched }: Compiled, lease: Lease) {
    this.config = config
    this.plans = plans
    this.router = router
    this.unmatched = unmatched
    this.#upstreams = upstreams
    this.#lease = lease
  }

  /** @throws when a part cannot be built, for example a certificate file that cannot be read; nothing is kept then */
  static async build(config: GatewayConfig, deps: SharedDeps, platform: Platform, slices: Slices): Promise<Generation> {
    try {
      return new Generation(config, await compile(config, deps, platform, slices), deps.lease)
    } catch (error) {
      deps.lease.release()
      throw error
    }
  }

  /** Resolves when every upstream knows its endpoints, as far as they can be found out. */
  async ready(): Promise<void> {
    await Promise.all([...this.#upstreams.values()].map((upstream) => upstream.ready))
  }

  upstream(name: string): Upstream | undefined {
    return this.#upstreams.get(name)
  }

  upstreams(): UpstreamSnapshot[] {
    return [...this.#upstreams.values()].map((upstream) => upstream.snapshot())
  }

  routes(): RouteSummary[] {
    return this.config.routes.map((route, i) => ({
      name: route.name,
      match: patternLabel(route.match),
      upstream: route.upstream?.choices.map(({ to, weight }) => ({ to, weight })) ?? [],
      stages: (this.plans[i] as Plan).stages.map((stage) => stage.name),
    }))
  }

  /** Lets go of everything that no newer generation uses; requests in flight still finish. */
  retire(): void {
    this.#lease.release()
  }

  /** The same, while the event loop turns. */
  retireIn(slices: Slices): Promise<void> {
    return this.#lease.releaseIn(() => slices.pause())
  }
}
