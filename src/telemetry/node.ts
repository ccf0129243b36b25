/**
 * What the process says about itself: processor, memory, files, garbage collection, event loop. The names are those
 * that Node dashboards know. Of prom-client's own collectors three are avoided: the one that misses collections that
 * come in one batch, the event-loop gauges that one scraper resets for the other, and the counts that walk every
 * open connection.
 */
import { readdir, readFile } from 'node:fs/promises'
import { constants, performance as nodePerformance, PerformanceObserver } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { Clock } from '../core/clock.ts'
import type { MetricSpec } from '../core/metrics.ts'
import type { LogLinearHistogram } from './histogram.ts'
import type { Registry } from './registry.ts'

const counter = (name: string, help: string, labels: readonly string[] = []): MetricSpec => ({
  name,
  help,
  type: 'counter',
  labels,
})
const gauge = (name: string, help: string, labels: readonly string[] = []): MetricSpec => ({
  ...counter(name, help, labels),
  type: 'gauge',
})
const histogram = (name: string, help: string, labels: readonly string[] = []): MetricSpec => ({
  ...counter(name, help, labels),
  type: 'histogram',
})

const specs = {
  build: gauge('gateway_build_info', 'Always 1; its labels say which versions run.', ['version', 'node']),
  user: counter('process_cpu_user_seconds_total', 'Processor time spent in user mode.'),
  system: counter('process_cpu_system_seconds_total', 'Processor time spent in the kernel.'),
  cpu: counter('process_cpu_seconds_total', 'Processor time spent, in user mode and in the kernel.'),
  start: gauge('process_start_time_seconds', 'When the process started, since the Unix epoch.'),
  uptime: gauge('gateway_uptime_seconds', 'How long the gateway has been running.'),
  resident: gauge('process_resident_memory_bytes', 'Memory in use, as the system counts it.'),
  files: gauge('process_open_fds', 'Open file descriptors; absent values stay 0 where the system does not tell.'),
  maxFiles: gauge('process_max_fds', 'Most file descriptors the process may open; 0 where the system does not tell.'),
  heapTotal: gauge('nodejs_heap_size_total_bytes', 'Heap that V8 has reserved.'),
  heapUsed: gauge('nodejs_heap_size_used_bytes', 'Heap that V8 has in use.'),
  heapLimit: gauge('nodejs_heap_size_limit_bytes', 'Heap beyond which the process ends.'),
  external: gauge('nodejs_external_memory_bytes', 'Memory outside the heap that objects in it hold.'),
  buffers: gauge('nodejs_array_buffers_bytes', 'The part of the external memory that is buffers.'),
  collections: histogram('nodejs_gc_duration_seconds', 'Pauses for garbage collection, every one, by kind.', ['kind']),
  delay: histogram(
    'nodejs_eventloop_delay_seconds',
    'How long a task that was due had to wait for the event loop, over all moments.',
  ),
  busy: counter('nodejs_eventloop_busy_seconds_total', 'Time during which the event loop was not idle.'),
} as const

export const nodeMetrics: readonly MetricSpec[] = Object.values(specs)

const gcBounds = [0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]
const delayBounds = [
  ...[0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075],
  ...[0.1, 0.2, 0.5, 1, 2, 5, 10],
]

const gcKinds: ReadonlyMap<number, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
])

/** Starts to measure the process. Returns how to stop that. */
export function measureNode(registry: Registry, clock: Clock, version: string): () => void {
  registry.declare(nodeMetrics)
  registry.gauge(specs.build, { version, node: process.version }).value = 1
  const stops = [
    registry.onCollect(processReader(registry, clock)),
    registry.onCollect(filesReader(registry)),
    observeCollections(registry),
    sampleDelay(clock, registry.histogram(specs.delay, {}, delayBounds)),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

function processReader(registry: Registry, clock: Clock): () => void {
  const cpu = registry.counter(specs.cpu, {})
  const user = registry.counter(specs.user, {})
  const system = registry.counter(specs.system, {})
  const uptime = registry.gauge(specs.uptime, {})
  const busy = registry.counter(specs.busy, {})
  const startedAt = clock.now()
  registry.gauge(specs.start, {}).value = clock.wall() / 1000
  const memory = memoryReader(registry)
  return () => {
    const used = process.cpuUsage()
    user.value = used.user / 1e6
    system.value = used.system / 1e6
    cpu.value = user.value + system.value
    uptime.value = (clock.now() - startedAt) / 1000
    busy.value = nodePerformance.eventLoopUtilization().active / 1000
    memory()
  }
}

function memoryReader(registry: Registry): () => void {
  const resident = registry.gauge(specs.resident, {})
  const total = registry.gauge(specs.heapTotal, {})
  const used = registry.gauge(specs.heapUsed, {})
  const external = registry.gauge(specs.external, {})
  const buffers = registry.gauge(specs.buffers, {})
  registry.gauge(specs.heapLimit, {}).value = getHeapStatistics().heap_size_limit
  return () => {
    const now = process.memoryUsage()
    resident.value = now.rss
    total.value = now.heapTotal
    used.value = now.heapUsed
    external.value = now.external
    buffers.value = now.arrayBuffers
  }
}

/** Linux tells through /proc; read without blocking, since ten thousand connections are as many entries. */
function filesReader(registry: Registry): () => Promise<void> {
  const files = registry.gauge(specs.files, {})
  const maxFiles = registry.gauge(specs.maxFiles, {})
  return async () => {
    if (process.platform !== 'linux') return
    const [entries, limits] = await Promise.all([readdir('/proc/self/fd'), readFile('/proc/self/limits', 'utf8')])
    // One is the descriptor that the listing itself needed.
    files.value = entries.length - 1
    maxFiles.value = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 0)
  }
}

function observeCollections(registry: Registry): () => void {
  const kinds = new Map<number, LogLinearHistogram>()
  for (const [kind, name] of gcKinds) {
    kinds.set(kind, registry.histogram(specs.collections, { kind: name }, gcBounds))
  }
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const kind = (entry as { readonly detail?: { readonly kind?: number } }).detail?.kind
      if (kind !== undefined) kinds.get(kind)?.record(entry.duration / 1000)
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  return () => observer.disconnect()
}

const SAMPLE_EVERY_MS = 20
/** A longer stall (or a machine that slept) counts as this long. */
const LONGEST_STALL_MS = 60_000

/**
 * Samples how late the event loop is. A stall of 500 ms meets not one task but all that become due meanwhile, so it
 * is recorded as all the samples it swallowed: 500, 480, 460 ms and so on. Quantiles then speak of moments in time,
 * and since nothing is ever reset, any number of scrapers may look.
 */
export function sampleDelay(clock: Clock, delays: { record(seconds: number): void }): () => void {
  let dueAt = clock.now() + SAMPLE_EVERY_MS
  const timer = clock.every(SAMPLE_EVERY_MS, () => {
    const now = clock.now()
    const lateMs = Math.min(Math.max(0, now - dueAt), LONGEST_STALL_MS)
    dueAt = now + SAMPLE_EVERY_MS
    delays.record(lateMs / 1000)
    for (let ms = lateMs - SAMPLE_EVERY_MS; ms > 0; ms -= SAMPLE_EVERY_MS) delays.record(ms / 1000)
  })
  return () => timer.cancel()
}
