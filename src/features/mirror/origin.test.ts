import fc from 'fast-check'
import t from 'tap'
import { VirtualClock } from '../../../test/harness/clock.ts'
import { requestHead } from '../../../test/harness/exchange.ts'
import { type OriginStep, ScriptedOrigin, Tasks } from '../../../test/harness/schedule.ts'
import { exchangeOf } from '../../../test/harness/stage.ts'
import { CheckedOrigin } from '../../core/checked-origin.ts'
import { GatewayError } from '../../core/errors.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { RequestHead } from '../../core/message.ts'
import type { Cancel, Origin, Reader } from '../../core/origin.ts'
import { NO_EXTRAS, Pressure } from '../../core/pressure.ts'
import { LOW } from '../../core/priority.ts'
import { Wheel } from '../../core/wheel.ts'
import { MirrorOrigin, type MirrorPlan } from './origin.ts'

/** Notes what it is asked, and is driven from outside. */
class Noting implements Origin {
  readonly asked: { x: Exchange; req: RequestHead; to: Reader }[] = []
  readonly cancelled: string[] = []

  fetch(x: Exchange, req: RequestHead, to: Reader): Cancel {
    this.asked.push({ x, req, to })
    return (why) => this.cancelled.push(why.code)
  }
}

class Silent implements Reader {
  over = ''

  interim(): void {}
  head(): void {}

  write(): boolean {
    return true
  }

  end(): void {
    this.over = 'end'
  }

  fail(why: GatewayError): void {
    this.over = why.code
  }
}

function mirroring(parts: Partial<MirrorPlan> = {}) {
  const clock = new VirtualClock()
  const wheel = new Wheel(clock)
  const counted: string[] = []
  const pressure = new Pressure()
  const [inner, other] = [new Noting(), new Noting()]
  const state = { inFlight: 0 }
  const plan: MirrorPlan = {
    ...{ share: 1, isUnsafeWanted: false, maxBodyBytes: 100, timeoutMs: 1000, concurrency: 2 },
    ...{ state, clock, wheel, pressure, other, random: () => 0.5 },
    count: (outcome) => counted.push(outcome),
    ...parts,
  }
  const origin = new MirrorOrigin(plan, inner)
  const ask = (request: Partial<RequestHead> = {}): Silent => {
    const reader = new Silent()
    const req = requestHead(request)
    origin.fetch(exchangeOf({ request: req }), req, reader)
    return reader
  }
  return { ask, inner, other, counted, clock, wheel, pressure, state }
}

const source = { pause() {}, resume() {}, abort() {} }

t.test('a copy has a mark, an exchange of its own, and an answer that nobody sees', async (t) => {
  const { ask, inner, other, counted, state, wheel } = mirroring()
  const reader = ask({ headers: ['Host', 'a', 'x-mirrored', '1'] })
  t.same(inner.asked[0]?.req.headers, ['Host', 'a'], 'clients can’t set the mark')
  t.same(other.asked[0]?.req.headers, ['Host', 'a', 'X-Mirrored', '1'])
  t.not(other.asked[0]?.x, inner.asked[0]?.x)
  t.equal(other.asked[0]?.x.id, inner.asked[0]?.x.id)
  t.equal(state.inFlight, 1)
  const to = other.asked[0]?.to
  to?.interim(103, [])
  to?.head({ status: 404, reason: '', headers: [] }, source)
  t.equal(to?.write(Buffer.from('x')), true)
  to?.end()
  t.same(counted, ['4xx'])
  t.equal(reader.over, '')
  t.equal(state.inFlight, 0)
  t.equal(wheel.armed, 0)
})

t.test('a copy that fails, hangs or answers nonsense is the metrics’ business alone', async (t) => {
  const { ask, other, counted, clock, state } = mirroring()
  const readers = [ask(), ask()]
  other.asked[0]?.to.fail(new GatewayError('connect_failed'))
  clock.advance(1100)
  t.same(counted, ['failed', 'timeout'])
  t.same(other.cancelled, ['superseded'])
  other.asked[1]?.to.fail(new GatewayError('superseded'))
  t.same(counted, ['failed', 'timeout'], 'counted once')
  readers.push(ask())
  other.asked[2]?.to.head({ status: 999, reason: '', headers: [] }, source)
  other.asked[2]?.to.end()
  t.equal(counted[2], 'failed')
  t.same(
    readers.map(({ over }) => over),
    ['', '', ''],
  )
  t.equal(state.inFlight, 0)
})

t.test('when too many copies are under way, or the gateway is hard pressed, there is none', async (t) => {
  const { ask, inner, other, counted, pressure } = mirroring()
  ask()
  ask()
  ask()
  t.same(counted, ['busy'])
  other.asked[0]?.to.fail(new GatewayError('unsent'))
  pressure.level = NO_EXTRAS
  ask()
  t.same(counted, ['busy', 'failed', 'pressure'])
  t.equal(other.asked.length, 2)
  t.equal(inner.asked.length, 4)
})

t.test('a large answer is not read to its end, and counts all the same; copies are the least important', async (t) => {
  const { ask, other, counted, state, clock } = mirroring()
  ask()
  let aborted = ''
  const to = other.asked[0]?.to
  t.equal(other.asked[0]?.x.priority, LOW)
  to?.head({ status: 200, reason: '', headers: [] }, { ...source, abort: (why) => (aborted = why.code) })
  for (let i = 0; i < 16; i++) to?.write(Buffer.alloc(64 * 1024))
  t.same([aborted, counted], ['', []])
  to?.write(Buffer.alloc(1))
  t.same([aborted, counted, state.inFlight], ['superseded', ['2xx'], 0])
  clock.advance(2000)
  t.same(other.cancelled, [])
})

t.test('unsafe requests are not copied, and a share is', async (t) => {
  const unsafe = mirroring()
  unsafe.ask({ method: 'POST' })
  const unlucky = mirroring({ share: 0.5 })
  unlucky.ask()
  t.same([unsafe.other.asked.length, unlucky.other.asked.length], [0, 0])
  const wanted = mirroring({ isUnsafeWanted: true })
  wanted.ask({ method: 'POST' })
  t.equal(wanted.other.asked.length, 1)
})

const script = fc
  .record({ writes: fc.nat(3), kind: fc.constantFrom('end', 'fail', 'none'), laters: fc.array(fc.boolean()) })
  .map(({ writes, kind, laters }): OriginStep[] => {
    const kinds: OriginStep['kind'][] = ['head', ...Array.from({ length: writes }, () => 'write' as const)]
    if (kind !== 'none') kinds.push(kind as 'end' | 'fail')
    return kinds.map((step, i) => ({ kind: step, isLater: laters[i] ?? false }))
  })

t.test('the protocol holds on both sides, and every copy ends', async (t) => {
  const property = fc.property(script, script, fc.array(fc.nat(9), { maxLength: 20 }), (own, copy, moves) => {
    const tasks = new Tasks()
    const clock = new VirtualClock()
    const [inner, other] = [own, copy].map((steps) => new CheckedOrigin(new ScriptedOrigin(steps, tasks)))
    const counted: string[] = []
    const state = { inFlight: 0 }
    const plan: MirrorPlan = {
      ...{ share: 1, isUnsafeWanted: false, maxBodyBytes: 100, timeoutMs: 1000, concurrency: 2, state, clock },
      ...{ wheel: new Wheel(clock), pressure: new Pressure(), other: other as Origin, random: () => 0.5 },
      count: (outcome) => counted.push(outcome),
    }
    const outer = new CheckedOrigin(new MirrorOrigin(plan, inner as Origin))
    const cancel = outer.fetch(exchangeOf(), requestHead(), new Silent())
    for (const move of moves) {
      if (move === 0) cancel(new GatewayError('client_gone'))
      else if (move === 1) clock.advance(300)
      else if (tasks.size > 0) tasks.run(move)
    }
    while (tasks.size > 0) tasks.run(0)
    clock.advance(2000)
    for (const checked of [outer, inner, other]) checked?.check()
    return state.inFlight === 0 && counted.length === 1 && other?.unfinished === 0
  })
  fc.assert(property, { numRuns: 500 })
  t.pass('holds')
})
