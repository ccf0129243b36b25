import t from 'tap'
import type { z } from '../config/schema.ts'
import { inlineUpstream, retrySchema, timeoutsSchema, upstreamSchema } from './schema.ts'

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
    balance: 'round_robin',
    protocol: 'http1',
    tls: { verify: true },
    pool: { connections: 256, queue: 1024, idle_timeout: 55_000 },
  })
  const limits = { connect: 2000, response: 15_000, idle: 30_000, total: Number.POSITIVE_INFINITY }
  t.same(timeoutsSchema.parse({}), limits)
  t.same(retrySchema.parse(true), { attempts: 2, on: ['connect', 'unsent'] })
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
  t.match(messages(upstreamSchema, { endpoints: [] }), ['endpoints is empty: give at least one endpoint'])
  const idle = { endpoints: [{ url: 'http://a', weight: 0 }] }
  t.match(messages(upstreamSchema, idle), ['endpoints needs an endpoint with a weight above 0'])
})

t.test('what comes later is said to be not supported, in clear words', async (t) => {
  const endpoints = ['http://a']
  for (const key of ['discover', 'sticky', 'zone_aware', 'slow_start', 'health_check', 'outlier_ejection']) {
    t.same(messages(upstreamSchema, { endpoints, [key]: {} }), [`${key} is not supported in this version`])
  }
  for (const key of ['circuit_breaker', 'concurrency']) {
    t.same(messages(upstreamSchema, { endpoints, [key]: 1 }), [`${key} is not supported in this version`])
  }
  const word = (key: string, value: unknown) => messages(upstreamSchema, { endpoints, [key]: value })
  t.same(word('balance', 'peak_ewma'), ['balance "peak_ewma" is not supported in this version'])
  t.same(word('balance', 'nonsense'), ['balance must be "round_robin"'])
  t.same(word('balance', { hash: 'path' }), ['balance {hash: …} is not supported in this version'])
  t.same(word('protocol', 'h2'), ['protocol "h2" is not supported in this version'])
  t.match(
    messages(upstreamSchema, { endpoints: [{ url: 'http://a', tier: 1 }] }).join(),
    /other than 0 is not supported/,
  )
  t.match(messages(retrySchema, { on: [503] }).join(), /"503" is not supported in this version/)
  t.match(messages(retrySchema, { on: ['reset'] }).join(), /"reset" is not supported in this version/)
  t.match(messages(retrySchema, { budget: '20%' }).join(), /budget is not supported in this version/)
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
