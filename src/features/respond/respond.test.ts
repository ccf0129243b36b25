import t from 'tap'
import { fakeExchange, requestHead } from '../../../test/harness/exchange.ts'
import { built, exchangeOf, problemsOf } from '../../../test/harness/stage.ts'
import { z } from '../../config/schema.ts'
import type { Origin } from '../../core/origin.ts'
import type { Reply } from '../../core/reply.ts'
import type { Stage } from '../../core/stage.ts'
import { respond } from './index.ts'

function answered(config: unknown): Reply {
  return built(respond, config)?.stage?.admit?.(exchangeOf()) as Reply
}

t.test('a fixed answer has a status, fields and a body', async (t) => {
  const reply = answered({ status: 410, headers: { 'X-Why': 'gone' }, body: 'ok é' })
  t.equal(reply.status, 410)
  t.same(reply.headers, ['X-Why', 'gone', 'Content-Type', 'text/plain; charset=utf-8'])
  t.equal(new TextDecoder().decode(reply.body), 'ok é')
})

t.test('its own content type stands, and an empty answer has none', async (t) => {
  t.same(answered({ headers: { 'content-type': 'application/json' }, body: '{}' }).headers, [
    'content-type',
    'application/json',
  ])
  t.same(answered({}), { status: 200, headers: [], body: undefined })
})

t.test('the pipeline sends it whole, and without its body to HEAD', async (t) => {
  const stage = built(respond, { body: 'hello' })?.stage as Stage
  const origin: Origin = { fetch: () => t.fail('the origin was asked') as never }
  for (const method of ['GET', 'HEAD', 'GET']) {
    const { client, down } = fakeExchange({ stages: [stage], origin }, { request: requestHead({ method }) })
    client.start()
    t.equal(down.status, 200)
    t.same(down.headers, ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', '5'])
    t.equal(down.body, method === 'HEAD' ? '' : 'hello')
    t.equal(down.over, 'end')
    t.same(down.violations, [])
  }
})

t.test('what cannot be sent is a problem at its place', async (t) => {
  const table: readonly (readonly [unknown, string, RegExp])[] = [
    [{ status: 204, body: 'x' }, 'body', /status 204/],
    [{ status: 304, body: 'x' }, 'body', /status 304/],
    [{ headers: { 'Content-Length': '3' } }, 'headers.Content-Length', /frames/],
    [{ headers: { 'a b': '3' } }, 'headers.a b', /not a header name/],
    [{ headers: { a: 'x\r\ny' } }, 'headers.a', /line break/],
  ]
  for (const [config, path, message] of table) {
    const found = problemsOf(respond, config)
    t.equal(found.length, 1, path)
    t.equal(found[0]?.path.join('.'), `respond.${path}`)
    t.match(found[0]?.message, message)
  }
  t.same(problemsOf(respond, { status: 204 }), [])
})

t.test('statuses are final ones, and unknown keys are refused', async (t) => {
  const schema = respond.route as z.ZodType
  for (const status of [100, 199, 600, 99, 200.5, '200']) t.notOk(schema.safeParse({ status }).success, String(status))
  t.notOk(schema.safeParse({ json: {} }).success)
  t.notOk(schema.safeParse({ body: 5 }).success)
  t.doesNotThrow(() => z.toJSONSchema(schema, { io: 'input' }))
})
