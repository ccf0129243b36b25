import fc from 'fast-check'
import t from 'tap'
import { VirtualClock } from '../../../test/harness/clock.ts'
import { exchangeOf } from '../../../test/harness/stage.ts'
import { wholeBody } from '../../core/body.ts'
import { CheckedOrigin } from '../../core/checked-origin.ts'
import { GatewayError } from '../../core/errors.ts'
import type { Exchange } from '../../core/exchange.ts'
import { InFlight } from '../../core/in-flight.ts'
import type { RequestHead } from '../../core/message.ts'
import type { Cancel, Origin, Reader } from '../../core/origin.ts'
import { NO_EXTRAS, Pressure, SERVE_STALE } from '../../core/pressure.ts'
import type { CachePolicy, Tier, UnderWay } from './contract.ts'
import { Arriving } from './fill.ts'
import { CacheOrigin } from './origin.ts'
import { Passes } from './passes.ts'
import { compileKeys, type KeyRules, keyOfTarget } from './policy/key.ts'
import { Purges } from './purges.ts'
import { MemoryStore } from './store/memory.ts'

const keyRules: KeyRules = { query: 'all', headers: [], cookies: [], host: true }

const policy: CachePolicy = {
  lifetime: { overrideMs: undefined, fallbackMs: 0, negativeMs: new Map() },
  stale: { whileRevalidateMs: 0, ifErrorMs: 60_000 },
  ignoresOrigin: false,
  keys: compileKeys('route', keyRules),
  keyOfTarget: (authority, path, query) => keyOfTarget(keyRules, authority, path, query),
  mayPurge: undefined,
  bypasses: () => false,
  misleads: () => false,
  maxObjectBytes: 40,
  statusField: true,
  tagsField: 'surrogate-key',
  jitter: 0,
  refreshesEarly: false,
  random: () => 0.1,
}

/** An origin whose answers are driven from outside, step by step. */
class Driven implements Origin {
  readonly readers: Reader[] = []
  readonly methods: string[] = []
  readonly cancelled = new Set<Reader>()

  fetch(_x: Exchange, { method }: RequestHead, to: Reader): Cancel {
    this.readers.push(to)
    this.methods.push(method)
    return () => this.cancelled.add(to)
  }
}

/** A client that keeps what it reads, and holds back when told so. */
class Collector implements Reader {
  text = ''
  heads = 0
  ended: 'end' | 'fail' | undefined = undefined
  resume: () => void = () => {}
  isSlow = false

  interim(): void {}

  head(_res: unknown, source: { resume(): void }): void {
    this.heads++
    this.resume = () => source.resume()
  }

  write(chunk: Uint8Array): boolean {
    this.text += Buffer.from(chunk).toString('latin1')
    return !this.isSlow
  }

  end(): void {
    this.ended = 'end'
  }

  fail(): void {
    this.ended = 'fail'
  }
}

/** A shared tier that has nothing, and says so when it is told to. */
class Elsewhere implements Tier {
  readonly isUsable = true
  readonly #asked: (() => void)[] = []

  find(): Promise<void> {
    return new Promise((resolve) => this.#asked.push(resolve))
  }

  tell(): void {
    this.#asked.shift()?.()
  }

  begin(): void {}
  keep(): void {}
  end(): void {}
}

const kinds = [
  'ask',
  'head',
  'private',
  'large',
  'not-modified',
  'write',
  'end',
  'fail',
  'slow',
  'resume',
  'cancel',
  'later',
  'told',
  'purge',
] as const

t.test('whatever clients and origin do, readers see the protocol kept and never a mixed or short answer', async (t) => {
  const step = fc.record({ kind: fc.constantFrom(...kinds), which: fc.nat(7) })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const clock = new VirtualClock()
      const driven = new Driven()
      const store = new MemoryStore(10_000, { evicted() {} })
      const fetching = new InFlight<UnderWay>()
      const tier = steps.length % 2 === 0 ? undefined : new Elsewhere()
      const state = {
        store,
        passes: new Passes(),
        large: new Passes(),
        arriving: new Arriving(100),
        failing: new Passes(),
        pressure: new Pressure(),
        fetching,
        purges: new Purges({ store, fetching }, clock),
        tier,
      }
      const events = { result() {}, refused() {}, saved() {}, differed() {} }
      const rules = { ...policy, refreshesEarly: steps.length % 3 === 0 }
      const checked = new CheckedOrigin(new CacheOrigin(rules, state, clock, events, driven))
      const clients: { collector: Collector; cancel: Cancel }[] = []
      const bodies = new Map<Reader, { sent: string; hasHead: boolean; isOver: boolean; isPaused: boolean }>()
      const live = (which: number) => {
        const reader = driven.readers[which % Math.max(1, driven.readers.length)]
        if (reader === undefined || driven.cancelled.has(reader)) return undefined
        const body = bodies.get(reader) ?? { sent: '', hasHead: false, isOver: false, isPaused: false }
        bodies.set(reader, body)
        return body.isOver ? undefined : { reader, body }
      }
      const head = (which: number, cacheControl: string, status = 200) => {
        const found = live(which)
        if (found === undefined || found.body.hasHead) return
        found.body.hasHead = true
        const headers = ['Cache-Control', cacheControl, 'ETag', '"a"']
        const resume = () => {
          found.body.isPaused = false
        }
        found.reader.head({ status, reason: '', headers }, { ...wholeBody, resume })
        if (status === 304) {
          found.body.isOver = true
          found.reader.end()
        }
      }
      for (const { kind, which } of steps) {
        // Another turn: what was written before a pause took effect has arrived by now.
        await new Promise((resolve) => setImmediate(resolve))
        const client = clients[which % Math.max(1, clients.length)]
        if (kind === 'ask') {
          const collector = new Collector()
          const x = exchangeOf({})
          clients.push({ collector, cancel: checked.fetch(x, { ...x.request, body: null }, collector) })
        } else if (kind === 'head') head(which, 'max-age=1')
        else if (kind === 'private') head(which, 'private')
        else if (kind === 'large') head(which, 'max-age=5')
        else if (kind === 'not-modified' && state.store.count > 0) head(which, 'max-age=1', 304)
        else if (kind === 'write') {
          const found = live(which)
          if (found?.body.hasHead !== true || found.body.isPaused) continue
          const piece = `${driven.readers.indexOf(found.reader)}`.repeat(7)
          found.body.sent += piece
          found.body.isPaused = !found.reader.write(Buffer.from(piece))
        } else if (kind === 'end' || kind === 'fail') {
          const found = live(which)
          if (found === undefined || (kind === 'end' && !found.body.hasHead)) continue
          found.body.isOver = true
          if (kind === 'end') found.reader.end()
          else found.reader.fail(new GatewayError('connection_closed'))
        } else if (kind === 'slow' && client !== undefined) client.collector.isSlow = true
        else if (kind === 'resume' && client !== undefined) {
          client.collector.isSlow = false
          if (client.collector.ended === undefined) client.collector.resume()
        } else if (kind === 'cancel' && client !== undefined) client.cancel(new GatewayError('client_gone'))
        else if (kind === 'later') clock.advance(700)
        else if (kind === 'told') tier?.tell()
        else if (kind === 'purge') await state.purges.apply({ all: true }, which % 2 === 0)
      }
      checked.check()
      for (const { cancel } of clients) cancel(new GatewayError('client_gone'))
      if (state.arriving.bytes !== 0) throw new Error(`${state.arriving.bytes} bytes still count as arriving`)
      const whole = new Set([...bodies.values()].filter((body) => body.isOver).map((body) => body.sent))
      whole.add('')
      for (const { collector } of clients) {
        if (collector.ended === 'end' && !whole.has(collector.text))
          throw new Error(`mixed or short: ${collector.text}`)
        if (collector.heads > 1) throw new Error('two heads')
      }
    }),
    { numRuns: 1000 },
  )
  t.pass('1000 schedules')
})

/** A cache over a driven origin, on a virtual clock. */
function driveable(rules: Partial<CachePolicy> = {}) {
  const clock = new VirtualClock()
  const driven = new Driven()
  const store = new MemoryStore(64 * 1024 * 1024, { evicted() {} })
  const fetching = new InFlight<UnderWay>()
  const pressure = new Pressure()
  const purges = new Purges({ store, fetching }, clock)
  const arriving = new Arriving(4 * 1024 * 1024)
  const remembered = { passes: new Passes(), large: new Passes(), failing: new Passes(), arriving }
  const state = { store, ...remembered, pressure, fetching, purges, tier: undefined }
  const events = { result() {}, refused() {}, saved() {}, differed() {} }
  const origin = new CacheOrigin({ ...policy, ...rules }, state, clock, events, driven)
  const ask = (head: Partial<RequestHead> = {}) => {
    const collector = new Collector()
    const x = exchangeOf({})
    origin.fetch(x, { ...x.request, body: null, ...head }, collector)
    return collector
  }
  const answer = (index: number, text: string, cacheControl = 'max-age=10') => {
    const reader = driven.readers[index] as Reader
    reader.head({ status: 200, reason: '', headers: ['Cache-Control', cacheControl, 'ETag', '"a"'] }, wholeBody)
    reader.write(Buffer.from(text))
    reader.end()
  }
  return { clock, driven, pressure, store, arriving, ask, answer }
}

t.test('a popular answer is fetched anew before it becomes stale, while it is still given', async (t) => {
  const { clock, driven, pressure, ask, answer } = driveable({ refreshesEarly: true })
  ask()
  clock.advance(1000)
  answer(0, 'one')
  // It took a second. With these dice, that is worth −ln(0.1) = 2.3 seconds before its end at 10 seconds of age.
  clock.advance(6000)
  t.equal(ask().text, 'one')
  t.equal(driven.readers.length, 1, 'too early')
  clock.advance(1000)
  t.equal(ask({ headers: ['Cache-Control', 'no-store'] }).text, 'one')
  t.equal(driven.readers.length, 1, 'not for one whose answer may not be stored')
  pressure.level = NO_EXTRAS
  t.equal(ask().text, 'one')
  t.equal(driven.readers.length, 1, 'not while hard pressed')
  pressure.level = 0
  t.equal(ask({ method: 'HEAD' }).text, '')
  t.equal(driven.readers.length, 2, 'fetched while it is given')
  t.equal(driven.methods[1], 'GET', 'whole, although HEAD was the occasion')
  t.equal(ask().text, 'one')
  t.equal(driven.readers.length, 2, 'once')
  answer(1, 'two')
  t.equal(ask().text, 'two')
})

t.test('hard pressed, it gives what could stand in for an error, and validates in the background', async (t) => {
  const { clock, driven, pressure, ask, answer } = driveable()
  ask()
  answer(0, 'one')
  clock.advance(11_000)
  pressure.level = SERVE_STALE
  t.equal(ask().text, 'one')
  t.equal(driven.readers.length, 2)
  answer(1, 'two')
  t.equal(ask().text, 'two')
})

t.test('hard pressed, it still waits where the origin forbids stale answers', async (t) => {
  const { clock, pressure, ask, answer } = driveable()
  ask()
  answer(0, 'one', 'max-age=10, must-revalidate')
  clock.advance(11_000)
  pressure.level = SERVE_STALE
  t.equal(ask().text, '')
})

t.test('a slow reader holds nobody up until memory would have to grow, and then loses nothing', async (t) => {
  // Largest kept answer: 40 bytes. Beyond it, 1 MiB may lie between the fastest and the slowest reader.
  const { driven, store, arriving, ask } = driveable()
  const [fast, slow] = [ask(), ask()]
  slow.isSlow = true
  let resumed = 0
  const reader = driven.readers[0] as Reader
  const headers = ['Cache-Control', 'max-age=10']
  reader.head({ status: 200, reason: '', headers }, { ...wholeBody, resume: () => resumed++ })
  const piece = 'x'.repeat(256 * 1024)
  let mayGoOn = true
  let sent = 0
  while (mayGoOn && sent < 100) {
    mayGoOn = reader.write(Buffer.from(piece))
    sent++
  }
  t.equal(fast.text.length, sent * piece.length, 'the fast one has all that came')
  t.ok(sent * piece.length > 1024 * 1024 && sent < 8, `${sent} pieces`)
  t.equal(resumed, 0)
  slow.isSlow = false
  slow.resume()
  t.equal(resumed, 1, 'the origin goes on when the slow one has caught up')
  reader.end()
  t.strictSame([slow.text.length, slow.ended], [sent * piece.length, 'end'])
  t.equal(arriving.bytes, 0)
  t.equal(store.count, 0)
  ask()
  t.equal(driven.readers.length, 2)
  ask()
  t.equal(driven.readers.length, 3, 'the next ones are fetched side by side, with nothing kept of them')
})

t.test(
  'what arrives at once is bounded: beyond that nothing more is kept, and everybody is still answered',
  async (t) => {
    const { driven, store, arriving, ask } = driveable({ maxObjectBytes: 3 * 1024 * 1024 })
    const target = (path: string) => ask({ path })
    const [first, second] = [target('/one'), target('/two')]
    const [one, two] = driven.readers as [Reader, Reader]
    const piece = Buffer.alloc(1024 * 1024, 'x')
    for (const reader of [one, two])
      reader.head({ status: 200, reason: '', headers: ['Cache-Control', 'max-age=9'] }, wholeBody)
    for (let i = 0; i < 2; i++) for (const reader of [one, two]) reader.write(piece)
    t.equal(arriving.isFull, false)
    one.write(piece)
    t.equal(arriving.bytes, 2 * piece.byteLength, 'what has been read of it is let go')
    one.end()
    two.end()
    t.strictSame([first.text.length, second.text.length], [3 * piece.byteLength, 2 * piece.byteLength])
    t.equal(store.count, 1, 'the other one is kept')
    t.equal(arriving.bytes, 0)
    target('/one')
    target('/one')
    t.equal(driven.readers.length, 3, 'the next ones share a fetch again')
  },
)
