/**
 * The example file names fixed ports. A demo that was told to use others moves every address of the configuration there,
 * so that the file stays as readable as an operator's own.
 */
import type { GatewayConfig, RouteConfig } from '../configuration.ts'
import type { UpstreamConfig } from '../upstream/schema.ts'

export interface Moves {
  /** Endpoints: from the URL in the file to the one in use. */
  readonly endpoints: ReadonlyMap<string, string>
  readonly listener?: string
  readonly admin?: string
}

export function moved(config: GatewayConfig, moves: Moves): GatewayConfig {
  const { listener, admin } = moves
  return {
    ...config,
    listeners: listener === undefined ? config.listeners : config.listeners.map((it) => ({ ...it, address: listener })),
    admin: admin === undefined || config.admin === false ? config.admin : { ...config.admin, address: admin },
    upstreams: Object.fromEntries(
      Object.entries(config.upstreams).map(([name, upstream]) => [name, movedUpstream(upstream, moves)]),
    ),
    routes: config.routes.map((route) => movedRoute(route, moves)),
  }
}

function movedUpstream(upstream: UpstreamConfig, { endpoints }: Moves): UpstreamConfig {
  return {
    ...upstream,
    endpoints: upstream.endpoints.map((it) => ({ ...it, url: endpoints.get(it.url) ?? it.url })),
  }
}

function movedRoute(route: RouteConfig, { endpoints }: Moves): RouteConfig {
  if (route.upstream === undefined) return route
  const choices = route.upstream.choices.map((it) => ({ ...it, to: endpoints.get(it.to) ?? it.to }))
  return { ...route, upstream: { ...route.upstream, choices } }
}
