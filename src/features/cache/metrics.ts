/** What the cache counts. */
import type { Deps } from '../../core/feature.ts'
import type { Counter, MetricSpec } from '../../core/metrics.ts'
import type { CacheEvents } from './contract.ts'
import { sharedMetrics } from './shared/metrics.ts'

const requests: MetricSpec = {
  name: 'gateway_cache_requests_total',
  help: 'Answers by how the cache came by them.',
  type: 'counter',
  labels: ['route', 'result'],
}
const refused: MetricSpec = {
  name: 'gateway_cache_refusals_total',
  help: 'Answers that were not kept or requests that went past the cache, by reason.',
  type: 'counter',
  labels: ['route', 'reason'],
}
const saved: MetricSpec = {
  name: 'gateway_cache_saved_seconds_total',
  help: 'Time that the origin once took for answers which then came from the cache.',
  type: 'counter',
  labels: ['route'],
}
const differing: MetricSpec = {
  name: 'gateway_cache_differing_bodies_total',
  help: 'Answers with another body than the stored one of the same key that was still fresh: the key may lack something.',
  type: 'counter',
  labels: ['route'],
}
const shadowRequests: MetricSpec = {
  name: 'gateway_cache_shadow_requests_total',
  help: 'Requests in shadow mode by what the cache would have done.',
  type: 'counter',
  labels: ['route', 'result'],
}
const shadowSaved: MetricSpec = {
  name: 'gateway_cache_shadow_saved_seconds_total',
  help: 'Time of the origin that the cache would have saved in shadow mode.',
  type: 'counter',
  labels: ['route'],
}
export const bytes: MetricSpec = {
  name: 'gateway_cache_bytes',
  help: 'Memory that stored answers take.',
  type: 'gauge',
  labels: [],
}
export const objects: MetricSpec = {
  name: 'gateway_cache_objects',
  help: 'Stored answers.',
  type: 'gauge',
  labels: [],
}
export const evictions: MetricSpec = {
  name: 'gateway_cache_evictions_total',
  help: 'Stored answers that made room for others.',
  type: 'counter',
  labels: [],
}

export const cacheMetrics: readonly MetricSpec[] = [
  requests,
  refused,
  saved,
  differing,
  shadowRequests,
  shadowSaved,
  bytes,
  objects,
  evictions,
  ...sharedMetrics,
]

/** Lines of the log about differing bodies, per route: the metric has all of them. */
const WARN_EVERY_MS = 60_000

/** @param isShadow whether it only counts what the cache would have done */
export function routeEvents(route: string, isShadow: boolean, { metrics, log, clock }: Deps): CacheEvents {
  const results = labelled(metrics.counter.bind(metrics), isShadow ? shadowRequests : requests, route, 'result')
  const reasons = labelled(metrics.counter.bind(metrics), refused, route, 'reason')
  const savedSeconds = metrics.counter(isShadow ? shadowSaved : saved, { route })
  const differences = metrics.counter(differing, { route })
  let warnedAtMs = Number.NEGATIVE_INFINITY
  return {
    result: (result) => {
      results(result).value++
    },
    refused: (because) => {
      reasons(because).value++
    },
    saved: (savedMs) => {
      savedSeconds.value += savedMs / 1000
    },
    differed: (key) => {
      differences.value++
      if (clock.now() - warnedAtMs < WARN_EVERY_MS) return
      warnedAtMs = clock.now()
      log.warn(
        // Queries hold what is nobody's business, as in the access log.
        { route, key: key.split('?', 1)[0] },
        'the backend gave another body while the stored one was fresh; is something missing in `cache.key`?',
      )
    },
  }
}

/** Handles by the value of one label, made when first needed. */
function labelled(
  counter: (spec: MetricSpec, labels: Record<string, string>) => Counter,
  spec: MetricSpec,
  route: string,
  label: string,
): (value: string) => Counter {
  const known = new Map<string, Counter>()
  return (value) => {
    let handle = known.get(value)
    if (handle === undefined) {
      handle = counter(spec, { route, [label]: value })
      known.set(value, handle)
    }
    return handle
  }
}
