/**
 * Compiles a configuration: its upstreams, then a plan per route, then the router. In slices, since thousands of routes
 * take a while and the configuration in force serves meanwhile.
 */
import type { GatewayConfig, RouteConfig } from './configuration.ts'
import type { Tunnel } from './core/downstream.ts'
import { GatewayError } from './core/errors.ts'
import type { RouteInfo } from './core/exchange.ts'
import type { Built, Deps, SharedDeps } from './core/feature.ts'
import type { LabelValues } from './core/metrics.ts'
import type { Origin } from './core/origin.ts'
import type { Stage } from './core/stage.ts'
import { Edits } from './edits.ts'
import { features } from './features.ts'
import { Plan, type Platform } from './plan.ts'
import { Router } from './router/index.ts'
import { patternLabel } from './router/name.ts'
import { rewriteStage } from './router/rewrite.ts'
import { Split, SplitTunnel } from './router/split.ts'
import type { Slices } from './slices.ts'
import { affinityStage, inlineUpstream, Upstream, type UpstreamConfig } from './upstream/index.ts'

export interface Compiled {
  readonly upstreams: ReadonlyMap<string, Upstream>
  readonly plans: readonly Plan[]
  readonly router: Router<Plan>
  /** For requests that match no route: still logged and counted. */
  readonly unmatched: Plan
}

/** @throws when a part cannot be built, for example a certificate file that cannot be read */
export function compile(
  config: GatewayConfig,
  deps: SharedDeps,
  platform: Platform,
  slices: Slices,
): Promise<Compiled> {
  return new Building(config, deps, platform).run(slices)
}

class Building {
  readonly config: GatewayConfig
  readonly #deps: SharedDeps
  readonly #platform: Platform
  readonly #upstreams = new Map<string, Upstream>()

  constructor(config: GatewayConfig, deps: SharedDeps, platform: Platform) {
    this.config = config
    this.#deps = deps
    this.#platform = platform
  }

  async run(slices: Slices): Promise<Compiled> {
    for (const [name, upstream] of Object.entries(this.config.upstreams)) {
      this.#addUpstream(name, upstream)
      await slices.pause()
    }
    const plans: Plan[] = []
    const routes: { name: string; match: RouteConfig['match']; target: Plan }[] = []
    for (const route of this.config.routes) {
      const target = this.#plan(route)
      plans.push(target)
      routes.push({ name: route.name, match: route.match, target })
      await slices.pause()
    }
    const unmatched = this.#unmatchedPlan()
    await slices.turn()
    const router = new Router(routes)
    await slices.turn()
    return { upstreams: this.#upstreams, plans, router, unmatched }
  }

  #plan(config: RouteConfig): Plan {
    const info: RouteInfo = { name: config.name, pattern: patternLabel(config.match) }
    this.#holdSeries({ route: config.name })
    const slots = new Slots()
    const stages: Stage[] = []
    const upstream = (name: string, tries?: 'once') => {
      const only = { choices: [{ to: name, weight: 1, isUrl: name.includes('://') }], isList: false }
      const { retry } = config
      const unsent: RouteConfig['retry'] = retry === false ? false : { ...retry, on: ['connect', 'unsent'] }
      const policies = { retry: tries === 'once' ? unsent : retry, hedge: false as const }
      return this.#target({ ...config, ...policies, upstream: only }, info, stages).origin
    }
    const built = this.#features(config.features, info, { ...this.#deps, slot: () => slots.next(), upstream })
    stages.push(...built.flatMap((part) => part.stage ?? []))
    const upstreams = config.upstream?.choices.map(({ to, isUrl }) => this.#upstream(to, isUrl)) ?? []
    if (upstreams.some((each) => each.isSticky)) stages.push(affinityStage)
    if (config.rewrite !== undefined) stages.unshift(rewriteStage(config.rewrite, config.match))
    const target = this.#target(config, info, stages)
    const origin = built.reduceRight((inner, part) => part.over?.(inner) ?? inner, target.origin)
    return new Plan(
      {
        route: info,
        stages,
        origin,
        tunnel: target.tunnel,
        totalMs: config.timeouts.total,
        bodyBytes: config.bodyBytes,
        slots: slots.count,
      },
      this.#platform,
    )
  }

  #features(values: Readonly<Record<string, unknown>>, info: RouteInfo, deps: Deps): Built[] {
    const built: Built[] = []
    for (const feature of features) {
      const top = feature.top === undefined ? undefined : this.config.top[feature.top.key]
      const part = feature.build(values[feature.key], top, info, deps)
      if (part !== undefined) built.push(part)
    }
    return built
  }

  /** What stands at the bottom of a route: edits over its upstream, or over a split between several. */
  #target(
    config: RouteConfig,
    route: RouteInfo,
    stages: readonly Stage[],
  ): { origin: Origin; tunnel: Tunnel | undefined } {
    if (config.upstream === undefined) return { origin: nothing, tunnel: undefined }
    const policies = { route, timeouts: config.timeouts, retry: config.retry, hedge: config.hedge }
    const choices = config.upstream.choices.map((choice) => ({
      weight: choice.weight,
      upstream: this.#upstream(choice.to, choice.isUrl),
    }))
    const origins = choices.map(({ weight, upstream }) => ({ weight, target: upstream.origin(policies) }))
    const first = origins[0]
    const inner = origins.length === 1 && first !== undefined ? first.target : new Split(origins, this.#deps.random)
    const edits = new Edits(stages, inner)
    const tunnels = choices.map(({ weight, upstream }) => ({
      weight,
      target: upstream.tunnel(policies, (x, req) => edits.prepare(x, req)),
    }))
    const only = tunnels[0]
    const tunnel =
      tunnels.length === 1 && only !== undefined ? only.target : new SplitTunnel(tunnels, this.#deps.random)
    return { origin: edits, tunnel }
  }

  #upstream(to: string, isUrl: boolean): Upstream {
    let upstream = this.#upstreams.get(to)
    if (upstream === undefined && isUrl) {
      upstream = this.#addUpstream(to, inlineUpstream(to))
    }
    if (upstream === undefined) throw new Error(`no upstream ${to}: the configuration was not checked`)
    return upstream
  }

  #addUpstream(name: string, config: UpstreamConfig): Upstream {
    this.#holdSeries({ upstream: name })
    const upstream = new Upstream(name, config, this.#deps)
    this.#upstreams.set(name, upstream)
    return upstream
  }

  /** What is measured under these labels ends with the last configuration that has them. */
  #holdSeries(labels: LabelValues): void {
    const { lease, metrics } = this.#deps
    lease.use(
      'series',
      JSON.stringify(labels),
      () => metrics.hold(labels),
      (letGo) => letGo(),
    )
  }

  #unmatchedPlan(): Plan {
    const info: RouteInfo = { name: 'unmatched', pattern: '' }
    this.#holdSeries({ route: info.name })
    const slots = new Slots()
    const deps = { ...this.#deps, slot: () => slots.next(), upstream: () => nothing }
    const stages = [...this.#features({}, info, deps).flatMap((part) => part.stage ?? []), noRoute]
    const parts = {
      route: info,
      stages,
      origin: nothing,
      tunnel: undefined,
      totalMs: Number.POSITIVE_INFINITY,
      bodyBytes: undefined,
    }
    return new Plan({ ...parts, slots: slots.count }, this.#platform)
  }
}

class Slots {
  count = 0

  next(): number {
    return this.count++
  }
}

/** A stage, not an origin: so that a client is not asked for a body (100 Continue) that nobody will take. */
const noRoute: Stage = {
  name: 'no_route',
  admit() {
    throw new GatewayError('no_route')
  },
}

/** Below routes whose features answer every request. */
const nothing: Origin = {
  fetch(_x, _req, to) {
    to.fail(new GatewayError('internal', 'the route has nothing to answer with'))
    return () => {}
  },
}
