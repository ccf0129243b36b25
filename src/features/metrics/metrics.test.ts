import t from 'tap'
import { VirtualClock } from '../../../test/harness/clock.ts'
import { testDeps } from '../../../test/harness/deps.ts'
import { type FakeExchange, fakeExchange, requestHead, testRoute } from '../../../test/harness/exchange.ts'
import { wholeBody } from '../../core/body.ts'
import { GatewayError } from '../../core/errors.ts'
import { OVERHEAD, WAIT } from '../../core/exchange.ts'
import type { RequestBody, RequestHead } from '../../core/message.ts'
import type { Origin } from '../../core/origin.ts'
import type { Stage } from '../../core/stage.ts'
import { Registry } from '../../telemetry/registry.ts'
import { type MetricsRouteConfig, metrics } from './index.ts'
import { metricsRouteSchema, metricsTopSchema } from './schema.ts'

const answered = (status: number): Origin => ({
  fetch(_x, _req, to) {
    to.head({ status, reason: '', headers: [] }, wholeBody)
    if (to.write(Buffer.from('12345'))) to.end()
    return () => {}
  },
})

const silent: Origin = { fetch: () => () => {} }

/** The feature on one route, over a registry. */
class Measured {
  readonly registry = new Registry()
  readonly clock = new VirtualClock()

  stage(config?: MetricsRouteConfig): Stage {
    const deps = testDeps({ clock: this.clock, metrics: this.registry })
    return metrics.build(config, metricsTopSchema.parse({}), testRoute, deps)?.stage as Stage
  }

  /** An exchange over that stage; its own clock stands still. */
  exchange(origin: Origin, parts: { request?: RequestHead; before?: Stage[]; stage?: Stage } = {}): FakeExchange {
    const stages = [...(parts.before ?? []), parts.stage ?? this.stage()]
    return fakeExchange({ origin, stages, slots: 1 }, parts.request === undefined ? {} : { request: parts.request })
  }

  async sample(series: string): Promise<number | undefined> {
    const line = (await this.registry.text()).split('\n').find((line) => line.startsWith(`${series} `))
    return line === undefined ? undefined : Number(line.slice(series.length + 1))
  }

  count(labels: string): Promise<number | undefined> {
    return this.sample(`gateway_request_duration_seconds_count{route="test",${labels}}`)
  }
}

t.test('a request is measured under its route, method and class of status', async (t) => {
  const measured = new Measured()
  for (const status of [200, 204, 301, 404, 503, 999]) {
    measured.exchange(answered(status)).client.start()
  }
  t.equal(await measured.count('method="GET",status_class="2xx"'), 2)
  t.equal(await measured.count('method="GET",status_class="3xx"'), 1)
  t.equal(await measured.count('method="GET",status_class="4xx"'), 1)
  t.equal(await measured.count('method="GET",status_class="5xx"'), 1)
  t.equal(await measured.count('method="GET",status_class="other"'), 1)
  t.equal(await measured.sample('gateway_response_bytes_total{route="test"}'), 30)
  t.equal(await measured.sample('gateway_time_to_first_byte_seconds_count{route="test"}'), 6)
})

t.test('methods that somebody invents share one label value', async (t) => {
  const measured = new Measured()
  for (const method of ['QUERY', 'POST', 'BREW', 'get', '__proto__', 'X'.repeat(1000)]) {
    measured.exchange(answered(200), { request: requestHead({ method }) }).client.start()
  }
  t.equal(await measured.count('method="other",status_class="2xx"'), 4)
  t.equal(await measured.count('method="QUERY",status_class="2xx"'), 1)
  t.equal(await measured.count('method="POST",status_class="2xx"'), 1)
})

t.test('a request is in flight until its answer has ended', async (t) => {
  const measured = new Measured()
  const stage = measured.stage()
  const inFlight = () => measured.sample('gateway_requests_in_flight{route="test"}')
  const waiting = measured.exchange(silent, { stage })
  waiting.client.start()
  t.equal(await inFlight(), 1)
  measured.exchange(answered(200), { stage }).client.start()
  t.equal(await inFlight(), 1)
  waiting.down.goAway()
  t.equal(await inFlight(), 0)
})

t.test('a request that an earlier stage answers never counts as in flight, but is measured', async (t) => {
  const measured = new Measured()
  const refuse: Stage = {
    name: 'refuse',
    admit: () => ({ status: 429, headers: [], body: undefined }),
  }
  measured.exchange(silent, { before: [refuse] }).client.start()
  t.equal(await measured.sample('gateway_requests_in_flight{route="test"}'), 0)
  t.equal(await measured.count('method="GET",status_class="4xx"'), 1)
})

t.test('a client that leaves before the answer counts as 4xx, and as an error of its own', async (t) => {
  const measured = new Measured()
  const { client, down } = measured.exchange(silent)
  client.start()
  down.goAway()
  t.equal(await measured.count('method="GET",status_class="4xx"'), 1)
  t.equal(await measured.sample('gateway_errors_total{route="test",code="client_gone",source="client"}'), 1)
  t.equal(await measured.sample('gateway_time_to_first_byte_seconds_count{route="test"}'), 0)
})

t.test('a client that leaves during the answer counts under the status it was sent', async (t) => {
  const measured = new Measured()
  const begun: Origin = {
    fetch(_x, _req, to) {
      to.head({ status: 200, reason: '', headers: [] }, wholeBody)
      return () => {}
    },
  }
  const { client, down } = measured.exchange(begun)
  client.start()
  down.goAway()
  t.equal(await measured.count('method="GET",status_class="2xx"'), 1)
  t.equal(await measured.sample('gateway_errors_total{route="test",code="client_gone",source="client"}'), 1)
})

t.test('a failure is counted by its code and by whose fault it is', async (t) => {
  const measured = new Measured()
  const stage = measured.stage()
  const failing: Origin = {
    fetch(_x, _req, to) {
      to.fail(new GatewayError('connect_failed', 'ECONNREFUSED'))
      return () => {}
    },
  }
  for (let i = 0; i < 3; i++) measured.exchange(failing, { stage }).client.start()
  t.equal(await measured.sample('gateway_errors_total{route="test",code="connect_failed",source="upstream"}'), 3)
  t.equal(await measured.count('method="GET",status_class="5xx"'), 3)
})

t.test('durations, spans and overhead are in seconds', async (t) => {
  const measured = new Measured()
  const { client, clock } = measured.exchange(silent)
  client.start()
  measured.clock.advance(250)
  clock.advance(250)
  client.spans[WAIT] = 240
  client.headAt = client.startedAt + 240
  client.answer({ status: 200, headers: [], body: undefined })
  t.equal(client.spans[OVERHEAD], 10)
  t.equal(
    await measured.sample('gateway_request_duration_seconds_sum{route="test",method="GET",status_class="2xx"}'),
    0.25,
  )
  t.equal(await measured.sample('gateway_overhead_seconds_sum{route="test"}'), 0.01)
  t.equal(await measured.sample('gateway_overhead_seconds_bucket{le="0.01",route="test"}'), 1)
  t.equal(await measured.sample('gateway_span_seconds_total{route="test",span="wait"}'), 0.24)
  t.equal(await measured.sample('gateway_span_seconds_total{route="test",span="overhead"}'), 0.01)
  t.equal(await measured.sample('gateway_span_seconds_total{route="test",span="lookup"}'), 0)
})

t.test('request bytes are those that were taken from the client', async (t) => {
  const measured = new Measured()
  const body: RequestBody = {
    lengthBytes: undefined,
    takenBytes: 4321,
    trailers: [],
    limit() {},
    open() {
      throw new Error('not needed')
    },
  }
  measured.exchange(answered(200), { request: requestHead({ method: 'POST', body }) }).client.start()
  t.equal(await measured.sample('gateway_request_bytes_total{route="test"}'), 4321)
})

t.test('a route can have its own buckets', async (t) => {
  const measured = new Measured()
  const stage = measured.stage(metricsRouteSchema.parse({ buckets: ['10ms', '2s'] }))
  measured.exchange(answered(200), { stage }).client.start()
  const page = await measured.registry.text()
  t.same(
    page.match(/gateway_request_duration_seconds_bucket\{le="[^"]+"/g)?.map((line) => line.slice(44, -1)),
    ['0.01', '2', '+Inf'],
  )
})

t.test('handles are the same after a reload', async (t) => {
  const measured = new Measured()
  measured.exchange(answered(200)).client.start()
  measured.exchange(answered(200)).client.start()
  t.equal(await measured.count('method="GET",status_class="2xx"'), 2)
})

t.test('buckets that make no sense are refused', async (t) => {
  for (const buckets of [[], ['1s', '1s'], ['2s', '1s'], ['0s'], ['2h'], [5], 'many', new Array(51).fill('1s')]) {
    t.equal(metricsRouteSchema.safeParse({ buckets }).success, false, JSON.stringify(buckets))
  }
  t.same(metricsTopSchema.parse({ buckets: ['5ms', '1s'] }), { buckets: [5, 1000] })
  t.same(metricsTopSchema.parse(undefined), { buckets: 'auto' })
})
