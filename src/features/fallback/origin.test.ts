import fc from 'fast-check'
import t from 'tap'
import { requestHead } from '../../../test/harness/exchange.ts'
import { ORIGIN_STATUS, type OriginStep, ScriptedOrigin, Tasks } from '../../../test/harness/schedule.ts'
import { exchangeOf } from '../../../test/harness/stage.ts'
import type { BodySource } from '../../core/body.ts'
import { CheckedOrigin } from '../../core/checked-origin.ts'
import { type ErrorCode, GatewayError } from '../../core/errors.ts'
import type { ResponseHead } from '../../core/message.ts'
import type { Cancel, Origin, Reader } from '../../core/origin.ts'
import { compileAnswer } from './fixed-answer.ts'
import { FallbackOrigin, type FallbackPlan } from './origin.ts'

class Collector implements Reader {
  status = 0
  headers: string[] = []
  text = ''
  over: string | undefined = undefined
  trailers: string[] | undefined = undefined
  source: BodySource | undefined = undefined
  accepts: () => boolean = () => true
  onHead: () => void = () => {}

  interim(): void {}

  head(res: ResponseHead, source: BodySource): void {
    this.status = res.status
    this.headers = res.headers
    this.source = source
    this.onHead()
  }

  write(chunk: Uint8Array): boolean {
    this.text += Buffer.from(chunk).toString('latin1')
    return this.accepts()
  }

  end(trailers?: string[]): void {
    this.over = 'end'
    this.trailers = trailers
  }

  fail(why: GatewayError): void {
    this.over = why.code
  }
}

function failing(code: ErrorCode): Origin {
  return {
    fetch(_x, _req, to) {
      to.fail(new GatewayError(code, 'because', ['Retry-After', '7']))
      return () => {}
    },
  }
}

function answering(status: number, ...chunks: string[]): Origin {
  return {
    fetch(_x, _req, to) {
      to.head({ status, reason: '', headers: ['X-From', String(status)] }, { pause() {}, resume() {}, abort() {} })
      for (const chunk of chunks) to.write(Buffer.from(chunk))
      to.end(['X-Sum', '1'])
      return () => {}
    },
  }
}

interface Parts {
  readonly other?: Origin
  readonly answer?: { status?: number; headers?: Record<string, string>; body?: string }
  readonly statuses?: number[]
  readonly method?: string
  readonly first: Origin
}

function run(parts: Parts) {
  const counted: string[] = []
  const { answer } = parts
  const fixed = answer && { status: answer.status ?? 503, headers: answer.headers ?? {}, body: answer.body ?? '' }
  const plan: FallbackPlan = {
    other: parts.other,
    answer: fixed && { status: fixed.status, make: compileAnswer(fixed) },
    onFailure: true,
    statuses: new Set(parts.statuses ?? []),
    maxBodyBytes: 100,
    count: (kind, because) => counted.push(`${kind} ${because}`),
  }
  const checked = new CheckedOrigin(new FallbackOrigin(plan, parts.first))
  const request = requestHead({ method: parts.method ?? 'GET' })
  const x = exchangeOf({ request })
  const reader = new Collector()
  const cancel = checked.fetch(x, request, reader)
  return { reader, x, counted, checked, cancel }
}

t.test('an answer passes untouched', async (t) => {
  const { reader, x, counted, checked } = run({ first: answering(200, 'a', 'b'), answer: {} })
  t.match(reader, { status: 200, text: 'ab', over: 'end', trailers: ['X-Sum', '1'] })
  t.match(x, { outcome: undefined, fallback: '' })
  t.same(counted, [])
  checked.check({ finished: true })
})

t.test('a fixed answer stands in for a failure, which stays on the record', async (t) => {
  const answer = { headers: { 'X-Own': '{request_id}' }, body: 'sorry, {route}' }
  const { reader, x, counted, checked } = run({ first: failing('connect_failed'), answer })
  t.match(reader, { status: 503, text: 'sorry, test', over: 'end' })
  const type = ['Content-Type', 'text/plain; charset=utf-8', 'Cache-Control', 'no-store']
  t.same(reader.headers, ['X-Own', 'id-1', ...type, 'Retry-After', '7', 'Content-Length', '11'])
  t.match(x, { outcome: { code: 'connect_failed' }, fallback: 'answer' })
  t.same(counted, ['answer connect_failed'])
  checked.check({ finished: true })
})

t.test('a fixed answer to HEAD has its length and no content; one without content says so', async (t) => {
  const head = run({ first: failing('no_endpoint'), answer: { body: 'four' }, method: 'HEAD' })
  t.match(head.reader, { status: 503, text: '', over: 'end' })
  t.equal(head.reader.headers[head.reader.headers.indexOf('Content-Length') + 1], '4')
  const empty = run({ first: failing('no_endpoint'), answer: { status: 500 } })
  t.same(empty.reader.headers.slice(-2), ['Content-Length', '0'])
  const none = run({ first: failing('no_endpoint'), answer: { status: 204 } })
  t.same(none.reader.headers, ['Cache-Control', 'no-store'])
  head.checked.check({ finished: true })
})

t.test('the operator’s own fields win over those that are added', async (t) => {
  const headers = { 'content-type': 'text/html', 'CACHE-CONTROL': 'max-age=5', 'retry-after': '1' }
  const { reader } = run({ first: failing('no_endpoint'), answer: { headers, body: 'x' } })
  const expected = ['content-type', 'text/html', 'CACHE-CONTROL', 'max-age=5', 'retry-after', '1']
  t.same(reader.headers, [...expected, 'Content-Length', '1'])
})

t.test(
  'another upstream answers first; its failure leads on to the fixed answer, or back to the first one',
  async (t) => {
    const helped = run({ first: failing('response_timeout'), other: answering(404, 'x'), answer: {} })
    t.match(helped.reader, { status: 404, text: 'x', over: 'end' })
    t.match(helped.x, { outcome: { code: 'response_timeout' }, fallback: 'upstream' })
    t.same(helped.counted, ['upstream response_timeout'])
    const both = run({ first: failing('connect_failed'), other: failing('no_endpoint'), answer: { status: 200 } })
    t.match(both.reader, { status: 200, over: 'end' })
    t.same(both.counted, ['answer connect_failed'])
    const neither = run({ first: failing('connect_failed'), other: failing('no_endpoint') })
    t.equal(neither.reader.over, 'connect_failed')
    t.same(neither.counted, ['none connect_failed'])
  },
)

t.test(
  'faults of the client are passed on, and unsafe requests get neither a second upstream nor a success',
  async (t) => {
    const parts = { other: answering(200, 'x'), answer: { status: 200 } }
    t.equal(run({ first: failing('body_too_large'), ...parts }).reader.over, 'body_too_large')
    const sent = run({ first: failing('response_timeout'), ...parts, method: 'POST' })
    t.equal(sent.reader.over, 'response_timeout')
    t.same(sent.counted, ['none response_timeout'])
    const unsent = run({ first: failing('connect_failed'), ...parts, method: 'POST' })
    t.match(unsent.reader, { status: 200, text: 'x' })
  },
)

t.test('a status that calls for help gives way to another answer, and stands where there is none', async (t) => {
  const statuses = [500, 503]
  const helped = run({ first: answering(503, 'down'), other: answering(200, 'up'), statuses })
  t.match(helped.reader, { status: 200, text: 'up' })
  t.match(helped.x, { outcome: undefined, fallback: 'upstream' })
  t.same(helped.counted, ['upstream 503'])
  const back = run({ first: answering(503, 'do', 'wn'), other: failing('connect_failed'), statuses })
  t.match(back.reader, { status: 503, text: 'down', over: 'end', trailers: ['X-Sum', '1'] })
  t.same(back.counted, ['none 503'])
  const second = run({ first: answering(503, 'down'), other: answering(500, 'too'), statuses })
  t.match(second.reader, { status: 500, text: 'too' })
  const fixed = run({ first: answering(503, 'down'), other: answering(500, 'too'), answer: { body: 'ok' }, statuses })
  t.match(fixed.reader, { status: 503, text: 'ok' })
  const post = run({ first: answering(503, 'down'), other: answering(200, 'up'), statuses, method: 'POST' })
  t.match(post.reader, { status: 503, text: 'down' })
  t.same(post.counted, [])
  for (const { checked } of [helped, back, second, fixed, post]) checked.check({ finished: true })
})

t.test('a client that leaves while the fixed answer goes out is left alone', async (t) => {
  const counted: string[] = []
  const make = compileAnswer({ status: 503, headers: {}, body: 'x' })
  const plan = { other: undefined, answer: { status: 503, make }, onFailure: true, statuses: new Set<number>() }
  const origin = new FallbackOrigin(
    { ...plan, maxBodyBytes: 1, count: (kind) => counted.push(kind) },
    failing('unsent'),
  )
  const checked = new CheckedOrigin(origin)
  const reader = new Collector()
  reader.onHead = () => reader.source?.abort(new GatewayError('client_gone'))
  checked.fetch(exchangeOf(), requestHead(), reader)
  checked.check({ finished: true })
  t.equal(reader.over, undefined)
})

t.test('what is dropped is read on for a little, then given up', async (t) => {
  let aborted: string | undefined
  let toFirst: Reader | undefined
  const first: Origin = {
    fetch(_x, _req, to) {
      toFirst = to
      const abort = (why: GatewayError) => {
        aborted = why.code
      }
      to.head({ status: 503, reason: '', headers: [] }, { pause() {}, resume() {}, abort })
      return () => {
        aborted = 'cancelled'
      }
    },
  }
  const { reader, cancel } = run({ first, answer: { body: 'sorry' }, statuses: [503] })
  t.match(reader, { status: 503, text: 'sorry', over: 'end' })
  toFirst?.write(Buffer.alloc(60_000))
  cancel(new GatewayError('client_gone'))
  t.equal(aborted, undefined)
  toFirst?.write(Buffer.alloc(60_000))
  t.equal(aborted, 'superseded')
})

const script: fc.Arbitrary<OriginStep[]> = fc
  .record({
    interims: fc.nat(2),
    writes: fc.nat(4),
    kind: fc.constantFrom('fail', 'answer', 'break', 'hang'),
    laters: fc.array(fc.boolean(), { minLength: 10, maxLength: 10 }),
  })
  .map(({ interims, writes, kind, laters }) => {
    const kinds: OriginStep['kind'][] = Array.from({ length: interims }, () => 'interim')
    if (kind !== 'fail') kinds.push('head', ...Array.from({ length: writes }, () => 'write' as const))
    if (kind === 'answer') kinds.push('end')
    else if (kind !== 'hang') kinds.push('fail')
    return kinds.map((step, i) => ({ kind: step, isLater: laters[i] ?? false }))
  })

t.test('the protocol holds on all sides, whatever fails, waits, or is given up, and when', async (t) => {
  const property = fc.property(
    script,
    script,
    fc.record({ hasOther: fc.boolean(), hasAnswer: fc.boolean(), isCalledFor: fc.boolean() }),
    fc.array(fc.nat(20), { maxLength: 40 }),
    fc.infiniteStream(fc.boolean()),
    follow,
  )
  fc.assert(property, { numRuns: 2000 })
  t.pass('holds')
})

function follow(
  first: OriginStep[],
  second: OriginStep[],
  has: { hasOther: boolean; hasAnswer: boolean; isCalledFor: boolean },
  moves: number[],
  accepts: Stream,
): void {
  const tasks = new Tasks()
  const origins = [new ScriptedOrigin(first, tasks), new ScriptedOrigin(second, tasks)] as const
  const inner = origins.map((origin) => new CheckedOrigin(origin)) as [CheckedOrigin, CheckedOrigin]
  const plan: FallbackPlan = {
    other: has.hasOther ? inner[1] : undefined,
    answer: has.hasAnswer
      ? { status: 503, make: compileAnswer({ status: 503, headers: {}, body: 'fixed' }) }
      : undefined,
    onFailure: true,
    statuses: new Set(has.isCalledFor ? [ORIGIN_STATUS] : []),
    maxBodyBytes: 0,
    count: () => {},
  }
  const outer = new CheckedOrigin(new FallbackOrigin(plan, inner[0]))
  const reader = new Collector()
  reader.accepts = () => accepts.next().value
  let cancel: Cancel | undefined = outer.fetch(exchangeOf(), requestHead(), reader)
  for (const move of moves) {
    if (move === 0) {
      cancel?.(new GatewayError('client_gone'))
      cancel = undefined
    } else if (move < 4) reader.source?.resume()
    else if (tasks.size > 0) tasks.run(move)
  }
  for (let i = 0; i < 100; i++) {
    reader.source?.resume()
    while (tasks.size > 0) tasks.run(0)
  }
  for (const each of [outer, ...inner]) each.check()
  const isHung = [...first, ...second].length > 0 && (!isFinal(first) || !isFinal(second))
  if (cancel !== undefined && !isHung && reader.over === undefined) throw new Error('never ended')
  if (cancel === undefined && reader.over === undefined) {
    // A dropped answer is read on, for the sake of its connection, until it ends or stalls.
    const isDropped = has.isCalledFor && first.some(({ kind }) => kind === 'head')
    if (inner[1].unfinished > 0 || (inner[0].unfinished > 0 && !isDropped)) throw new Error('not given up')
  }
}

interface Stream {
  next(): { value: boolean }
}

function isFinal(steps: readonly OriginStep[]): boolean {
  const last = steps.at(-1)?.kind
  return last === 'end' || last === 'fail'
}
