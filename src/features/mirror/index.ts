/** `mirror`: copies of requests for another upstream, whose answers are dropped. */
import { danglingReference } from '../../config/upstream-reference.ts'
import type { Deps, Feature } from '../../core/feature.ts'
import type { Counter, MetricSpec } from '../../core/metrics.ts'
import { MirrorOrigin, type MirrorPlan, type Outcome, outcomes } from './origin.ts'
import { type MirrorConfig, mirrorSchema } from './schema.ts'

const mirrored: MetricSpec = {
  name: 'gateway_mirror_requests_total',
  help: 'Requests that were chosen to be copied: 2xx to 5xx, failed, timeout (what became of the copy); busy, pressure, body (why there was none).',
  type: 'counter',
  labels: ['route', 'outcome'],
}
const inFlight: MetricSpec = {
  name: 'gateway_mirror_in_flight',
  help: 'Copies under way.',
  type: 'gauge',
  labels: ['route'],
}

export const mirror: Feature<MirrorConfig | false | undefined> = {
  key: 'mirror',
  route: mirrorSchema,
  inherits: true,
  metrics: [mirrored, inFlight],
  check(config, _top, _route, names) {
    if (config === undefined || config === false) return []
    return danglingReference(config.upstream, names.upstreams, ['mirror', 'upstream'])
  },
  build(config, _top, route, deps) {
    if (config === undefined || config === false) return undefined
    const parts = compile(config, route.name, deps)
    return {
      over: (inner) => new MirrorOrigin({ ...parts, other: deps.upstream(config.upstream, 'once') }, inner),
    }
  },
}

function compile(config: MirrorConfig, route: string, deps: Deps): Omit<MirrorPlan, 'other'> {
  const { clock, wheel, random, pressure, metrics, lease } = deps
  const counters = Object.fromEntries(
    outcomes.map((outcome) => [outcome, metrics.counter(mirrored, { route, outcome })]),
  ) as Record<Outcome, Counter>
  const state = lease.use(
    'mirror',
    route,
    () => {
      const made = { inFlight: 0, stop: () => {} }
      const gauge = metrics.gauge(inFlight, { route })
      made.stop = metrics.onCollect(() => {
        gauge.value = made.inFlight
      })
      return made
    },
    ({ stop }) => stop(),
  )
  return {
    share: config.share,
    isUnsafeWanted: config.unsafe,
    maxBodyBytes: config.replay,
    timeoutMs: config.timeout,
    concurrency: config.concurrency,
    state,
    clock,
    wheel,
    random,
    pressure,
    count: (outcome) => {
      counters[outcome].value++
    },
  }
}
