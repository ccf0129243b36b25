/** Requests on their way through a limit: permits that are taken come back, whatever becomes of the request. */
import fc from 'fast-check'
import t from 'tap'
import { VirtualClock } from '../../test/harness/clock.ts'
import { testDeps } from '../../test/harness/deps.ts'
import { requestHead } from '../../test/harness/exchange.ts'
import { exchangeOf } from '../../test/harness/stage.ts'
import { type BodySource, wholeBody } from '../core/body.ts'
import { CheckedOrigin } from '../core/checked-origin.ts'
import { GatewayError } from '../core/errors.ts'
import { type Exchange, QUEUE } from '../core/exchange.ts'
import type { RequestHead } from '../core/message.ts'
import type { Cancel, Origin, Reader } from '../core/origin.ts'
import { Limited } from './limited.ts'
import { Limiter } from './limiter.ts'
import { concurrencySchema } from './schema-resilience.ts'

const gone = new GatewayError('client_gone')
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A backend that does what it is told. */
class Told implements Origin {
  readonly fetches: { to: Reader; isCancelled: boolean }[] = []

  fetch(_x: Exchange, _req: RequestHead, to: Reader): Cancel {
    const fetch = { to, isCancelled: false }
    this.fetches.push(fetch)
    return () => {
      fetch.isCancelled = true
    }
  }

  head(index: number, status = 200, headers: string[] = []): void {
    this.fetches[index]?.to.head({ status, reason: '', headers }, wholeBody)
  }

  end(index: number): void {
    this.fetches[index]?.to.end()
  }
}

class Heard implements Reader {
  readonly events: string[] = []
  source: BodySource | undefined

  interim(status: number): void {
    this.events.push(`interim ${status}`)
  }

  head({ status }: { status: number }, source: BodySource): void {
    this.source = source
    this.events.push(`head ${status}`)
  }

  write(): boolean {
    return true
  }

  end(): void {
    this.events.push('end')
  }

  fail(why: GatewayError): void {
    this.events.push(why.code)
  }
}

function limited(written: unknown, parts: Partial<Exchange> = {}) {
  const config = concurrencySchema.parse(written)
  if (config === false) throw new Error('no limit')
  const clock = new VirtualClock()
  const deps = testDeps({ clock })
  const limiter = new Limiter('u', config, deps)
  const backend = new Told()
  const origin = new CheckedOrigin(new Limited(backend, limiter, 'r'))
  const ask = (more: Partial<Exchange> = {}) => {
    const heard = new Heard()
    const x = { ...exchangeOf(), ...parts, ...more }
    return { heard, x, cancel: origin.fetch(x, requestHead(), heard) }
  }
  const text = () => (deps.metrics as unknown as { text(): Promise<string> }).text()
  const inFlight = async () => Number(/gateway_concurrency_in_flight\{[^}]*\} (\d+)/.exec(await text())?.[1])
  return { clock, backend, origin, ask, inFlight, text, limiter }
}

t.test('a fixed limit holds until the end of an answer; one that is found out until its head', async (t) => {
  const fixed = limited(1)
  fixed.ask()
  fixed.ask()
  fixed.backend.head(0)
  await turn()
  t.equal(fixed.backend.fetches.length, 1)
  fixed.backend.end(0)
  await turn()
  t.equal(fixed.backend.fetches.length, 2)
  const adaptive = limited({ adaptive: true, min: 1, max: 1 })
  adaptive.ask()
  adaptive.ask()
  adaptive.backend.head(0)
  t.equal(adaptive.backend.fetches.length, 1, 'not from within the answer')
  await turn()
  t.equal(adaptive.backend.fetches.length, 2)
  fixed.origin.check()
  adaptive.origin.check()
})

t.test('an answer whose body is given up gives its permit back', async (t) => {
  const { backend, ask, inFlight } = limited(1)
  const { heard } = ask()
  backend.head(0)
  heard.source?.abort(gone)
  t.equal(await inFlight(), 0)
  const { cancel } = ask()
  backend.head(1)
  cancel(gone)
  t.equal(await inFlight(), 0)
})

t.test('a client that leaves the queue is never sent, also when its turn has just come', async (t) => {
  const { backend, ask, inFlight, origin } = limited(1)
  ask()
  const waiting = ask()
  waiting.cancel(gone)
  const chosen = ask()
  backend.head(0)
  backend.end(0)
  chosen.cancel(gone)
  await turn()
  t.equal(backend.fetches.length, 1)
  t.equal(await inFlight(), 0)
  origin.check()
})

t.test('one that leaves while its request is being sent is given up there, too', async (t) => {
  const { backend, ask, origin } = limited(1)
  ask()
  const waiting = ask()
  const { fetch } = backend
  backend.fetch = (x, req, to) => {
    const cancel = fetch.call(backend, x, req, to)
    waiting.cancel(gone)
    return cancel
  }
  backend.head(0)
  backend.end(0)
  await turn()
  t.equal(backend.fetches[1]?.isCancelled, true)
  origin.check()
})

t.test('the place of a request that was given up is free once the backend is likely through with it', async (t) => {
  const { clock, backend, ask, inFlight } = limited({ adaptive: true, min: 1, max: 1 })
  for (let i = 0; i < 100; i++) {
    ask()
    clock.advance(100)
    backend.head(i)
  }
  const left = ask()
  clock.advance(30)
  left.cancel(gone)
  t.equal(backend.fetches[100]?.isCancelled, true)
  clock.advance(40)
  t.equal(await inFlight(), 1)
  clock.advance(50)
  t.equal(await inFlight(), 0)
})

t.test('a long queue whose requests all fail at once does not exhaust the stack', async (t) => {
  const { backend, ask, inFlight } = limited({ adaptive: false, max: 1, queue: 20_000 })
  ask()
  const waiting = Array.from({ length: 20_000 }, () => ask().heard)
  const failing = new GatewayError('circuit_open')
  backend.fetch = (_x, _req, to) => {
    to.fail(failing)
    return () => {}
  }
  backend.head(0)
  backend.end(0)
  await turn()
  t.ok(waiting.every(({ events }) => events[0] === 'circuit_open'))
  t.equal(await inFlight(), 0)
})

t.test('time in the queue is accounted for, and who is refused is told why', async (t) => {
  const { clock, ask, text, backend } = limited({ adaptive: false, max: 1, queue_timeout: '200ms' })
  ask()
  const refused = ask({ priority: 3 })
  clock.advance(250)
  t.same(refused.heard.events, ['shed'])
  t.equal(refused.x.refusedBy, 'queue_timeout')
  t.ok((refused.x.spans[QUEUE] as number) >= 200)
  t.match(await text(), /gateway_shed_total\{route="r",rule="queue_timeout",priority="low"\} 1/)
  const served = ask()
  clock.advance(50)
  backend.head(0)
  backend.end(0)
  await turn()
  t.equal(served.x.spans[QUEUE], 50)
})

t.test('who takes turns is what `by` names', async (t) => {
  const { backend, limiter } = limited({ adaptive: false, max: 1, by: 'header:X-Tenant' })
  const head = (tenant: string) => requestHead({ headers: ['X-Tenant', tenant] })
  t.equal(limiter.keyOf(exchangeOf(), head('a')), 'a')
  t.equal(limiter.keyOf(exchangeOf(), requestHead()), '127.0.0.1', 'whoever names none: the client’s address')
  t.equal(backend.fetches.length, 0)
})

t.test('where most answers are 503 with Retry-After, the limit does not rise before that', async (t) => {
  const { backend, ask, clock, limiter } = limited({ adaptive: true, min: 1, max: 100 })
  let n = 0
  const answer = (status: number, headers: string[] = []) => {
    ask()
    clock.advance(10)
    backend.head(n++, status, headers)
  }
  for (let i = 0; i < 50; i++) answer(503, ['Retry-After', '5'])
  const low = limiter.limit
  t.ok(low < 10, `${low}`)
  for (let i = 0; i < 100; i++) answer(200)
  t.equal(limiter.limit, low)
  clock.advance(5000)
  for (let i = 0; i < 200; i++) answer(200)
  t.ok(limiter.limit > low)
})

t.test('every permit comes back, whatever happens in whatever order', async () => {
  const act = fc.record({
    do: fc.constantFrom('ask', 'head', 'end', 'fail', 'leave', 'abort', 'wait', 'turn'),
    n: fc.nat(30),
  })
  const configs = fc.constantFrom<unknown>(2, { adaptive: true, min: 1, max: 3 }, { adaptive: false, max: 1, queue: 2 })
  await fc.assert(
    fc.asyncProperty(configs, fc.array(act, { maxLength: 80 }), async (written, acts) => {
      const { clock, backend, origin, ask, inFlight } = limited(written)
      const asked: ReturnType<typeof ask>[] = []
      const live = new Map<number, 'sent' | 'answering'>()
      const isOver = (i: number) => backend.fetches[i]?.isCancelled === true
      for (const { do: what, n } of acts) {
        for (const i of backend.fetches.keys()) if (!live.has(i)) live.set(i, 'sent')
        const i = n % Math.max(backend.fetches.length, 1)
        const state = isOver(i) ? undefined : live.get(i)
        if (what === 'ask') asked.push(ask({ priority: n % 4 }))
        else if (what === 'head' && state === 'sent') {
          live.set(i, 'answering')
          backend.head(i)
        } else if (what === 'end' && state === 'answering') {
          backend.fetches[i] = { ...(backend.fetches[i] as Told['fetches'][number]), isCancelled: true }
          const { to } = backend.fetches[i] as Told['fetches'][number]
          to.end()
        } else if (what === 'fail' && state !== undefined) {
          const { to } = backend.fetches[i] as Told['fetches'][number]
          backend.fetches[i] = { to, isCancelled: true }
          to.fail(new GatewayError('connection_closed'))
        } else if (what === 'leave') asked[n % Math.max(asked.length, 1)]?.cancel(gone)
        else if (what === 'wait') clock.advance(n * 10)
        else if (what === 'turn') await turn()
      }
      for (const each of asked) each.cancel(gone)
      await turn()
      clock.advance(100_000)
      await turn()
      origin.check()
      return (await inFlight()) === 0
    }),
    { numRuns: 60 },
  )
})
