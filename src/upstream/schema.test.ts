import t from 'tap'
import type { z } from '../config/schema.ts'
import { inlineUpstream, upstreamSchema } from './schema.ts'
import { hedgeSchema, retrySchema, timeoutsSchema } from './schema-tries.ts'

function messages(schema: z.ZodType, value: unknown): string[] {
  const result = schema.safeParse(value)
  if (result.success) return []
  const flat = (issues: readonly z.core.$ZodIssue[], path: readonly PropertyKey[]): string[] =>
    issues.flatMap((issue) =>
      issue.code === 'invalid_union'
        ? issue.errors.flatMap((each) => flat(each, [...path, ...issue.path]))
        : [`${[...path, ...issue.path].join('.')} ${issue.message}`],
    )
  return flat(result.error.issues, [])
}

t.test('the smallest upstream has the defaults of a careful operator', async (t) => {
  t.same(inlineUpstream('http://localhost:3000'), {
    endpoints: [{ url: 'http://localhost:3000', weight: 1, tier: 0, role: 'primary' }],
    balance: { algorithm: 'round_robin', hashOf: undefined },
    slow_start: 0,
    panic: 0.5,
    protocol: 'http1',
    tls: { verify: true },
    pool: { connections: 256, queue: 10_000, idle_timeout: 55_000, response_header_size: 65_536 },
    outlier_ejection: {
      consecutive_errors: 5,
      error_rate: 0,
      minimum_requests: 20,
      window: 10_000,
      slow_factor: 0,
      base: 10_000,
      max: 300_000,
      max_ejected: 0.5,
    },
    circuit_breaker: false,
    sticky: false,
    concurrency: false,
  })
  const limits = {
    connect: 2000,
    response: 15_000,
    idle: 30_000,
    total: Number.POSITIVE_INFINITY,
    budget_header: 'X-Request-Timeout-Ms',
  }
  t.same(timeoutsSchema.parse({}), limits)
  t.same(retrySchema.parse(true), { attempts: 2, on: ['connect', 'unsent'], budget: 0.2, replay: 65_536 })
  t.equal(retrySchema.parse(false), false)
})

t.test('endpoints are URLs without paths, or unix sockets', async (t) => {
  for (const url of ['http://a', 'HTTP://a:1/', 'https://[::1]:8443', 'http://10.0.0.1:80', 'unix:/run/a.sock']) {
    t.same(messages(upstreamSchema, { endpoints: [url] }), [], url)
  }
  const wrong: [string, RegExp][] = [
    ['localhost:3000', /is not an address/],
    ['ftp://a', /is not an address/],
    ['http://', /is not a URL/],
    ['http://a:99999', /is not a URL/],
    ['http://a:0', /no valid port/],
    ['http://a b', /is not a URL/],
    ['http://user:secret@a', /user or password/],
    ['http://a/base', /must not have a path/],
    ['http://a?q', /must not have a path/],
    ['http://a/#f', /must not have a path/],
    ['unix:run/a.sock', /absolute path/],
    ['unix:', /absolute path/],
  ]
  for (const [url, message] of wrong) {
    t.match(messages(upstreamSchema, { endpoints: [url] }).join('\n'), message, url)
    t.match(messages(upstreamSchema, { endpoints: [{ url }] }).join('\n'), message, url)
  }
})

t.test('an upstream needs an endpoint that may be used', async (t) => {
  t.match(messages(upstreamSchema, { endpoints: [] }), [' needs at least one endpoint, or `discover`'])
  const idle = { endpoints: [{ url: 'http://a', weight: 0 }] }
  t.match(messages(upstreamSchema, idle), ['endpoints needs an endpoint with a weight above 0'])
})

t.test('what comes later is said to be not supported, in clear words', async (t) => {
  const endpoints = ['http://a']
  t.same(messages(upstreamSchema, { endpoints, protocol: 'h2' }), ['protocol "h2" is not supported in this version'])
})

t.test('balancing is a word, or a hash of something', async (t) => {
  const balance = (value: unknown) => messages(upstreamSchema, { endpoints: ['http://a'], balance: value }).join('\n')
  for (const word of ['round_robin', 'least_requests', 'peak_ewma', 'random']) t.equal(balance(word), '', word)
  for (const hash of ['client_ip', 'path', 'header:x-user-id', 'cookie:sid', 'query:id']) {
    t.equal(balance({ hash }), '', hash)
  }
  t.not(balance('nonsense'), '')
  for (const hash of ['', 'ip', 'header:', 'cookie:a b', 'query']) t.match(balance({ hash }), /header:NAME/, hash)
})

t.test('endpoints come from the file, by name or by service, and not by both of these', async (t) => {
  const discover = (value: object) => messages(upstreamSchema, { discover: value }).join('\n')
  t.equal(discover({ dns: 'catalog.internal:8080', refresh: '5s', resolvers: ['127.0.0.1:5353', '[::1]:53'] }), '')
  t.equal(discover({ srv: '_http._tcp.catalog.internal' }), '')
  t.match(discover({}), /needs either/)
  t.match(discover({ dns: 'a:1', srv: '_http._tcp.a' }), /needs either/)
  t.match(discover({ dns: 'catalog.internal' }), /a name with a port/)
  t.match(discover({ srv: 'catalog.internal' }), /not an SRV name/)
  t.match(discover({ dns: 'a:1', resolvers: ['dns.internal'] }), /IP address/)
  t.match(discover({ dns: 'a:1', refresh: '1ms' }), /at least 100ms/)
})

t.test('statuses of health checks are ranges', async (t) => {
  const status = (value: unknown) =>
    upstreamSchema.safeParse({ endpoints: ['http://a'], health_check: { status: value } }).data?.health_check?.status
  t.same(status('200-399'), [{ from: 200, to: 399 }])
  t.same(status(204), [{ from: 204, to: 204 }])
  t.same(status('200, 301-308'), [
    { from: 200, to: 200 },
    { from: 301, to: 308 },
  ])
  for (const wrong of ['', '2xx', '399-200', '600', 20]) t.equal(status(wrong), undefined, `${wrong}`)
})

t.test('what a check sends can be sent', async (t) => {
  const check = (value: object) => messages(upstreamSchema, { endpoints: ['http://a'], health_check: value }).join('\n')
  t.equal(check({ path: '/healthz?deep=1', host: '[::1]:8080', headers: { Authorization: 'Bearer x' } }), '')
  t.match(check({ path: '/a b' }), /health_check.path holds a character that paths can’t carry/)
  t.match(check({ path: '/a#b' }), /health_check.path holds a character/)
  t.match(check({ host: 'a b' }), /health_check.host is not a host/)
  t.match(check({ headers: { 'X-A': 'a\nb' } }), /health_check.headers.X-A holds a line break/)
  t.match(check({ headers: { 'Content-Length': '5' } }), /health_check.headers.Content-Length frames the message/)
  t.match(check({ headers: { 'X A': 'a' } }), /health_check.headers.X A is not a header name/)
  const budget = (name: unknown) => messages(timeoutsSchema, { budget_header: name }).join('\n')
  t.same([budget('X-Left'), budget(false)], ['', ''])
  t.match(budget('Transfer-Encoding'), /frames the message/)
  t.match(budget('a b'), /is not a header name/)
})

t.test('a hedge is sent after a time, or a quantile of the latencies', async (t) => {
  t.same(hedgeSchema.parse({ after: 'p95' }), { after: { quantile: 0.95 }, budget: 0.05 })
  t.same(hedgeSchema.parse({ after: '80ms' }), { after: { fixedMs: 80 }, budget: 0.05 })
  t.same(hedgeSchema.parse({ after: 'p99.9' }), { after: { quantile: 0.999 }, budget: 0.05 })
  for (const after of ['p5', 'p100', 'p10', '95', '0ms'])
    t.match(messages(hedgeSchema, { after }).join(), /p95 or 80ms/)
})

t.test('retries are named by what went wrong', async (t) => {
  t.same(messages(retrySchema, { on: ['connect', 'unsent', 'reset', 'timeout', 502, 503, '504'] }), [])
  t.match(messages(retrySchema, { on: [500] }).join(), /must be one of connect, unsent, reset/)
})

t.test('a certificate comes with its key', async (t) => {
  const tls = (value: object) => messages(upstreamSchema, { endpoints: ['https://a'], tls: value })
  t.same(tls({ cert: 'a.pem' }), ['tls needs both `cert` and `key`, or neither'])
  t.same(tls({ cert: 'a.pem', key: 'a.key' }), [])
})

t.test('0s is no limit', async (t) => {
  t.equal(timeoutsSchema.parse({ connect: '0s' }).connect, Number.POSITIVE_INFINITY)
  t.equal(timeoutsSchema.parse({ total: '1m' }).total, 60_000)
})
