import t from 'tap'
import { type BodySource, wholeBody } from './body.ts'
import { CheckedOrigin } from './checked-origin.ts'
import { GatewayError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { RequestHead } from './message.ts'
import type { Cancel, Reader } from './origin.ts'

const chunk = new Uint8Array([1])
const why = new GatewayError('truncated')
const ok = () => ({ status: 200, reason: 'OK', headers: [] })
const nothing: Cancel = () => {}

/** What the checker says of an origin that does `script`, under a reader whose writes return `mayGoOn`. */
function run(script: (to: Reader) => Cancel | undefined, mayGoOn = true) {
  let source: BodySource = wholeBody
  const reader: Reader = {
    interim() {},
    head(_, given) {
      source = given
    },
    write: () => mayGoOn,
    end() {},
    fail() {},
  }
  const origin = new CheckedOrigin({ fetch: (_x, _req, to) => script(to) ?? nothing })
  const cancel = origin.fetch({} as Exchange, {} as RequestHead, reader)
  return { origin, cancel, source: () => source }
}

const good: [title: string, script: (to: Reader) => undefined][] = [
  ['fail alone', (to) => void to.fail(why)],
  ['interim, then fail', (to) => void [to.interim(103, ['Link', 'x']), to.fail(why)]],
  ['head and end', (to) => void [to.head(ok(), wholeBody), to.end()]],
  [
    'interims, head, writes, end with trailers',
    (to) =>
      void [
        to.interim(102, []),
        to.interim(103, []),
        to.head(ok(), wholeBody),
        to.write(chunk),
        to.write(chunk),
        to.end(['A', '1']),
      ],
  ],
  ['head, write, fail', (to) => void [to.head(ok(), wholeBody), to.write(chunk), to.fail(why)]],
]

for (const [title, script] of good) {
  t.test(`keeps the protocol: ${title}`, async (t) => {
    const { origin, cancel } = run(script)
    cancel(why)
    cancel(why)
    t.doesNotThrow(() => origin.check({ finished: true }))
  })
}

const bad: [title: string, script: (to: Reader) => undefined, violation: RegExp][] = [
  ['two heads', (to) => void [to.head(ok(), wholeBody), to.head(ok(), wholeBody)], /head twice/],
  ['an interim after the head', (to) => void [to.head(ok(), wholeBody), to.interim(103, [])], /interim after head/],
  ['an interim that is none', (to) => void to.interim(100, []), /interim with status 100/],
  ['a head that is none', (to) => void to.head({ status: 101, reason: '', headers: [] }, wholeBody), /status 101/],
  ['a write before the head', (to) => void to.write(chunk), /write before head/],
  ['an end before the head', (to) => void to.end(), /end before head/],
  ['an empty chunk', (to) => void [to.head(ok(), wholeBody), to.write(new Uint8Array())], /empty chunk/],
  ['a write after the end', (to) => void [to.head(ok(), wholeBody), to.end(), to.write(chunk)], /write after end/],
  ['a second end', (to) => void [to.head(ok(), wholeBody), to.end(), to.end()], /end after end/],
  ['an end after failing', (to) => void [to.fail(why), to.end()], /end after fail/],
  ['a failure after the end', (to) => void [to.head(ok(), wholeBody), to.end(), to.fail(why)], /fail after end/],
  ['half a header line', (to) => void to.head({ status: 200, reason: '', headers: ['A'] }, wholeBody), /odd length/],
  ['a failure with something else', (to) => void to.fail(new Error('x') as GatewayError), /no GatewayError/],
]

for (const [title, script, violation] of bad) {
  t.test(`breaks the protocol: ${title}`, async (t) => {
    t.throws(() => run(script).origin.check(), violation)
  })
}

t.test('a fetch that never ends is told only when the end is expected', async (t) => {
  const { origin, cancel } = run((to) => void to.head(ok(), wholeBody))
  t.equal(origin.unfinished, 1)
  t.doesNotThrow(() => origin.check())
  t.throws(() => origin.check({ finished: true }), /1 fetches never ended/)
  cancel(why)
  t.doesNotThrow(() => origin.check({ finished: true }))
})

t.test('nothing may come after Cancel or abort, not even from inside that call', async (t) => {
  const afterCancel = run((to) => () => to.fail(why))
  afterCancel.cancel(why)
  t.throws(() => afterCancel.origin.check(), /fail after cancel/)

  let late: Reader | undefined
  const afterAbort = run((to) => {
    late = to
    to.head(ok(), wholeBody)
    return undefined
  })
  afterAbort.source().abort(why)
  late?.write(chunk)
  t.throws(() => afterAbort.origin.check(), /write after abort/)
})

t.test('an origin that throws is told of', async (t) => {
  const { origin, cancel } = run(() => () => {
    throw new Error('not twice')
  })
  t.throws(() => cancel(why))
  t.throws(() => origin.check(), /cancel threw Error: not twice/)
})

t.test('after a pause only the rest of the synchronous turn may come', async (t) => {
  for (const pauseBy of ['write', 'pause'] as const) {
    let to: Reader | undefined
    const { origin, source } = run((reader) => {
      to = reader
      reader.head(ok(), wholeBody)
      return undefined
    }, pauseBy === 'pause')
    const reader = to as unknown as Reader
    reader.write(chunk)
    if (pauseBy === 'pause') source().pause()
    reader.write(chunk)
    await Promise.resolve()
    t.strictSame(origin.violations, [], 'the same turn')
    source().resume()
    reader.write(chunk)
    if (pauseBy === 'pause') source().pause()
    t.strictSame(origin.violations, [], 'resumed')
    await Promise.resolve()
    reader.write(chunk)
    t.strictSame(origin.violations, ['fetch 1: write while paused'])
    reader.end()
    t.equal(origin.violations.length, 1, 'the end carries no bytes')
  }
})
