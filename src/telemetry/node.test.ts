import { setTimeout as wait } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { VirtualClock } from '../../test/harness/clock.ts'
import { LogLinearHistogram } from './histogram.ts'
import { measureNode, nodeMetrics, sampleDelay } from './node.ts'
import { Registry } from './registry.ts'
import { ReloadMetrics } from './reload.ts'

/** The value of one line of the page. */
function sampleOf(page: string, series: string): number {
  const line = page.split('\n').find((line) => line.startsWith(`${series} `))
  return line === undefined ? Number.NaN : Number(line.slice(series.length + 1))
}

t.test('memory, processor time, files and versions are on the page', async (t) => {
  const registry = new Registry()
  const clock = new VirtualClock()
  const stop = measureNode(registry, clock, '1.2.3')
  clock.advance(5000)
  const page = await registry.text()
  stop()
  for (const name of [
    'process_cpu_user_seconds_total',
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'nodejs_heap_size_used_bytes',
    'nodejs_heap_size_total_bytes',
    'nodejs_heap_size_limit_bytes',
  ]) {
    t.ok(sampleOf(page, name) > 0, name)
  }
  t.equal(sampleOf(page, 'gateway_uptime_seconds'), 5)
  t.equal(sampleOf(page, 'process_start_time_seconds'), Date.UTC(2026, 0, 1) / 1000)
  t.equal(sampleOf(page, `gateway_build_info{version="1.2.3",node="${process.version}"}`), 1)
  if (process.platform === 'linux') {
    t.ok(sampleOf(page, 'process_open_fds') > 2)
    t.ok(sampleOf(page, 'process_max_fds') > sampleOf(page, 'process_open_fds'))
  }
  for (const { name } of nodeMetrics) t.match(page, `# TYPE ${name} `)
  t.equal(clock.timers, 0, 'nothing goes on once it is stopped')
})

t.test('every garbage collection is counted, not one a batch', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const registry = new Registry()
  const stop = measureNode(registry, new VirtualClock(), '0')
  const count = async () => sampleOf(await registry.text(), 'nodejs_gc_duration_seconds_count{kind="major"}')
  for (let i = 0; i < 5; i++) collect()
  // The observer is told some turns later.
  for (let turn = 0; turn < 200 && (await count()) < 5; turn++) await wait(5)
  t.ok((await count()) >= 5)
  stop()
})

t.test('the delay of the event loop reads as what a task meets at any moment', async (t) => {
  const clock = new VirtualClock()
  const delays = new LogLinearHistogram([0.001, 0.1, 0.5])
  const stop = sampleDelay(clock, delays)
  clock.advance(1000)
  t.same([...delays.cumulative()], [50, 50, 50, 50], 'on time, fifty times a second')
  clock.stall(520)
  const stalled = delays.cumulative()
  t.equal((stalled[3] as number) - 50, 25, 'a stall of half a second is the 25 samples that it swallowed')
  t.equal((stalled[1] as number) - 50, 5, 'five of them at most 100 ms late')
  clock.advance(20)
  t.equal(delays.count, 76, 'then all is well again')
  stop()
})

t.test('a machine that slept for a day costs a bounded number of samples', async (t) => {
  const clock = new VirtualClock()
  const delays = new LogLinearHistogram([1])
  sampleDelay(clock, delays)
  clock.stall(86_400_000)
  t.equal(delays.count, 3000)
})

t.test('the page tells whether the configuration read last is in force', async (t) => {
  const registry = new Registry()
  const clock = new VirtualClock()
  const reloads = new ReloadMetrics(registry, clock)
  reloads.applied()
  clock.advance(1000)
  reloads.rejected()
  reloads.rejected()
  const page = await registry.text()
  t.equal(sampleOf(page, 'gateway_config_last_reload_successful'), 0)
  t.equal(sampleOf(page, 'gateway_config_last_reload_timestamp_seconds'), Date.UTC(2026, 0, 1) / 1000)
  t.equal(sampleOf(page, 'gateway_config_reloads_total{result="applied"}'), 1)
  t.equal(sampleOf(page, 'gateway_config_reloads_total{result="rejected"}'), 2)
  reloads.applied()
  t.equal(sampleOf(await registry.text(), 'gateway_config_last_reload_successful'), 1)
})
