import fc from 'fast-check'
import t from 'tap'
import { requestHead } from '../../../test/harness/exchange.ts'
import { built, exchangeOf, type Facts, problemsOf } from '../../../test/harness/stage.ts'
import { z } from '../../config/schema.ts'
import { headerValues } from '../../core/headers.ts'
import { requestHeaders, responseHeaders } from './index.ts'

function sent(config: unknown, headers: string[], facts: Facts = {}): string[] {
  const stage = built(requestHeaders, config)?.stage
  const request = requestHead({ headers })
  return stage?.send?.(exchangeOf(facts), request).headers ?? headers
}

function delivered(config: unknown, headers: string[]): string[] {
  const response = { status: 200, reason: '', headers }
  built(responseHeaders, config)?.stage?.deliver?.(exchangeOf(), response)
  return response.headers
}

t.test('set replaces every line of a field, where its first stood, in the configured case', async (t) => {
  t.same(sent({ set: { 'X-A': 'new' } }, ['b', '1', 'x-a', 'old', 'c', '2', 'X-A', 'older', 'd', '3']), [
    ...['b', '1', 'X-A', 'new', 'c', '2', 'd', '3'],
  ])
  t.same(sent({ set: { 'X-A': 'new' } }, ['b', '1']), ['b', '1', 'X-A', 'new'])
})

t.test('add leaves what is there, remove drops every line', async (t) => {
  t.same(sent({ add: { 'X-A': '2' } }, ['x-a', '1']), ['x-a', '1', 'X-A', '2'])
  t.same(sent({ add: { 'X-A': ['2', '3'] } }, []), ['X-A', '2', 'X-A', '3'])
  t.same(sent({ remove: ['x-a'] }, ['X-A', '1', 'b', '2', 'x-A', '3']), ['b', '2'])
})

t.test('remove comes first, then set, then add', async (t) => {
  const config = { add: { A: '3', C: '4' }, set: { A: '2' }, remove: ['C'] }
  t.same(sent(config, ['a', '1', 'c', '9']), ['A', '2', 'A', '3', 'C', '4'])
})

t.test('values can tell the backend about the exchange', async (t) => {
  const facts = { captures: ['id', '7'], client: '192.0.2.1', request: { path: '/users/7' } }
  const config = { set: { 'X-Who': '{client_ip} {id}', 'X-Where': '{path}', 'Report-To': '{"group":"default"}' } }
  t.same(sent(config, [], facts), ['X-Who', '192.0.2.1 7', 'X-Where', '/users/7', 'Report-To', '{"group":"default"}'])
})

t.test('answers are edited on their way to the client', async (t) => {
  t.same(delivered({ set: { Server: 'gateway' }, remove: ['X-Powered-By'] }, ['server', 'x', 'x-powered-by', 'y']), [
    'Server',
    'gateway',
  ])
})

t.test('a route without edits has no stage', async (t) => {
  for (const config of [false, {}, { set: {}, add: {}, remove: [] }]) {
    t.equal(built(requestHeaders, config), undefined)
    t.equal(built(responseHeaders, config), undefined)
  }
  t.equal(requestHeaders.build(undefined, undefined, { name: 'a', pattern: '' }, {} as never), undefined)
})

t.test('other fields keep their order and their bytes, whatever is edited', async (t) => {
  const name = fc.constantFrom('a', 'A', 'b', 'B', 'c', 'd')
  const line = fc.tuple(name, fc.string({ maxLength: 3 }))
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 12 }),
      fc.subarray(['a', 'b']),
      fc.subarray(['c']),
      (lines, set, remove) => {
        const before = lines.flat()
        const after = sent({ set: Object.fromEntries(set.map((key) => [key, 'new'])), remove }, [...before])
        const isTouched = (key: string) => [...set, ...remove].includes(key.toLowerCase())
        const rest = (list: readonly string[]) => list.filter((_, i) => !isTouched(list[i - (i % 2)] as string))
        t.same(rest(after), rest(before))
        return (
          set.every((key) => headerValues(after, key).join() === 'new') &&
          remove.every((key) => headerValues(after, key).length === 0)
        )
      },
    ),
  )
})

t.test('what must not be edited, or cannot be sent, is a problem at its place', async (t) => {
  const table: readonly (readonly [unknown, string, RegExp])[] = [
    [{ set: { 'Content-Length': '5' } }, 'set.Content-Length', /frames/],
    [{ add: { 'transfer-encoding': 'x' } }, 'add.transfer-encoding', /frames/],
    [{ remove: ['Connection'] }, 'remove.0', /one connection/],
    [{ set: { host: 'x' } }, 'set.host', /rewrite/],
    [{ set: { 'x y': '1' } }, 'set.x y', /not a header name/],
    [{ set: { 'x-a': 'a\nb' } }, 'set.x-a', /line break/],
    [{ add: { 'x-a': ['ok', 'é'] } }, 'add.x-a', /ASCII/],
    [{ set: { 'x-a': '{clientip}' } }, 'set.x-a', /unknown placeholder \{clientip\}/],
    [{ set: { 'X-A': '1', 'x-a': '2' } }, 'set.x-a', /twice/],
    [{ set: { 'X-A': '1' }, remove: ['x-a'] }, 'remove.0', /also set/],
  ]
  for (const [config, path, message] of table) {
    const found = problemsOf(requestHeaders, config)
    t.equal(found.length, 1, path)
    t.equal(found[0]?.path.join('.'), `request_headers.${path}`)
    t.match(found[0]?.message, message)
  }
  t.same(problemsOf(responseHeaders, { set: { Host: 'x' } }), [], 'a response may say anything but its framing')
  t.same(problemsOf(requestHeaders, { set: { 'x-a': '{id}' } }, '/users/{id}'), [])
  t.same(problemsOf(requestHeaders, false), [])
})

t.test('unknown keys and bare numbers are refused', async (t) => {
  const schema = requestHeaders.route as z.ZodType
  t.notOk(schema.safeParse({ sets: {} }).success)
  t.notOk(schema.safeParse(true).success)
  t.match(JSON.stringify(schema.safeParse({ set: { a: 1 } }).error?.issues), /quote it/)
  t.doesNotThrow(() => z.toJSONSchema(schema, { io: 'input' }))
})
