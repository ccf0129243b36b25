/** What one record costs: ours beside prom-client's and the one of perf_hooks. `node bench/micro/histogram.ts` */
import { createHistogram } from 'node:perf_hooks'
import { Histogram, Registry as PromRegistry } from 'prom-client'
import { LogLinearHistogram } from '../../src/telemetry/histogram.ts'
import { latencyBounds } from '../../src/telemetry/registry.ts'

const ROUNDS = 5
const RECORDS = 2_000_000

const values = Float64Array.from({ length: 4096 }, (_, i) => 0.0003 * 1.0025 ** i)

function measure(name: string, record: (value: number) => void): void {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const from = process.hrtime.bigint()
    for (let i = 0; i < RECORDS; i++) record(values[i & 4095] as number)
    best = Math.min(best, Number(process.hrtime.bigint() - from) / RECORDS)
  }
  console.log(`${name.padEnd(28)}${best.toFixed(1).padStart(8)} ns per record`)
}

const ours = new LogLinearHistogram(latencyBounds)
measure('log-linear, 18 bounds', (value) => ours.record(value))

const recordable = createHistogram()
measure('perf_hooks', (value) => recordable.record(Math.ceil(value * 1e6)))

const prom = new Histogram({ name: 'h', help: 'h', buckets: [...latencyBounds], registers: [new PromRegistry()] })
measure('prom-client, no labels', (value) => prom.observe(value))

const labelled = new Histogram({
  name: 'l',
  help: 'l',
  labelNames: ['route', 'method', 'status_class'],
  buckets: [...latencyBounds],
  registers: [new PromRegistry()],
}).labels('catalog', 'GET', '2xx')
measure('prom-client, three labels', (value) => labelled.observe(value))
