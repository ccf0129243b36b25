import { Readable } from 'node:stream'
import fc from 'fast-check'
import t from 'tap'
import { GatewayError } from './errors.ts'
import type { RequestBody } from './message.ts'
import { mayOpen, replayable } from './replay.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A body that is fed by the test, and hands out as the real one does: only what is wanted, and only once. */
class FedBody implements RequestBody {
  lengthBytes: number | undefined = undefined
  takenBytes = 0
  trailers: string[] = []
  limited: number | undefined = undefined
  opened = 0
  destroyed = 0
  readonly #waiting: (Buffer | null)[] = []
  #stream: Readable | undefined = undefined
  #isWanted = false
  #failure: GatewayError | undefined = undefined

  limit(maxBytes: number): void {
    this.limited = maxBytes
  }

  open(): Readable {
    this.opened++
    this.#isWanted = false
    const earlier = this.#stream
    const stream = new Readable({
      read: () => {
        this.#isWanted = true
        this.#give()
      },
      destroy: (error, done) => {
        this.destroyed++
        done(error)
      },
    })
    stream.on('error', () => {})
    this.#stream = stream
    earlier?.destroy()
    if (this.takenBytes > 0) stream.destroy(new GatewayError('internal', 'opened twice'))
    if (this.#failure !== undefined) stream.destroy(this.#failure)
    return stream
  }

  feed(...chunks: (string | Buffer)[]): this {
    this.#waiting.push(...chunks.map((chunk) => Buffer.from(chunk)))
    this.#give()
    return this
  }

  end(trailers: string[] = []): this {
    this.trailers = trailers
    this.#waiting.push(null)
    this.#give()
    return this
  }

  fail(why: GatewayError): void {
    this.#failure = why
    this.#stream?.destroy(why)
  }

  #give(): void {
    while (this.#isWanted && this.#waiting.length > 0 && this.#stream?.destroyed === false) {
      const chunk = this.#waiting.shift() as Buffer | null
      this.takenBytes += chunk?.byteLength ?? 0
      this.#isWanted = this.#stream.push(chunk)
    }
  }
}

/** One who reads as it comes. */
class Taking {
  readonly stream: Readable
  text = ''
  over: string | undefined = undefined

  constructor(stream: Readable) {
    this.stream = stream
    stream.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1')
    })
    stream.on('end', () => {
      this.over ??= 'end'
    })
    stream.on('error', (error) => {
      this.over ??= error instanceof GatewayError ? error.code : String(error)
    })
  }
}

t.test('content is passed on as it arrives, and nothing is asked for before somebody reads', async (t) => {
  const fed = new FedBody().feed('one')
  const body = replayable(fed, 100)
  t.equal(fed.opened, 0)
  t.equal(body.takenBytes, 0)
  const reader = new Taking(body.open())
  await turn()
  t.equal(reader.text, 'one')
  fed.feed('two')
  await turn()
  t.equal(reader.text, 'onetwo')
  t.equal(body.takenBytes, 6)
  fed.end(['X-Sum', '6'])
  await turn()
  t.equal(reader.over, 'end')
  t.same(body.trailers, ['X-Sum', '6'])
})

t.test('a later stream gets what was remembered, then what still comes', async (t) => {
  const fed = new FedBody().feed('one')
  const body = replayable(fed, 100)
  const first = new Taking(body.open())
  await turn()
  const second = new Taking(body.open())
  fed.feed('two')
  await turn()
  t.equal(second.text, 'onetwo')
  first.stream.destroy()
  fed.feed('three').end(['a', 'b'])
  await turn()
  t.same([second.text, second.over], ['onetwothree', 'end'])
  t.equal(first.text, 'onetwo')
  const third = new Taking(body.open())
  await turn()
  t.same([third.text, third.over], ['onetwothree', 'end'])
  t.equal(fed.opened, 1)
  t.ok(mayOpen(body))
})

t.test('a stream that is dropped before anything came leaves the body as it was', async (t) => {
  const fed = new FedBody()
  const body = replayable(fed, 100)
  const first = new Taking(body.open())
  await turn()
  first.stream.destroy()
  await turn()
  t.equal(fed.destroyed, 1)
  const second = new Taking(body.open())
  fed.feed('one').end()
  await turn()
  t.same([second.text, second.over], ['one', 'end'])
})

t.test('between two tries nothing is lost, and nothing more is taken', async (t) => {
  const fed = new FedBody().feed('one')
  const body = replayable(fed, 100)
  const first = new Taking(body.open())
  await turn()
  first.stream.destroy()
  await turn()
  fed.feed('x'.repeat(1000 * 1000), 'three')
  await turn()
  t.equal(fed.destroyed, 0)
  t.ok(body.isReplayable)
  t.equal(body.takenBytes, 3)
})

t.test('beyond the limit the start is forgotten, and only those who read go on', async (t) => {
  const fed = new FedBody().feed('12345')
  const body = replayable(fed, 8)
  const settled: boolean[] = []
  body.whenSettled((isWhole) => settled.push(isWhole))
  const first = new Taking(body.open())
  const second = new Taking(body.open())
  await turn()
  t.ok(body.isReplayable)
  fed.feed('6789').end()
  await turn()
  t.notOk(body.isReplayable)
  t.notOk(mayOpen(body))
  t.same(settled, [false])
  t.same([first.text, second.text], ['123456789', '123456789'])
  t.same([first.over, second.over], ['end', 'end'])
  const third = new Taking(body.open())
  await turn()
  t.equal(third.over, 'internal')
})

t.test(
  'content that is announced to be larger is never remembered, but can be read, again while nothing came',
  async (t) => {
    const fed = new FedBody()
    fed.lengthBytes = 9
    const body = replayable(fed, 8)
    t.notOk(body.isReplayable)
    t.ok(mayOpen(body))
    const first = new Taking(body.open())
    await turn()
    first.stream.destroy()
    const second = new Taking(body.open())
    fed.feed('123', '456789').end()
    await turn()
    t.same([second.text, second.over], ['123456789', 'end'])
    t.notOk(mayOpen(body))
  },
)

t.test('nobody is left to read what is forgotten: the body is let go', async (t) => {
  const fed = new FedBody().feed('123456789')
  const body = replayable(fed, 8)
  const only = new Taking(body.open())
  await turn()
  only.stream.destroy()
  await turn()
  t.equal(fed.destroyed, 1)
})

t.test('a client that leaves is an error for everyone who reads, and for those who come later', async (t) => {
  const fed = new FedBody().feed('one')
  const body = replayable(fed, 100)
  const settled: boolean[] = []
  body.whenSettled((isWhole) => settled.push(isWhole))
  const readers = [new Taking(body.open()), new Taking(body.open())]
  await turn()
  fed.fail(new GatewayError('client_gone'))
  await turn()
  t.same(
    readers.map(({ over }) => over),
    ['client_gone', 'client_gone'],
  )
  t.same(settled, [false])
  t.notOk(body.isReplayable)
  const later = new Taking(body.open())
  await turn()
  t.equal(later.over, 'client_gone')
})

t.test('that all of it is remembered is told once, at once to those who ask late', async (t) => {
  const fed = new FedBody().feed('one').end()
  const body = replayable(fed, 3)
  const settled: string[] = []
  body.whenSettled((isWhole) => settled.push(`early ${isWhole}`))
  new Taking(body.open())
  await turn()
  body.whenSettled((isWhole) => settled.push(`late ${isWhole}`))
  t.same(settled, ['early true', 'late true'])
})

t.test('one that remembers already is widened, not wrapped', async (t) => {
  const fed = new FedBody()
  fed.lengthBytes = 9
  const body = replayable(fed, 8)
  t.equal(replayable(body, 4), body)
  t.notOk(body.isReplayable)
  t.equal(replayable(body, 9), body)
  t.ok(body.isReplayable)
  const first = new Taking(body.open())
  fed.feed('123456789').end()
  await turn()
  t.equal(first.text, '123456789')
  t.ok(body.isReplayable)
  body.limit(77)
  t.equal(fed.limited, 77)
  t.equal(body.lengthBytes, 9)
})

t.test('of two streams of a large body, the one ahead waits for the other within the limit', async (t) => {
  const limit = 64 * 1024
  const chunk = Buffer.alloc(8 * 1024)
  const fed = new FedBody().feed(...Array.from({ length: 256 }, () => chunk)).end()
  const body = replayable(fed, limit)
  const fast = body.open().resume()
  const slow = body.open()
  slow.read(0)
  for (let i = 0; i < 50; i++) await turn()
  const buffered = slow.readableLength
  t.ok(body.takenBytes <= limit + buffered + chunk.byteLength, `took ${body.takenBytes}`)
  t.ok(body.takenBytes >= limit, 'the fast one was let ahead')
  slow.destroy()
  await new Promise((resolve) => fast.once('end', resolve))
  t.equal(body.takenBytes, 256 * chunk.byteLength)
})

t.test('a body of single bytes is remembered in few pieces', async (t) => {
  const fed = new FedBody().feed(...Array.from({ length: 20_000 }, () => 'x')).end()
  const body = replayable(fed, 20_000)
  const first = body.open().resume()
  await new Promise((resolve) => first.once('end', resolve))
  let pieces = 0
  const second = body.open().on('data', () => pieces++)
  await new Promise((resolve) => second.once('end', resolve))
  t.ok(pieces <= 20, `${pieces} pieces`)
})

type Step =
  | { do: 'feed'; size: number }
  | { do: 'open' | 'end' | 'fail' | 'turn' }
  | { do: 'destroy' | 'pause' | 'resume'; which: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('feed' as const), size: fc.integer({ min: 1, max: 40_000 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('open' as const) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('end' as const, 'fail' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('destroy' as const, 'pause' as const, 'resume' as const),
      which: fc.nat(5),
    }),
  },
)

t.test(
  'whatever the order of events, each reader gets the content from its start, whole or visibly broken',
  async (t) => {
    const property = fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer({ min: 0, max: 200_000 }), run)
    await fc.assert(property, { numRuns: 300 })
    t.pass('holds')
  },
)

async function run(steps: readonly Step[], limit: number): Promise<void> {
  const fed = new FedBody()
  const body = replayable(fed, limit)
  const settled: boolean[] = []
  body.whenSettled((isWhole) => settled.push(isWhole))
  const readers: { taking: Taking; mayFail: boolean }[] = []
  const live = () => readers.filter(({ taking }) => !taking.stream.destroyed)
  let content = ''
  let largest = 0
  let over: 'end' | 'fail' | undefined
  const act = async (s: Step): Promise<void> => {
    if (s.do === 'turn') await turn()
    else if (s.do === 'open') readers.push({ mayFail: !mayOpen(body), taking: new Taking(body.open()) })
    else if (s.do === 'feed' && over === undefined) {
      const chunk = String.fromCharCode(97 + (content.length % 26)).repeat(s.size)
      content += chunk
      largest = Math.max(largest, s.size)
      fed.feed(chunk)
    } else if (s.do === 'end' && over === undefined) {
      over = 'end'
      fed.end()
    } else if (s.do === 'fail' && over === undefined) {
      over = 'fail'
      fed.fail(new GatewayError('client_gone'))
    } else if ('which' in s) readers[s.which]?.taking.stream[s.do]()
    for (const { taking } of readers) {
      if (!content.startsWith(taking.text)) throw new Error('a reader got other bytes')
    }
    const slowest = Math.min(body.takenBytes, ...live().map(({ taking: r }) => r.text.length + r.stream.readableLength))
    const kept = body.takenBytes - (body.isReplayable ? 0 : slowest)
    if (live().length > 0 && kept > limit + largest) throw new Error(`keeps ${kept} bytes, ${limit} allowed`)
  }
  for (const s of steps) await act(s)
  if (over === undefined) await act({ do: 'end' })
  for (const { taking } of readers) taking.stream.resume()
  for (let i = 0; i < 200 && live().length > 0; i++) await turn()
  for (const { taking, mayFail } of readers) {
    if (taking.over === 'end' && taking.text !== content) throw new Error('ended short')
    const isDestroyed = taking.over === undefined && taking.stream.destroyed
    if (over !== 'fail' && !isDestroyed && taking.over !== 'end' && !mayFail) throw new Error(`over: ${taking.over}`)
  }
  if (settled.length > 1) throw new Error('told twice')
  if (settled[0] === true && (content.length > limit || over !== 'end')) throw new Error('whole, but is not')
}
