import fc from 'fast-check'
import t from 'tap'
import { responseDirectives } from '../policy/directives.ts'
import { MemoryStore, type NewAnswer } from '../store/memory.ts'
import { StoredBody } from '../store/stored-body.ts'
import { decode, encodeAnswer, encodeVary } from './record.ts'

const position = { epoch: 'e', seq: 7 }
const hello = [Buffer.from('hel'), Buffer.from('lo')]

function answer(parts: Partial<NewAnswer> = {}): NewAnswer {
  const headers = parts.headers ?? ['Cache-Control', 'max-age=60', 'Content-Type', 'text/plain']
  return {
    key: 'h/a',
    partition: 'route',
    status: 200,
    reason: 'OK',
    headers,
    bodyBytes: 5,
    trailers: undefined,
    varyNames: [],
    selecting: '',
    tags: ['x'],
    fetchMs: 12.5,
    directives: responseDirectives(headers).directives,
    lifetimeMs: 60_000,
    initialAgeMs: 0,
    receivedAtMs: 1e12,
    isInvalidated: false,
    shared: new StoredBody(hello, true),
    ...parts,
  }
}

t.test('a stored answer comes back as it was, in memory of its own', async (t) => {
  const stored = new MemoryStore(1e6, { evicted() {} }).put(answer({ trailers: ['X-T', 'é'] }))
  const bytes = encodeAnswer(stored, stored.shared.body, position)
  const record = decode(bytes)
  if (record?.kind !== 'object') return void t.fail('no object')
  const { shared, ...rest } = record.answer
  const { shared: _, ...expected } = answer({ trailers: ['X-T', 'é'] })
  const { body } = shared
  t.same(rest, expected)
  t.equal(Buffer.concat([...body]).toString(), 'hello')
  t.not(body[0]?.buffer, bytes.buffer)
  t.same(record.position, position)
  t.same(decode(encodeVary(['accept-language'])), { kind: 'vary', names: ['accept-language'] })
})

t.test('whatever a backend may send survives', async (t) => {
  const latin1 = fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)) })
  fc.assert(
    fc.property(fc.array(fc.tuple(latin1, latin1)), fc.uint8Array(), (pairs, body) => {
      const headers = pairs.flat()
      const record = decode(encodeAnswer(answer({ headers, bodyBytes: body.byteLength }), [body], position))
      if (record?.kind !== 'object') return false
      const back = Buffer.concat([...record.answer.shared.body])
      return back.equals(body) && JSON.stringify(record.answer.headers) === JSON.stringify(headers)
    }),
  )
  t.pass('for all of them')
})

t.test('what is changed, cut short or longer is not taken for an answer', async (t) => {
  const whole = encodeAnswer(answer(), hello, position)
  fc.assert(
    fc.property(fc.nat(whole.byteLength - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const changed = Buffer.from(whole)
      changed[at] = (changed[at] as number) ^ by
      return decode(changed) === undefined
    }),
  )
  for (let length = 0; length < whole.byteLength; length++) t.equal(decode(whole.subarray(0, length)), undefined)
  t.equal(decode(Buffer.concat([whole, Buffer.from('x')])), undefined)
})

t.test('another program’s bytes, and answers that lack something, are nothing', async (t) => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => decode(Buffer.from(bytes)) === undefined))
  for (const missing of ['key', 'headers', 'lifetimeMs', 'tags', 'isInvalidated', 'bodyBytes']) {
    const broken = { ...answer(), [missing]: missing === 'headers' ? ['odd'] : null } as unknown as NewAnswer
    t.equal(decode(encodeAnswer(broken, hello, position)), undefined, missing)
  }
})
