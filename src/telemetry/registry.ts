/**
 * Every metric of one gateway. Handles are plain objects and typed arrays; a prom-client registry of our own turns
 * them into text at scrape time, through metrics that hand over their values when asked. prom-client's own label
 * handling is never used: it merges {a: 'x,b:y', b: 'z'} with {a: 'x', b: 'y,b:z'}, and costs a string per record.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Metric, Registry as PromRegistry } from 'prom-client'
import type { Counter, Gauge, Histogram, LabelValues, MetricSpec, Metrics } from '../core/metrics.ts'
import { bytesRange, LogLinearHistogram, secondsRange } from './histogram.ts'
import { Holds } from './holds.ts'

/** Upper bounds in seconds for latencies that users feel: 0.5 ms to 60 s, and the usual objectives in between. */
export const latencyBounds: readonly number[] = [
  0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30, 60,
]

/** Upper bounds in bytes: 256 B to 1 GiB. */
export const sizeBounds: readonly number[] = Array.from({ length: 12 }, (_, i) => 4 ** (i + 4))

const droppedSeries: MetricSpec = {
  name: 'gateway_metrics_dropped_series_total',
  help: 'Look-ups of new label values beyond the cap of series, which share one series labelled other.',
  type: 'counter',
  labels: ['metric'],
}

const failedReads: MetricSpec = {
  name: 'gateway_metrics_failed_reads_total',
  help: 'Gauges that could not be brought up to date at a scrape.',
  type: 'counter',
  labels: [],
}

/** What prom-client turns into a line. */
interface Sample {
  readonly metricName: string
  readonly labels: LabelValues
  readonly sharedLabels: LabelValues
  readonly value: number
}

interface Series {
  readonly labels: LabelValues
  readonly handle: Counter | LogLinearHistogram
  /** Labelled `other`: of everything beyond the cap. */
  readonly isShared: boolean
}

export interface RegistryOptions {
  /** Series per metric, beyond which new label values share the series `other`. */
  readonly seriesPerMetric?: number
}

/** Lines made in one go, between two turns of the event loop: a third of a millisecond, measured on one slow core. */
const LINES_PER_TURN = 128

export class Registry implements Metrics {
  readonly #prom = new PromRegistry()
  readonly #families = new Map<string, Family>()
  readonly #reads = new Set<() => void | Promise<void>>()
  readonly #holds = new Holds()
  readonly #cap: number
  readonly #failedReads: Counter
  #rendering: Promise<string> | undefined = undefined

  constructor(options: RegistryOptions = {}) {
    this.#cap = options.seriesPerMetric ?? 1000
    this.declare([droppedSeries])
    this.#failedReads = this.counter(failedReads, {})
  }

  get contentType(): string {
    return this.#prom.contentType
  }

  /** Every metric that was declared or used, in that order. */
  specs(): MetricSpec[] {
    return [...this.#families.values()].map((family) => family.spec)
  }

  /** Makes metrics known before they have values. Using one declares it, too. */
  declare(specs: readonly MetricSpec[]): void {
    for (const spec of specs) this.#family(spec)
  }

  counter(spec: MetricSpec, labels: LabelValues): Counter {
    return this.#series(spec, 'counter', labels, makeCounter).handle as Counter
  }

  gauge(spec: MetricSpec, labels: LabelValues): Gauge {
    return this.#series(spec, 'gauge', labels, makeCounter).handle as Gauge
  }

  /** Other bounds for the same labels replace the earlier ones, and keep the counts. */
  histogram(spec: MetricSpec, labels: LabelValues, bounds?: readonly number[]): Histogram & LogLinearHistogram {
    const isBytes = spec.name.endsWith('_bytes')
    const make = () =>
      new LogLinearHistogram(bounds ?? (isBytes ? sizeBounds : latencyBounds), isBytes ? bytesRange : secondsRange)
    const { handle } = this.#series(spec, 'histogram', labels, make)
    const histogram = handle as LogLinearHistogram
    if (bounds !== undefined) histogram.rebound(bounds)
    return histogram
  }

  hold(labels: LabelValues): () => void {
    return this.#holds.take(labels)
  }

  onCollect(read: () => void | Promise<void>): () => void {
    // A function of its own, so that the same `read` given twice is called twice and stopped one by one.
    const entry = () => read()
    this.#reads.add(entry)
    return () => this.#reads.delete(entry)
  }

  /** The page that Prometheus scrapes. Scrapes at the same time share one rendering. */
  text(): Promise<string> {
    this.#rendering ??= this.#render().finally(() => {
      this.#rendering = undefined
    })
    return this.#rendering
  }

  async #render(): Promise<string> {
    const drop = this.#holds.leaving()
    const text = await this.#page()
    // What came to an end meanwhile may not be on this page: it waits for the next.
    if (drop()) await this.#sweep()
    return text
  }

  async #sweep(): Promise<void> {
    for (const family of [...this.#families.values()]) {
      family.keepOnly((labels) => this.#holds.permits(labels))
      await nextTurn()
    }
  }

  async #page(): Promise<string> {
    for (const read of [...this.#reads]) {
      try {
        await read()
      } catch {
        this.#failedReads.value++
      }
    }
    const metrics: string[] = []
    let lines = 0
    for (const family of [...this.#families.values()]) {
      family.rewind()
      const chunks: string[] = []
      do {
        const chunk = await this.#prom.getSingleMetricAsString(family.name)
        chunks.push(chunks.length === 0 ? chunk : withoutHeading(chunk))
        lines += family.linesGiven
        if (lines < LINES_PER_TURN) continue
        lines = 0
        await nextTurn()
      } while (family.hasMore)
      metrics.push(chunks.join('\n'))
    }
    return `${metrics.join('\n\n')}\n`
  }

  #series(spec: MetricSpec, type: MetricSpec['type'], labels: LabelValues, make: () => Series['handle']): Series {
    if (spec.type !== type) throw new Error(`${spec.name} is a ${spec.type}, not a ${type}`)
    const family = this.#family(spec)
    const found = family.find(labels)
    if (found !== undefined) return found
    // An exchange of a configuration that is gone: it may count, but not bring back what was dropped.
    if (!this.#holds.permits(labels)) return { labels, handle: make(), isShared: false }
    if (family.size < this.#cap) return family.add(labels, make(), false)
    this.counter(droppedSeries, { metric: spec.name }).value++
    const other = Object.fromEntries(spec.labels.map((label) => [label, 'other']))
    return family.find(other) ?? family.add(other, make(), true)
  }

  #family(spec: MetricSpec): Family {
    const existing = this.#families.get(spec.name)
    if (existing === undefined) {
      const family = new Family(spec)
      this.#prom.registerMetric(family as unknown as Metric)
      this.#families.set(spec.name, family)
      return family
    }
    if (existing.spec !== spec && !isSame(existing.spec, spec)) {
      throw new Error(`${spec.name} is declared twice, with different help, type or labels`)
    }
    return existing
  }
}

/** One metric with all its series; to prom-client, a metric that can be asked for its values. */
class Family {
  readonly spec: MetricSpec
  readonly name: string
  /** Series in the last answer to `get`, in lines. */
  linesGiven = 0
  readonly #series = new Map<string, Series>()
  #list: Series[] = []
  #next = 0
  #sharedCount = 0

  constructor(spec: MetricSpec) {
    if (!isMetricName.test(spec.name)) throw new Error(`${spec.name} is no name for a metric`)
    for (const label of spec.labels) {
      if (!isLabelName.test(label) || label === 'le') throw new Error(`${spec.name}: ${label} is no name for a label`)
    }
    this.spec = spec
    this.name = spec.name
  }

  /** Without the series that all others share. */
  get size(): number {
    return this.#list.length - this.#sharedCount
  }

  get hasMore(): boolean {
    return this.#next < this.#list.length
  }

  /** The series with these labels. */
  find(labels: LabelValues): Series | undefined {
    return this.#series.get(this.#key(labels))
  }

  add(labels: LabelValues, handle: Series['handle'], isShared: boolean): Series {
    const series = { labels: { ...labels }, handle, isShared }
    this.#series.set(this.#key(labels), series)
    this.#list.push(series)
    if (isShared) this.#sharedCount++
    return series
  }

  /** Drops the series whose labels don't pass. Not while the family is being asked for its values. */
  keepOnly(isWanted: (labels: LabelValues) => boolean): void {
    const kept = this.#list.filter(({ labels, isShared }) => isShared || isWanted(labels))
    if (kept.length === this.#list.length) return
    this.#list = kept
    this.#series.clear()
    for (const series of kept) this.#series.set(this.#key(series.labels), series)
  }

  rewind(): void {
    this.#next = 0
  }

  /** What prom-client asks for: as many whole series as fit into one turn, from where the last answer ended. */
  async get(): Promise<{ name: string; help: string; type: string; values: Sample[] }> {
    const { name, help, type } = this.spec
    const values: Sample[] = []
    while (this.#next < this.#list.length && values.length < LINES_PER_TURN) {
      const { labels, handle } = this.#list[this.#next++] as Series
      if (handle instanceof LogLinearHistogram) addHistogram(values, name, labels, handle)
      else values.push({ metricName: name, labels: none, sharedLabels: labels, value: handle.value })
    }
    this.linesGiven = values.length
    return { name, help, type, values }
  }

  /** Never the same for different label values, whatever they hold. */
  #key(labels: LabelValues): string {
    const names = this.spec.labels
    const values = names.map((name) => labels[name])
    if (values.includes(undefined) || Object.keys(labels).length !== names.length) {
      throw new Error(`${this.name} has the labels {${names.join()}}, not {${Object.keys(labels).join()}}`)
    }
    return JSON.stringify(values)
  }
}

const isMetricName = /^[a-z_][a-z0-9_]*$/
const isLabelName = /^[a-z_][a-z0-9_]*$/
const none: LabelValues = {}

function makeCounter(): Counter {
  return { value: 0 }
}

function addHistogram(values: Sample[], name: string, sharedLabels: LabelValues, histogram: LogLinearHistogram): void {
  const { bounds } = histogram
  const counts = histogram.cumulative()
  for (let i = 0; i < counts.length; i++) {
    const le = i < bounds.length ? String(bounds[i]) : '+Inf'
    values.push({ metricName: `${name}_bucket`, labels: { le }, sharedLabels, value: counts[i] as number })
  }
  values.push({ metricName: `${name}_sum`, labels: none, sharedLabels, value: histogram.sum })
  values.push({ metricName: `${name}_count`, labels: none, sharedLabels, value: histogram.count })
}

/** Without the lines HELP and TYPE, which stand once per metric. */
function withoutHeading(chunk: string): string {
  return chunk.slice(chunk.indexOf('\n', chunk.indexOf('\n') + 1) + 1)
}

function isSame(a: MetricSpec, b: MetricSpec): boolean {
  return a.help === b.help && a.type === b.type && a.labels.join() === b.labels.join()
}
