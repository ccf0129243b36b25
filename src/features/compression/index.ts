/** Compression of a route: policy compiled; threads and kept encodings shared by all routes and kept over reloads. */
import { availableParallelism } from 'node:os'
import type { Exchange } from '../../core/exchange.ts'
import type { Deps, Feature } from '../../core/feature.ts'
import { DictionaryStore, RouteDictionaries } from './dictionaries.ts'
import { Gate } from './gate.ts'
import { CompressionCounts, compressionMetrics, waiting } from './metrics.ts'
import { normalLevels } from './policy/effort.ts'
import { type Coding, identityOnly, type Negotiated, negotiate } from './policy/negotiate.ts'
import { compileTypes } from './policy/types.ts'
import type { DecodingLimits } from './request-body.ts'
import { type CompressionConfig, compressionSchema } from './schema.ts'
import { acceptEncoding, CompressionStage, type CompressionState } from './stage.ts'
import { Uncoded } from './uncoded.ts'
import { Variants } from './variants.ts'

export const compression: Feature<CompressionConfig | false | undefined> = {
  key: 'compression',
  route: compressionSchema,
  inherits: true,
  metrics: compressionMetrics,
  build(config, _top, route, deps) {
    if (config === undefined || config === false) return undefined
    const negotiated = negotiator(config.encodings)
    const rules = {
      minBytes: config.min_size,
      suits: compileTypes(config.types),
      levels: config.level === 'auto' ? normalLevels : config.level,
      minify: config.minify,
      maxDecodedBytes: config.max_decoded,
      paddingBytes: config.padding,
      decoding: decodingLimits(config.decompress_requests),
    }
    const counts = new CompressionCounts(route.name, deps.metrics)
    const { pressure, random } = deps
    const dictionaries = routeDictionaries(config, deps)
    const state = sharedState(deps)
    const stage = new CompressionStage(rules, { state, pressure, counts, negotiated, random, dictionaries })
    return { stage, over: (inner) => new Uncoded(inner, negotiated) }
  },
}

function decodingLimits(config: CompressionConfig['decompress_requests']): DecodingLimits | undefined {
  return config === false ? undefined : { maxBytes: config.max_size, maxRatio: config.max_ratio }
}

function routeDictionaries(config: CompressionConfig, { lease, log }: Deps): RouteDictionaries | undefined {
  if (config.dictionaries === false) return undefined
  const { match, memory } = config.dictionaries
  const store = lease.use('compression-dictionaries', String(memory), () => new DictionaryStore(memory))
  return new RouteDictionaries(store, match, config.encodings, log)
}

/** Node's pool has four threads: one stays free for files and names, and one core for the event loop. */
const MOST_THREADS = 3

function sharedState(deps: Deps): CompressionState {
  const { lease, metrics, pressure } = deps
  return lease.use(
    'compression',
    '',
    () => {
      const gate = new Gate(Math.max(1, Math.min(MOST_THREADS, availableParallelism() - 1)))
      const gauge = metrics.gauge(waiting, {})
      const stop = metrics.onCollect(() => {
        gauge.value = gate.waiting
      })
      return { gate, variants: new Variants(gate, pressure), stop }
    },
    ({ variants, stop }) => {
      stop()
      variants.stop()
    },
  )
}

/** Clients send few different texts. */
const REMEMBERED = 256

function negotiator(order: readonly Coding[]): (x: Exchange) => Negotiated {
  const known = new Map<string, Negotiated>()
  return (x) => {
    const field = acceptEncoding(x)
    if (field === undefined) return identityOnly
    let negotiated = known.get(field)
    if (negotiated === undefined) {
      negotiated = negotiate(field, order)
      if (known.size >= REMEMBERED) known.clear()
      known.set(field, negotiated)
    }
    return negotiated
  }
}
