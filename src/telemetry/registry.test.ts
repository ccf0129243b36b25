import t from 'tap'
import type { MetricSpec } from '../core/metrics.ts'
import { latencyBounds, Registry } from './registry.ts'

const requests: MetricSpec = {
  name: 'gateway_test_requests_total',
  help: 'Requests.',
  type: 'counter',
  labels: ['route', 'method'],
}
const open: MetricSpec = { name: 'gateway_test_open', help: 'Open ones.', type: 'gauge', labels: [] }
const wait: MetricSpec = { name: 'gateway_test_wait_seconds', help: 'Waits.', type: 'histogram', labels: ['route'] }
const size: MetricSpec = { name: 'gateway_test_size_bytes', help: 'Sizes.', type: 'histogram', labels: [] }

/** The lines of one metric, without HELP and TYPE. */
async function samples(registry: Registry, name: string): Promise<string[]> {
  const lines = (await registry.text()).split('\n')
  return lines.filter((line) => line.startsWith(name))
}

t.test('counters, gauges and histograms come out in the Prometheus text format', async (t) => {
  const registry = new Registry()
  registry.counter(requests, { route: 'shop', method: 'GET' }).value += 3
  registry.gauge(open, {}).value = 7
  const histogram = registry.histogram(wait, { route: 'shop' }, [0.1, 1])
  for (const value of [0.05, 0.1, 0.5, 2]) histogram.record(value)
  const text = await registry.text()
  t.match(text, /^# HELP gateway_test_requests_total Requests\.\n# TYPE gateway_test_requests_total counter$/m)
  t.match(text, /^gateway_test_requests_total\{route="shop",method="GET"\} 3$/m)
  t.match(text, /^# TYPE gateway_test_open gauge\ngateway_test_open 7$/m)
  t.match(text, /^# TYPE gateway_test_wait_seconds histogram$/m)
  t.same(await samples(registry, wait.name), [
    'gateway_test_wait_seconds_bucket{le="0.1",route="shop"} 2',
    'gateway_test_wait_seconds_bucket{le="1",route="shop"} 3',
    'gateway_test_wait_seconds_bucket{le="+Inf",route="shop"} 4',
    'gateway_test_wait_seconds_sum{route="shop"} 2.65',
    'gateway_test_wait_seconds_count{route="shop"} 4',
  ])
  t.match(registry.contentType, /^text\/plain; version=0\.0\.4/)
  t.ok(text.endsWith('\n'))
})

t.test('the same metric and labels give the same handle, so that counts outlive a reload', async (t) => {
  const registry = new Registry()
  const labels = { route: 'shop', method: 'GET' }
  t.equal(registry.counter(requests, labels), registry.counter({ ...requests }, { method: 'GET', route: 'shop' }))
  t.not(registry.counter(requests, labels), registry.counter(requests, { ...labels, method: 'POST' }))
})

t.test('label values that look like labels never share a series', async (t) => {
  const registry = new Registry()
  registry.counter(requests, { route: 'x,method:y', method: 'z' }).value = 1
  registry.counter(requests, { route: 'x', method: 'y,method:z' }).value = 2
  registry.counter(requests, { route: '"],["', method: '' }).value = 3
  registry.counter(requests, { route: '"', method: ',"' }).value = 4
  t.equal((await samples(registry, requests.name)).length, 4)
})

t.test('label values are escaped', async (t) => {
  const registry = new Registry()
  registry.counter(requests, { route: 'a"b\\c\nd', method: '__proto__' }).value = 1
  t.same(await samples(registry, requests.name), [
    'gateway_test_requests_total{route="a\\"b\\\\c\\nd",method="__proto__"} 1',
  ])
})

t.test('beyond the cap, new label values share one series, and that is counted', async (t) => {
  const registry = new Registry({ seriesPerMetric: 2 })
  for (const route of ['a', 'b', 'c', 'd']) registry.counter(requests, { route, method: 'GET' }).value++
  registry.counter(requests, { route: 'a', method: 'GET' }).value++
  t.same(await samples(registry, requests.name), [
    'gateway_test_requests_total{route="a",method="GET"} 2',
    'gateway_test_requests_total{route="b",method="GET"} 1',
    'gateway_test_requests_total{route="other",method="other"} 2',
  ])
  t.same(await samples(registry, 'gateway_metrics_dropped'), [
    'gateway_metrics_dropped_series_total{metric="gateway_test_requests_total"} 2',
  ])
})

t.test('other bounds for a histogram keep what it has counted', async (t) => {
  const registry = new Registry()
  registry.histogram(wait, { route: 'shop' }, [0.1, 1]).record(0.5)
  const again = registry.histogram(wait, { route: 'shop' }, [1, 2])
  t.equal(again.count, 1)
  t.same(again.bounds, [1, 2])
  t.same(registry.histogram(wait, { route: 'shop' }).bounds, [1, 2], 'asking without bounds changes none')
})

t.test('bounds fit what is measured', async (t) => {
  const registry = new Registry()
  t.same(registry.histogram(wait, { route: 'shop' }).bounds, latencyBounds)
  t.equal(latencyBounds[0], 0.0005)
  t.equal(latencyBounds.at(-1), 60)
  const sizes = registry.histogram(size, {})
  sizes.record(5_000_000)
  t.ok(Math.abs(sizes.quantile(0.5) - 5e6) < 5e6 * 0.02)
})

t.test('gauges are brought up to date at each scrape, until that is stopped', async (t) => {
  const registry = new Registry()
  const gauge = registry.gauge(open, {})
  const stop = registry.onCollect(() => {
    gauge.value++
  })
  registry.onCollect(async () => {
    gauge.value += 10
  })
  await registry.text()
  t.equal(gauge.value, 11)
  stop()
  await registry.text()
  t.equal(gauge.value, 21)
})

t.test('a reading that fails is counted and spoils nothing else', async (t) => {
  const registry = new Registry()
  registry.onCollect(() => {
    throw new Error('gone')
  })
  registry.onCollect(() => Promise.reject(new Error('gone, later')))
  registry.gauge(open, {}).value = 1
  t.same(await samples(registry, open.name), ['gateway_test_open 1'])
  t.same(await samples(registry, 'gateway_metrics_failed_reads_total'), ['gateway_metrics_failed_reads_total 4'])
})

t.test('scrapes at the same time share one page', async (t) => {
  const registry = new Registry()
  let reads = 0
  registry.onCollect(() => {
    reads++
  })
  const [one, other] = await Promise.all([registry.text(), registry.text()])
  t.equal(one, other)
  t.equal(reads, 1)
})

t.test('a page of thousands of lines lets the event loop turn in between, and is whole', async (t) => {
  const registry = new Registry()
  for (let i = 0; i < 400; i++) registry.histogram(wait, { route: `r${i}` }).record(i)
  let turns = 0
  let isDone = false
  const turn = () => {
    turns++
    if (!isDone) setImmediate(turn)
  }
  setImmediate(turn)
  const text = await registry.text()
  isDone = true
  t.ok(turns >= 20, `${turns} turns`)
  t.equal(text.match(/^# TYPE gateway_test_wait_seconds /gm)?.length, 1)
  t.equal(text.match(/^gateway_test_wait_seconds_count\{/gm)?.length, 400)
  t.equal(text.match(/^gateway_test_wait_seconds_bucket\{/gm)?.length, 400 * (latencyBounds.length + 1))
  t.notOk(text.includes('\n\n\n'))
})

t.test('declared metrics are listed before they have values', async (t) => {
  const registry = new Registry()
  registry.declare([requests])
  registry.gauge(open, {})
  t.same(
    registry.specs().map((spec) => spec.name),
    [
      'gateway_metrics_dropped_series_total',
      'gateway_metrics_failed_reads_total',
      'gateway_test_requests_total',
      'gateway_test_open',
    ],
  )
  t.match(await registry.text(), /^# TYPE gateway_test_requests_total counter$/m)
})

t.test('a metric that is used differently from its declaration is a fault of the program', async (t) => {
  const registry = new Registry()
  registry.declare([requests])
  t.throws(() => registry.counter(requests, { route: 'a' }), /has the labels \{route,method\}, not \{route\}/)
  t.throws(() => registry.counter(requests, { route: 'a', method: 'b', more: 'c' }), /has the labels/)
  t.throws(() => registry.gauge(requests, { route: 'a', method: 'b' }), /is a counter, not a gauge/)
  t.throws(() => registry.declare([{ ...requests, help: 'Others.' }]), /declared twice/)
  t.throws(() => registry.declare([{ ...open, name: 'gateway-test' }]), /no name for a metric/)
  t.throws(() => registry.declare([{ ...wait, labels: ['le'] }]), /no name for a label/)
})
