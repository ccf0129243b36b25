/** What compression did, for whom, and what it saved. */
import type { Counter, MetricSpec, Metrics } from '../../core/metrics.ts'
import type { Skip } from './policy/eligible.ts'

const answers: MetricSpec = {
  name: 'gateway_compression_answers_total',
  help: 'Answers sent in another form than the origin’s, by coding and level; `kept`: an encoding kept beside the cached object.',
  type: 'counter',
  labels: ['route', 'encoding', 'level'],
}
const skipped: MetricSpec = {
  name: 'gateway_compression_skipped_total',
  help: 'Answers sent as the origin sent them, by reason.',
  type: 'counter',
  labels: ['route', 'reason'],
}
const bytes: MetricSpec = {
  name: 'gateway_compression_bytes_total',
  help: 'Bytes that went into compression and came out of it. What was kept counts once, however often it is sent.',
  type: 'counter',
  labels: ['route', 'encoding', 'direction'],
}
export const waiting: MetricSpec = {
  name: 'gateway_compression_waiting',
  help: 'Pieces of compression work that wait for a thread.',
  type: 'gauge',
  labels: [],
}
export const compressionMetrics: readonly MetricSpec[] = [answers, skipped, bytes, waiting]

/** A route's handles, looked up once for each combination that occurs. */
export class CompressionCounts {
  readonly #route: string
  readonly #metrics: Metrics
  readonly #known = new Map<string, Counter>()

  constructor(route: string, metrics: Metrics) {
    this.#route = route
    this.#metrics = metrics
  }

  answered(encoding: string, level: string): void {
    this.#counter(answers, `${encoding} ${level}`, { encoding, level }).value++
  }

  skipped(reason: Skip): void {
    this.#counter(skipped, reason, { reason }).value++
  }

  made(encoding: string, bytesIn: number, bytesOut: number): void {
    this.#counter(bytes, `${encoding} in`, { encoding, direction: 'in' }).value += bytesIn
    this.#counter(bytes, `${encoding} out`, { encoding, direction: 'out' }).value += bytesOut
  }

  #counter(spec: MetricSpec, key: string, labels: Readonly<Record<string, string>>): Counter {
    let counter = this.#known.get(key)
    if (counter === undefined) {
      counter = this.#metrics.counter(spec, { route: this.#route, ...labels })
      this.#known.set(key, counter)
    }
    return counter
  }
}
