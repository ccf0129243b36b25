import t from 'tap'
import { fakeExchange, requestHead } from '../test/harness/exchange.ts'
import type { BodyFilter, BodySink, BodySource } from './core/body.ts'
import { wholeBody } from './core/body.ts'
import { GatewayError } from './core/errors.ts'
import { BODY, type Exchange, OVERHEAD } from './core/exchange.ts'
import { headerValue } from './core/headers.ts'
import type { RequestBody } from './core/message.ts'
import type { Origin, Reader } from './core/origin.ts'
import type { Stage } from './core/stage.ts'

const bytes = (text: string) => Buffer.from(text)
const nothing = () => {}

/** An origin that does `script` when it is asked, and counts what is given up. */
function origin(script: (to: Reader, x: Exchange) => void) {
  const given: GatewayError[] = []
  const it: Origin & { given: GatewayError[]; asked: number } = {
    given,
    asked: 0,
    fetch(x, _req, to) {
      it.asked++
      script(to, x)
      return (why) => given.push(why)
    },
  }
  return it
}

const hello = () =>
  origin((to) => {
    to.head({ status: 200, reason: 'Fine', headers: ['X-A', '1'] }, wholeBody)
    to.write(bytes('hello'))
    to.end(['T', '1'])
  })

/** A filter that notes what it is told and passes all on in capitals. */
function capitals(events: string[]): BodyFilter {
  let source: BodySource
  let next: BodySink
  return {
    between(given, sink) {
      source = given
      next = sink
    },
    write: (chunk) => next.write(bytes(Buffer.from(chunk).toString().toUpperCase())),
    end: (trailers) => next.end(trailers),
    fail: (why) => next.fail(why),
    pause: () => source.pause(),
    resume: () => void [events.push('resume'), source.resume()],
    abort: (why) => void [events.push(`abort ${why.code}`), source.abort(why)],
  }
}

t.test('an answer passes through with its reason, header lines, body and trailers', async (t) => {
  const { client, down } = fakeExchange({ origin: hello() })
  client.start()
  t.strictSame(down.events, ['attach', 'head 200', 'write 5', 'end'])
  t.strictSame([down.reason, down.headers, down.trailers], ['Fine', ['X-A', '1'], ['T', '1']])
  t.match(client, { open: false, status: 200, sentBytes: 5, outcome: undefined, cancel: undefined })
})

t.test('requests meet the stages in order, answers and ends in reverse', async (t) => {
  const seen: string[] = []
  const stage = (name: string): Stage => ({
    name,
    admit: () => void seen.push(`admit ${name}`),
    deliver: () => void seen.push(`deliver ${name}`),
    finish: () => void seen.push(`finish ${name}`),
  })
  const { client } = fakeExchange({ origin: hello(), stages: [stage('a'), { name: 'none' }, stage('b')] })
  client.start()
  t.strictSame(seen, ['admit a', 'admit b', 'deliver b', 'deliver a', 'finish b', 'finish a'])
})

t.test('a stage may answer in place of the origin, at once or later', async (t) => {
  const reply = { status: 429, headers: ['Retry-After', '1'], body: bytes('slow down') }
  for (const verdict of [reply, Promise.resolve(reply)]) {
    const from = hello()
    const { client, down } = fakeExchange({ origin: from, stages: [{ name: 'limit', admit: () => verdict }] })
    client.start()
    await verdict
    t.strictSame(down.events, ['attach', 'head 429', 'write 9', 'end'])
    t.strictSame(down.headers, ['Retry-After', '1', 'Content-Length', '9'])
    t.strictSame(reply.headers, ['Retry-After', '1'], 'the reply itself stays as it is')
    t.equal(from.asked, 0)
  }
})

t.test('an answer of the gateway is framed as its status and the method demand', async (t) => {
  const cases: [status: number, body: string | undefined, method: string, length: string | undefined][] = [
    [200, 'abc', 'GET', '3'],
    [200, 'abc', 'HEAD', '3'],
    [200, undefined, 'GET', '0'],
    [308, undefined, 'GET', '0'],
    [204, undefined, 'GET', undefined],
    [304, undefined, 'GET', undefined],
  ]
  for (const [status, body, method, length] of cases) {
    const reply = { status, headers: [], body: body === undefined ? undefined : bytes(body) }
    const stages = [{ name: 'respond', admit: () => reply }]
    const { client, down } = fakeExchange({ origin: hello(), stages }, { request: requestHead({ method }) })
    client.start()
    t.equal(headerValue(down.headers, 'content-length'), length, `${method} ${status}`)
    t.equal(down.body, method === 'HEAD' ? '' : (body ?? ''))
  }
})

t.test('a failure before the head is told as a problem, one after it breaks the answer off', async (t) => {
  const early = fakeExchange({ origin: origin((to) => to.fail(new GatewayError('connect_failed', '10.0.0.1'))) })
  early.client.start()
  t.equal(early.down.status, 502)
  t.match(early.down.body, '"code":"connect_failed"')
  t.notMatch(early.down.body, '10.0.0.1')
  t.equal(early.client.outcome?.code, 'connect_failed')

  const late = fakeExchange({
    origin: origin((to) => {
      to.head({ status: 200, reason: '', headers: [] }, wholeBody)
      to.write(bytes('half'))
      to.fail(new GatewayError('truncated'))
    }),
  })
  late.client.start()
  t.strictSame(late.down.events, ['attach', 'head 200', 'write 4', 'abort'])
  t.match(late.client, { open: false, status: 200 })
  t.equal(late.client.outcome?.code, 'truncated')
})

t.test('a stage that throws is an internal error told without details; a GatewayError is its own answer', async (t) => {
  const cases: [thrown: unknown, status: number, code: string][] = [
    [new TypeError('secret'), 500, 'internal'],
    [new GatewayError('bad_header', 'secret'), 400, 'bad_header'],
  ]
  for (const [thrown, status, code] of cases) {
    const fault = () => {
      throw thrown
    }
    const later = () => Promise.reject(thrown)
    for (const stage of [{ admit: fault }, { admit: later }, { deliver: fault }]) {
      const from = hello()
      const { client, down } = fakeExchange({ origin: from, stages: [{ name: 'broken', ...stage }] })
      client.start()
      await new Promise((resolve) => setImmediate(resolve))
      t.equal(down.status, status)
      t.match(down.body, `"code":"${code}"`)
      t.notMatch(down.body, 'secret')
      t.match(client, { open: false, status, outcome: { code } })
      t.strictSame(down.violations, [])
    }
  }
})

t.test('a stage that throws at the end keeps no other from its end', async (t) => {
  const seen: string[] = []
  const lines: unknown[] = []
  const broken: Stage = {
    name: 'broken',
    finish: () => {
      throw new Error('oh')
    },
  }
  const stages = [{ name: 'last', finish: () => void seen.push('last') }, broken]
  const log = { debug: nothing, info: nothing, warn: nothing, error: (fields: unknown) => lines.push(fields) }
  const { client, down } = fakeExchange({ origin: hello(), stages }, { log })
  client.start()
  t.strictSame(seen, ['last'])
  t.equal(down.over, 'end')
  t.match(lines, [{ request_id: 'id-1', error: /oh/ }])
})

t.test('an origin that throws is an internal error too', async (t) => {
  const from = {
    fetch() {
      throw new Error('oh')
    },
  }
  const { client, down } = fakeExchange({ origin: from })
  client.start()
  t.equal(down.status, 500)
})

t.test('a client that goes away has its request given up, and nothing more is sent to it', async (t) => {
  let to: Reader | undefined
  const from = origin((reader) => {
    to = reader
    reader.head({ status: 200, reason: '', headers: [] }, wholeBody)
  })
  const { client, down } = fakeExchange({ origin: from })
  client.start()
  down.goAway()
  t.match(from.given, [{ code: 'client_gone' }])
  to?.write(bytes('x'))
  to?.end()
  t.strictSame(down.events, ['attach', 'head 200'])
  t.match(client, { open: false, outcome: { code: 'client_gone' } })
})

t.test('a client that goes away while its origin is being asked has the request given up as well', async (t) => {
  const from = origin((to) => to.interim(103, []))
  const { client, down } = fakeExchange({ origin: from })
  down.during = (what) => what === 'interim 103' && down.goAway()
  client.start()
  t.match(from.given, [{ code: 'client_gone' }])
})

t.test('the total timeout gives the origin up: 504 before the head, a break after it', async (t) => {
  const silent = origin(nothing)
  const before = fakeExchange({ origin: silent, totalMs: 1000 })
  before.client.start()
  before.clock.advance(999)
  t.equal(before.client.open, true)
  before.clock.advance(30)
  t.equal(before.down.status, 504)
  t.match(silent.given, [{ code: 'total_timeout' }])

  const halfway = origin((to) => to.head({ status: 200, reason: '', headers: [] }, wholeBody))
  const after = fakeExchange({ origin: halfway, totalMs: 1000 })
  after.client.start()
  after.clock.advance(1030)
  t.strictSame(after.down.events, ['attach', 'head 200', 'abort'])
  t.equal(after.wheel.armed, 0)
})

t.test('a stage that is still waiting when the total timeout passes changes nothing any more', async (t) => {
  const verdicts: ((reply: undefined) => void)[] = []
  const failures: ((error: Error) => void)[] = []
  const waiting = () =>
    new Promise<undefined>((resolve, reject) => {
      verdicts.push(resolve)
      failures.push(reject)
    })
  const held: BodySink[] = []
  const holding: BodyFilter = {
    between: (_, next) => void held.push(next),
    write: () => true,
    end: nothing,
    fail: nothing,
    pause: nothing,
    resume: nothing,
    abort: nothing,
  }
  for (const settle of [() => verdicts.at(-1)?.(undefined), () => failures.at(-1)?.(new Error('late'))]) {
    const from = hello()
    const stages: Stage[] = [
      { name: 'waits', admit: waiting },
      { name: 'holds', deliver: () => holding },
    ]
    const { client, down, clock } = fakeExchange({ origin: from, stages, totalMs: 100 })
    client.start()
    clock.advance(200)
    settle()
    await new Promise((resolve) => setImmediate(resolve))
    t.equal(from.asked, 0)
    t.strictSame(down.events, ['attach', 'head 504'])
    held.at(-1)?.end()
    t.equal(down.over, 'end')
  }
})

t.test('a body filter sits between origin and client, and is told of room and of an abort', async (t) => {
  const events: string[] = []
  let to: Reader | undefined
  const from = origin((reader) => {
    to = reader
    reader.head({ status: 200, reason: '', headers: [] }, wholeBody)
  })
  const { client, down } = fakeExchange({ origin: from, stages: [{ name: 'caps', deliver: () => capitals(events) }] })
  client.start()
  down.accepts = () => false
  t.equal(to?.write(bytes('abc')), false)
  down.drain()
  to?.fail(new GatewayError('truncated'))
  t.equal(down.body, 'ABC')
  t.equal(down.over, 'abort')
  t.strictSame(events, ['resume', 'abort truncated'])
})

t.test('a filter that throws breaks the answer off and gives the origin up', async (t) => {
  let to: Reader | undefined
  const from = origin((reader) => {
    to = reader
    reader.head({ status: 200, reason: '', headers: [] }, wholeBody)
  })
  const broken = { ...capitals([]), write: () => unexpected(), abort: () => unexpected() }
  const finished: string[] = []
  const stages: Stage[] = [{ name: 'broken', deliver: () => broken, finish: () => void finished.push('broken') }]
  const { client, down } = fakeExchange({ origin: from, stages })
  client.start()
  to?.write(bytes('abc'))
  t.equal(down.over, 'abort')
  t.match(from.given, [{ code: 'internal' }])
  t.strictSame(finished, ['broken'])
})

function unexpected(): never {
  throw new Error('unexpected')
}

t.test('a body that announces more than is allowed is refused before anything is asked', async (t) => {
  const body = (lengthBytes: number | undefined): RequestBody & { limits: number[] } => {
    const limits: number[] = []
    return { lengthBytes, takenBytes: 0, trailers: [], limits, limit: (max) => void limits.push(max), open: unexpected }
  }
  const from = hello()
  const big = fakeExchange({ origin: from, bodyBytes: 10 }, { request: requestHead({ body: body(11) }) })
  big.client.start()
  t.equal(big.down.status, 413)
  t.equal(from.asked, 0)
  t.notOk(big.down.events.includes('continue'), 'the body is not asked for')
  for (const lengthBytes of [10, undefined]) {
    const taken = body(lengthBytes)
    const { client, down } = fakeExchange({ origin: hello(), bodyBytes: 10 }, { request: requestHead({ body: taken }) })
    client.start()
    t.strictSame(down.events.slice(0, 3), ['attach', 'continue', 'head 200'])
    t.strictSame(taken.limits, [10])
  }
})

t.test('time that goes into sending the body is not the gateway’s own, however it ends', async (t) => {
  for (const end of ['end', 'fail', 'gone'] as const) {
    let to: Reader | undefined
    const from = origin((reader) => {
      to = reader
      reader.head({ status: 200, reason: '', headers: [] }, wholeBody)
    })
    const { client, down, clock } = fakeExchange({ origin: from })
    client.start()
    clock.advance(500)
    if (end === 'end') to?.end()
    else if (end === 'fail') to?.fail(new GatewayError('truncated'))
    else down.goAway()
    t.equal(client.spans[BODY], 500, end)
    t.equal(client.spans[OVERHEAD], 0, end)
  }
})

t.test('interim answers pass, but none after the head', async (t) => {
  const from = origin((to) => {
    to.interim(103, ['Link', '</a>'])
    to.head({ status: 204, reason: '', headers: [] }, wholeBody)
    to.interim(103, [])
    to.end()
  })
  const { client, down } = fakeExchange({ origin: from })
  client.start()
  t.strictSame(down.events, ['attach', 'interim 103', 'head 204', 'end'])
})

t.test('a WebSocket is tunnelled, and refused where the route has no upstream', async (t) => {
  const handshake = {} as never
  const none = fakeExchange({ origin: hello() })
  none.down.handshake = handshake
  none.client.start()
  t.match(none.client, { status: 400, outcome: { code: 'upgrade_refused' } })

  const given: GatewayError[] = []
  const joined = fakeExchange({
    origin: hello(),
    totalMs: 100,
    tunnel: {
      open: (_x, _req, _handshake, to) => {
        to.opened()
        return (why) => given.push(why)
      },
    },
  })
  joined.down.handshake = handshake
  joined.client.start()
  joined.clock.advance(5000)
  t.match(joined.client, { status: 101, open: true }, 'no total timeout once it stands')
  joined.client.closed(42)
  joined.client.closed(43)
  t.match(joined.client, { open: false, sentBytes: 42, outcome: undefined })
  t.strictSame(given, [])
})

t.test('an answer that turns out not to be whole at its end is noted as broken, once', async (t) => {
  const finished: string[] = []
  const stages = [{ name: 'count', finish: () => void finished.push('count') }]
  const { client, down } = fakeExchange({ origin: hello(), stages })
  down.during = (what) => what === 'end' && down.goAway()
  client.start()
  t.match(client, { open: false, outcome: { code: 'client_gone' } })
  t.strictSame(finished, ['count'])
})
