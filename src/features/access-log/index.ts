/**
 * The access log: one line of JSON for each request that is over, sampled and redacted as configured, handed to a sink
 * (sink.ts) that outlives reloads and never holds up a request.
 */
import type { Clock, Random } from '../../core/clock.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { Feature } from '../../core/feature.ts'
import type { Keep } from '../../core/keep.ts'
import type { Stage } from '../../core/stage.ts'
import { LineFormat } from './line.ts'
import { accessLogRouteSchema, type LogsConfig, logsSchema } from './schema.ts'
import { AccessLogSink, accessLogMetrics } from './sink.ts'

export type { LogsConfig } from './schema.ts'

const KIND = 'access-log'

export const accessLog: Feature<boolean | undefined, LogsConfig> = {
  key: 'access_log',
  route: accessLogRouteSchema,
  inherits: true,
  top: { key: 'logs', schema: logsSchema },
  metrics: accessLogMetrics,
  build(config, top, route, deps) {
    const { access, redact } = top
    if (config === false || access === false) return undefined
    const sink = deps.lease.use(
      KIND,
      access.file ?? '',
      () => new AccessLogSink(access.file, deps),
      (last) => last.retire(),
    )
    sink.rotation = access.rotate
    const format = new LineFormat({ route: route.name, fields: access.fields, query: access.query, redact })
    return { stage: new AccessLogStage(sink, format, access.sample, deps) }
  },
}

/** The sinks that the configurations in use write to: to `reopen` after external rotation, to `flush` before an exit. */
export function accessLogSinks(keep: Keep): AccessLogSink[] {
  return keep.values(KIND) as AccessLogSink[]
}

class AccessLogStage implements Stage {
  readonly name = 'access_log'
  readonly #sink: AccessLogSink
  readonly #format: LineFormat
  readonly #sample: number
  readonly #clock: Clock
  readonly #random: Random

  constructor(sink: AccessLogSink, format: LineFormat, sample: number, deps: { clock: Clock; random: Random }) {
    this.#sink = sink
    this.#format = format
    this.#sample = sample
    this.#clock = deps.clock
    this.#random = deps.random
  }

  finish(x: Exchange): void {
    const isFailure = x.outcome !== undefined || x.status >= 500
    if (!isFailure && this.#sample < 1 && this.#random() >= this.#sample) return
    this.#sink.write(this.#format.format(x, this.#clock.now() - x.startedAt, this.#clock.wall()))
  }
}
