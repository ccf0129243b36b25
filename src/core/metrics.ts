/**
 * Metrics as features see them: declared as data, created at load, and held as handles. Recording is a field
 * increment or a typed-array write; names, labels and export live behind the factory (telemetry/registry.ts).
 */

export interface MetricSpec {
  /** `gateway_…`, base units, `_total`, `_seconds` or `_bytes` at the end. */
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly string[]
}

export interface Counter {
  /** Add with `handle.value += n`. */
  value: number
}

export interface Gauge {
  value: number
}

export interface Histogram {
  /** Records one value, in the metric's base unit (seconds, bytes). */
  record(value: number): void
  /** Values recorded so far. */
  readonly count: number
  /** An estimate of quantile `q` in [0, 1]; NaN while empty. */
  quantile(q: number): number
}

export type LabelValues = Readonly<Record<string, string>>

/**
 * Handles by specification and labels; the same ones give the same handle, so counts outlive a reload. Beyond the
 * cap of series per metric, new label values share one series in which every label reads `other`.
 */
export interface Metrics {
  counter(spec: MetricSpec, labels: LabelValues): Counter
  gauge(spec: MetricSpec, labels: LabelValues): Gauge
  /** @param bounds upper bounds of the exported buckets, ascending; default: fit for 0.5 ms to 60 s */
  histogram(spec: MetricSpec, labels: LabelValues, bounds?: readonly number[]): Histogram
  /**
   * Series with these labels, among others, tell of something that is there until the returned function is called. The
   * scrape that follows still shows them; then they are dropped, and whoever still counts something counts it for
   * nobody. Held again before, they go on.
   */
  hold(labels: LabelValues): () => void
  /** Calls `read` at each scrape, to bring gauges up to date. Returns how to stop that. */
  onCollect(read: () => void): () => void
}
