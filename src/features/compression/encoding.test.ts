import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { eventually } from '../../../test/harness/wire.ts'
import { GatewayError } from '../../core/errors.ts'
import { Encoding } from './encoding.ts'
import { Gate } from './gate.ts'
import type { Reading } from './reading.ts'
import { type Making, recipe } from './recipe.ts'

const gzip: Making = {
  change: { name: 'gzip', coding: 'gzip', decode: undefined, minify: false, dictionary: undefined },
  level: 1,
  lengthBytes: undefined,
  flushes: true,
  maxDecodedBytes: 1e6,
  paddingBytes: 0,
  isEndless: false,
}
const gone = new GatewayError('client_gone')

class Sink {
  readonly chunks: Uint8Array[] = []
  over: string | undefined = undefined
  takes = true
  isWrittenWhilePaused = false
  isAborted = false
  readonly reading: Reading

  constructor(reading: Reading) {
    this.reading = reading
    const source = {
      pause() {},
      resume() {},
      abort: () => {
        this.isAborted = true
      },
    }
    reading.between(source, this)
  }

  write(chunk: Uint8Array): boolean {
    if (this.over !== undefined || chunk.byteLength === 0) this.isWrittenWhilePaused = true
    this.chunks.push(chunk)
    return this.takes
  }

  end(): void {
    this.over = 'end'
  }

  fail(why: GatewayError): void {
    this.over = why.code
  }

  get text(): string {
    return gunzipSync(Buffer.concat(this.chunks)).toString('latin1')
  }
}

t.test('however readers come, lag and leave, each that stays gets all of it', async (t) => {
  const pieces = fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 6 })
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.constantFrom('feed', 'leave', 'slow', 'quick')), {
    maxLength: 30,
  })
  await fc.assert(
    fc.asyncProperty(pieces, steps, async (sizes, script) => {
      const body = Buffer.from(sizes.map((size, i) => String.fromCharCode(97 + i).repeat(size)).join(''))
      const chunks = sizes.map((_, i) => {
        const at = sizes.slice(0, i).reduce((sum, size) => sum + size, 0)
        return body.subarray(at, at + (sizes[i] as number))
      })
      let results = 0
      const events = { made: () => results++, over: () => {} }
      const encoding = new Encoding(recipe(gzip), new Gate(1), events, 1e9)
      const sinks = [0, 1, 2].map(() => new Sink(encoding.join()))
      const fed = [0, 0, 0]
      const left = new Set<number>()
      const feed = (who: number) => {
        const chunk = chunks[fed[who] as number]
        fed[who] = (fed[who] as number) + 1
        const reading = (sinks[who] as Sink).reading
        if (chunk !== undefined) reading.write(chunk)
        else if (fed[who] === chunks.length + 1) reading.end()
      }
      for (const [who, what] of script) {
        const sink = sinks[who] as Sink
        if (what === 'feed' && !left.has(who)) feed(who)
        if (what === 'leave' && left.size < 2 && !left.has(who)) {
          left.add(who)
          sink.reading.abort(gone)
        }
        if (what === 'slow') sink.takes = false
        if (what === 'quick') {
          sink.takes = true
          sink.reading.resume()
        }
        await new Promise((resolve) => setImmediate(resolve))
      }
      for (const [who, sink] of sinks.entries()) {
        if (left.has(who)) continue
        while ((fed[who] as number) <= chunks.length) feed(who)
        sink.takes = true
        sink.reading.resume()
      }
      for (const [who, sink] of sinks.entries()) {
        if (left.has(who)) continue
        await eventually('the end', () => {
          sink.reading.resume()
          return sink.over !== undefined
        })
        if (sink.over !== 'end' || sink.text !== body.toString('latin1') || sink.isWrittenWhilePaused) return false
      }
      return results === 1
    }),
    { numRuns: 60 },
  )
  t.pass()
})

t.test('a reader whose source breaks off fails alone', async (t) => {
  const encoding = new Encoding(recipe(gzip), new Gate(1), { made() {}, over() {} }, 1e9)
  const [first, second] = [new Sink(encoding.join()), new Sink(encoding.join())]
  first.reading.write(Buffer.from('one'))
  second.reading.write(Buffer.from('one'))
  first.reading.fail(new GatewayError('truncated'))
  t.equal(first.over, 'truncated')
  second.reading.write(Buffer.from('two'))
  second.reading.end()
  await eventually('the end', () => second.over !== undefined)
  t.equal(second.text, 'onetwo')
})

t.test('when the last reader leaves, the work ends and the gate is free again', async (t) => {
  const gate = new Gate(1)
  let isOver = false
  const encoding = new Encoding(
    recipe(gzip),
    gate,
    {
      made() {},
      over: () => {
        isOver = true
      },
    },
    0,
  )
  const sink = new Sink(encoding.join())
  sink.reading.write(Buffer.alloc(200_000, 'x'))
  await undefined
  t.equal(gate.running, 1)
  sink.reading.abort(gone)
  t.ok(sink.isAborted)
  t.ok(isOver)
  const other = new Sink(new Encoding(recipe(gzip), gate, { made() {}, over() {} }, 0).join())
  other.reading.write(Buffer.from('other'))
  other.reading.end()
  await eventually('the other one', () => other.over === 'end')
  t.equal(gate.running, 0)
  t.equal(gate.openBytes, 0)
  t.equal(sink.over, undefined)
})

t.test('bad input for a decoder fails the reader and aborts its source', async (t) => {
  const change = { name: 'identity', coding: undefined, decode: 'gzip', minify: false, dictionary: undefined } as const
  const encoding = new Encoding(recipe({ ...gzip, change }), new Gate(1), { made() {}, over() {} }, 0)
  const sink = new Sink(encoding.join())
  sink.reading.write(Buffer.from('this is no gzip'))
  await eventually('the failure', () => sink.over !== undefined)
  t.equal(sink.over, 'bad_response')
  t.ok(sink.isAborted)
})

t.test('no more runs at once than the gate allows, in order of arrival', async (t) => {
  const gate = new Gate(2)
  const started: number[] = []
  for (let i = 0; i < 5000; i++) gate.enter(() => started.push(i))
  t.equal(gate.running, 2)
  t.equal(gate.waiting, 4998)
  for (let i = 0; i < 4998; i++) gate.leave()
  t.strictSame(
    started,
    Array.from({ length: 5000 }, (_, i) => i),
  )
  gate.leave()
  gate.leave()
  t.equal(gate.running, 0)
})
