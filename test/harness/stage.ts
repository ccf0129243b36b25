/** What the tests of one stage need: an exchange as far as stages look at it, and a feature built without a gateway. */
import type { Exchange, RouteInfo } from '../../src/core/exchange.ts'
import type { Built, Deps, Feature, Problem } from '../../src/core/feature.ts'
import type { RequestHead } from '../../src/core/message.ts'
import { requestHead, testPeer, testRoute } from './exchange.ts'

export interface Facts {
  readonly request?: Partial<RequestHead>
  readonly captures?: readonly string[]
  readonly client?: string
  readonly route?: RouteInfo
}

export function exchangeOf(facts: Facts = {}): Exchange {
  return {
    id: 'id-1',
    request: requestHead(facts.request),
    peer: { ...testPeer, client: facts.client ?? testPeer.client },
    route: facts.route ?? testRoute,
    captures: facts.captures ?? [],
    startedAt: 0,
    spans: new Float64Array(7),
    headAt: 0,
    status: 0,
    sentBytes: 0,
    outcome: undefined,
    endpoint: '',
    tries: 0,
    cache: '',
    stored: undefined,
    instead: undefined,
    deadlineAt: Number.POSITIVE_INFINITY,
    priority: 2,
    hedged: false,
    affinity: '',
    fallback: '',
    refusedBy: '',
    slots: [],
  }
}

/** Built from what an operator would write; features that use no `deps`. */
export function built<R>(feature: Feature<R>, written: unknown, pattern = '/**'): Built | undefined {
  const route = { name: 'test', pattern }
  return feature.build(parsed(feature, written), undefined, route, {} as Deps)
}

export function problemsOf<R>(feature: Feature<R>, written: unknown, pattern = '/**'): Problem[] {
  const route = { name: 'test', pattern }
  return feature.check?.(parsed(feature, written), undefined, route, { upstreams: [], hasSharedState: true }) ?? []
}

function parsed<R>(feature: Feature<R>, written: unknown): R {
  if (feature.route === undefined) throw new Error(`${feature.key} is no word of a route`)
  return feature.route.parse(written)
}
