/** `fallback`: another upstream, a fixed answer, or both in this order, when no answer can be had. */
import type { Deps, Feature } from '../../core/feature.ts'
import type { Counter, MetricSpec } from '../../core/metrics.ts'
import { compileAnswer } from './fixed-answer.ts'
import { FallbackOrigin, type FallbackPlan } from './origin.ts'
import { checkFallback, type FallbackConfig, fallbackSchema } from './schema.ts'

const fallbacks: MetricSpec = {
  name: 'gateway_fallbacks_total',
  help: 'Requests for which a fallback was called for, by what helped (upstream, answer, none) and by what called for it: the code of the failure, or the status.',
  type: 'counter',
  labels: ['route', 'kind', 'because'],
}

export const fallback: Feature<FallbackConfig | false | undefined> = {
  key: 'fallback',
  route: fallbackSchema,
  inherits: true,
  metrics: [fallbacks],
  check(config, _top, _route, names) {
    return config === undefined || config === false ? [] : checkFallback(config, names.upstreams)
  },
  build(config, _top, route, deps) {
    if (config === undefined || config === false) return undefined
    const count = counting(route.name, deps)
    return { over: (inner) => new FallbackOrigin(compile(config, deps, count), inner) }
  },
}

function compile(config: FallbackConfig, deps: Deps, count: FallbackPlan['count']): FallbackPlan {
  const { upstream, answer, onFailure, statuses, maxBodyBytes } = config
  return {
    other: upstream === undefined ? undefined : deps.upstream(upstream),
    answer: answer === undefined ? undefined : { status: answer.status, make: compileAnswer(answer) },
    onFailure,
    statuses: new Set(statuses),
    maxBodyBytes,
    count,
  }
}

function counting(route: string, { metrics }: Deps): FallbackPlan['count'] {
  const known = new Map<string, Counter>()
  return (kind, because) => {
    const key = `${kind} ${because}`
    let counter = known.get(key)
    if (counter === undefined) {
      counter = metrics.counter(fallbacks, { route, kind, because })
      known.set(key, counter)
    }
    counter.value++
  }
}
