import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { VirtualClock } from '../../../test/harness/clock.ts'
import { testDeps } from '../../../test/harness/deps.ts'
import { type FakeExchange, fakeExchange, requestHead, testRoute } from '../../../test/harness/exchange.ts'
import { wholeBody } from '../../core/body.ts'
import { GatewayError } from '../../core/errors.ts'
import { CONNECT, WAIT } from '../../core/exchange.ts'
import { Keep } from '../../core/keep.ts'
import type { RequestHead } from '../../core/message.ts'
import type { Origin } from '../../core/origin.ts'
import type { Stage } from '../../core/stage.ts'
import { accessLog, accessLogSinks, type LogsConfig } from './index.ts'
import { accessLogRouteSchema, logsSchema } from './schema.ts'

type Line = Record<string, unknown>

const silent: Origin = { fetch: () => () => {} }
const failing = (why: GatewayError): Origin => ({
  fetch(_x, _req, to) {
    to.fail(why)
    return () => {}
  },
})
const answered = (status: number): Origin => ({
  fetch(x, _req, to) {
    x.endpoint = 'http://10.0.0.1:8080'
    x.tries = 1
    to.head({ status, reason: '', headers: [] }, wholeBody)
    if (to.write(Buffer.from('12345'))) to.end()
    return () => {}
  },
})

/** The feature with a file of its own. */
class Logged {
  readonly path: string
  readonly clock = new VirtualClock()
  readonly keep = new Keep()
  readonly lease = this.keep.lease()
  roll = 0

  constructor(t: Test) {
    this.path = join(t.testdir(), 'access.log')
  }

  top(access: Record<string, unknown> = {}, logs: Record<string, unknown> = {}): LogsConfig {
    return logsSchema.parse({ ...logs, access: { file: this.path, ...access } })
  }

  stage(top = this.top(), config?: boolean): Stage | undefined {
    const deps = testDeps({ clock: this.clock, random: () => this.roll, lease: this.lease })
    return accessLog.build(config, top, testRoute, deps)?.stage
  }

  exchange(origin: Origin, request: Partial<RequestHead> = {}, stage = this.stage()): FakeExchange {
    return fakeExchange({ origin, stages: stage === undefined ? [] : [stage] }, { request: requestHead(request) })
  }

  async lines(count: number): Promise<Line[]> {
    const read = () => (existsSync(this.path) ? readFileSync(this.path, 'latin1') : '').split('\n').slice(0, -1)
    for (let turn = 0; turn < 1000 && read().length < count; turn++) {
      this.clock.advance(1000)
      await wait(2)
    }
    return read().map((line) => JSON.parse(line) as Line)
  }

  /** The line of one exchange that is answered at once. */
  async line(request: Partial<RequestHead>, top = this.top()): Promise<Line> {
    this.exchange(answered(200), request, this.stage(top)).client.start()
    return (await this.lines(1)).at(-1) as Line
  }
}

t.test('a request is one line that says what was asked, answered, and where the time went', async (t) => {
  const logged = new Logged(t)
  const { client, clock } = logged.exchange(silent, {
    method: 'POST',
    path: '/catalog/7',
    query: '?token=secret',
    headers: [
      ...['Host', 'example.com', 'User-Agent', 'curl/8', 'Referer', 'https://a.example/b?c=secret#d'],
      ...['Traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
    ],
  })
  client.start()
  clock.advance(30.25)
  client.spans[CONNECT] = 2
  client.spans[WAIT] = 20.5
  client.endpoint = 'http://10.0.0.1:8080'
  client.tries = 2
  client.cache = 'miss'
  client.head({ status: 201, reason: 'Created', headers: [] }, wholeBody)
  client.write(Buffer.from('123'))
  clock.advance(10)
  logged.clock.advance(40.25)
  client.end()
  t.same(await logged.lines(1), [
    {
      log: 'access',
      time: '2026-01-01T00:00:00.040Z',
      request_id: 'id-1',
      client: '127.0.0.1',
      method: 'POST',
      host: 'example.com',
      path: '/catalog/7',
      route: 'test',
      endpoint: 'http://10.0.0.1:8080',
      cache: 'miss',
      status: 201,
      sent_bytes: 3,
      received_bytes: 0,
      duration_ms: 40.25,
      ttfb_ms: 30.25,
      connect_ms: 2,
      wait_ms: 20.5,
      body_ms: 10,
      overhead_ms: 7.75,
      tries: 2,
      trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
      user_agent: 'curl/8',
      referer: 'https://a.example/b',
    },
  ])
})

t.test('a failure says why', async (t) => {
  const logged = new Logged(t)
  logged.exchange(failing(new GatewayError('connect_failed', 'ECONNREFUSED "10.0.0.1"'))).client.start()
  const [line] = await logged.lines(1)
  t.match(line, { status: 502, error: 'connect_failed', error_detail: 'ECONNREFUSED "10.0.0.1"', tries: 0 })
  t.notOk('endpoint' in (line as Line))
})

t.test('a client that left before its answer is logged with 499', async (t) => {
  const logged = new Logged(t)
  const { client, down } = logged.exchange(silent)
  client.start()
  down.goAway()
  const [line] = await logged.lines(1)
  t.match(line, { status: 499, error: 'client_gone', sent_bytes: 0 })
  t.notOk('ttfb_ms' in (line as Line))
})

t.test('nothing that a client sends breaks a line or adds a field', async (t) => {
  const logged = new Logged(t)
  const nasty = '","status":999,"x":"\\\r\n\u0000\u001b[2J\u007f\u00e9\u0085'
  const line = await logged.line(
    {
      method: `M${nasty}`,
      path: `/${nasty}`,
      host: nasty,
      headers: ['User-Agent', nasty, 'Referer', nasty, 'X-T', nasty],
    },
    logged.top({ fields: { tenant: 'header:x-t' } }),
  )
  t.match(line, { host: nasty, path: `/${nasty}`, user_agent: nasty, referer: nasty, tenant: nasty, status: 200 })
  t.notOk('x' in line)
  t.match(readFileSync(logged.path, 'latin1'), /^[ -~]*\n$/)
})

t.test('long values are cut, so that a client cannot fill the disk', async (t) => {
  const logged = new Logged(t)
  const long = 'x'.repeat(30_000)
  const line = await logged.line({ method: long, path: `/${long}`, host: long, headers: ['User-Agent', long] })
  t.ok(JSON.stringify(line).length < 4000)
})

t.test('queries are left out, unless the operator wants them', async (t) => {
  const logged = new Logged(t)
  const headers = ['Referer', '/a?b=c']
  t.notOk(JSON.stringify(await logged.line({ query: '?a=secret', headers })).includes('?'))
  logged.exchange(answered(200), { query: '?a=b', headers }, logged.stage(logged.top({ query: true }))).client.start()
  t.match((await logged.lines(2))[1], { query: '?a=b', referer: '/a?b=c' })
})

t.test('extra fields come from request headers, several lines joined, absent ones left out', async (t) => {
  const logged = new Logged(t)
  const top = logged.top({ fields: { tenant: 'header:X-Tenant', missing: 'header:x-missing' } })
  const line = await logged.line({ headers: ['x-tenant', 'a', 'X-TENANT', 'b'] }, top)
  t.equal(line.tenant, 'a, b')
  t.notOk('missing' in line)
})

t.test('redacted header fields are never written, whichever way they would come in', async (t) => {
  const logged = new Logged(t)
  const fields = { auth: 'header:Authorization', key: 'header:X-Api-Key' }
  const headers = ['Authorization', 'secret', 'X-API-Key', 'secret', 'User-Agent', 'secret', 'Referer', 'secret']
  const redact = ['authorization', 'x-api-key', 'User-Agent', 'referer']
  const line = await logged.line({ headers }, logged.top({ fields }, { redact }))
  t.match(line, { auth: '[redacted]', key: '[redacted]', user_agent: '[redacted]', referer: '[redacted]' })
})

t.test('credentials are redacted by default', async (t) => {
  const logged = new Logged(t)
  const fields = { auth: 'header:authorization', cookie: 'header:cookie' }
  const line = await logged.line({ headers: ['Authorization', 'secret', 'Cookie', 'secret'] }, logged.top({ fields }))
  t.match(line, { auth: '[redacted]', cookie: '[redacted]' })
})

t.test('two traceparent fields contradict each other, so neither is believed', async (t) => {
  const logged = new Logged(t)
  const one = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  const line = await logged.line({ headers: ['traceparent', one, 'traceparent', one.replaceAll('4', '5')] })
  t.notOk('trace_id' in line)
})

t.test('a sample leaves out requests that went well, never failures', async (t) => {
  const logged = new Logged(t)
  const stage = logged.stage(logged.top({ sample: '10%' }))
  for (const roll of [0.05, 0.1, 0.5]) {
    logged.roll = roll
    logged.exchange(answered(200), { path: `/${roll}` }, stage).client.start()
    logged.exchange(answered(404), { path: `/${roll}` }, stage).client.start()
  }
  logged.exchange(answered(500), { path: '/500' }, stage).client.start()
  logged.exchange(failing(new GatewayError('no_route')), { path: '/failed' }, stage).client.start()
  const lines = await logged.lines(4)
  t.same(
    lines.map((line) => line.path),
    ['/0.05', '/0.05', '/500', '/failed'],
  )
})

t.test('the log can be switched off, altogether or for a route', async (t) => {
  const logged = new Logged(t)
  t.equal(logged.stage(logsSchema.parse({ access: false })), undefined)
  t.equal(logged.stage(logged.top(), false), undefined)
  t.ok(logged.stage(logged.top(), true))
  t.ok(logged.stage(logged.top(), undefined))
})

t.test('routes and reloads share one sink for a file, and another file is another sink', async (t) => {
  const logged = new Logged(t)
  logged.stage()
  logged.stage(logged.top({ rotate: { size: '1MB', keep: 2 } }))
  const sinks = accessLogSinks(logged.keep)
  t.equal(sinks.length, 1)
  t.match(sinks[0]?.rotation, { size: 1e6, keep: 2 }, 'rotated as configured last')
  logged.stage(logsSchema.parse({ access: { file: `${logged.path}.other` } }))
  t.equal(accessLogSinks(logged.keep).length, 2)
  logged.lease.release()
  t.equal(accessLogSinks(logged.keep).length, 0)
})

t.test('defaults are those of a careful operator', async (t) => {
  t.match(logsSchema.parse(undefined), {
    level: 'info',
    access: { sample: 1, query: false, fields: {}, rotate: { size: 1e8, keep: 7 } },
    redact: ['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'x-api-key'],
  })
  t.match(logsSchema.parse({ access: true }), { access: { sample: 1 } })
  t.equal(accessLogRouteSchema.parse(false), false)
})

t.test('settings that make no sense are refused', async (t) => {
  for (const wrong of [
    { level: 'loud' },
    { access: { sample: 0.5 } },
    { access: { fields: { status: 'header:x' } } },
    { access: { fields: { 'Not-A-Name': 'header:x' } } },
    { access: { fields: { __proto__x: 'header:x' } } },
    { access: { fields: { tenant: 'cookie:x' } } },
    { access: { fields: { tenant: 'header:a b' } } },
    { access: { file: '' } },
    { access: { rotate: { keep: 0 } } },
    { access: { rotate: { size: 100 } } },
    { access: { rotate: { every: '10s' } } },
    { access: { unknown: 1 } },
    { redact: ['a b'] },
  ]) {
    t.equal(logsSchema.safeParse(wrong).success, false, JSON.stringify(wrong))
  }
})
