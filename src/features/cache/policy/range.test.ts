import fc from 'fast-check'
import t from 'tap'
import { parseRange } from './range.ts'

t.test('first and last, open end, and suffix (RFC 9110 §14.1.2)', async (t) => {
  const only = (field: string) => parseRange(field, 10)
  t.same(only('bytes=0-1'), { kind: 'parts', parts: [{ first: 0, last: 1 }] })
  t.same(only('bytes=1-'), { kind: 'parts', parts: [{ first: 1, last: 9 }] })
  t.same(only('bytes=-3'), { kind: 'parts', parts: [{ first: 7, last: 9 }] })
  t.same(only('bytes=-30'), { kind: 'parts', parts: [{ first: 0, last: 9 }] })
  t.same(only('bytes=8-100'), { kind: 'parts', parts: [{ first: 8, last: 9 }] })
  t.same(only('bytes=0-0, 9-9').kind, 'parts')
  t.same(only('bytes=0-1,, '), { kind: 'parts', parts: [{ first: 0, last: 1 }] }, 'empty members do not count')
})

t.test('what lies behind the end is unsatisfiable, what is malformed is ignored', async (t) => {
  for (const field of ['bytes=10-', 'bytes=10-11', 'bytes=-0'])
    t.same(parseRange(field, 10), { kind: 'unsatisfiable' }, field)
  for (const field of [
    undefined,
    'lines=0-1',
    'bytes=',
    'bytes=-',
    'bytes=,',
    'bytes=2-1',
    'bytes=a-b',
    'bytes 0-1',
    'bytes=0-1,x',
  ]) {
    t.same(parseRange(field, 10), { kind: 'whole' }, String(field))
  }
})

t.test('many or overlapping ranges get the whole (CVE-2011-3192)', async (t) => {
  t.same(parseRange('bytes=0-5, 3-8', 10), { kind: 'whole' })
  t.same(parseRange(`bytes=${Array.from({ length: 17 }, (_, i) => `${i}-${i}`).join(',')}`, 100), { kind: 'whole' })
})

t.test('no range ever leaves the body', async () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(1000), (text, length) => {
      const ranges = parseRange(`bytes=${text}`, length)
      return ranges.kind !== 'parts' || ranges.parts.every((p) => p.first >= 0 && p.first <= p.last && p.last < length)
    }),
  )
})

t.test('a range is what slicing the body gives (RFC 9110 §14.1.2)', async () => {
  fc.assert(
    fc.property(fc.nat(50), fc.option(fc.nat(60)), fc.option(fc.nat(60)), (length, first, last) => {
      fc.pre((first !== null || last !== null) && !(first !== null && last !== null && last < first))
      const body = Array.from({ length }, (_, i) => i)
      const wanted =
        first === null
          ? body.slice(Math.max(0, length - (last ?? 0)))
          : body.slice(first, last === null ? length : last + 1)
      const ranges = parseRange(`bytes=${first ?? ''}-${last ?? ''}`, length)
      if (wanted.length === 0) return ranges.kind === 'unsatisfiable'
      const only = ranges.kind === 'parts' ? ranges.parts : []
      return only.length === 1 && only[0]?.first === wanted[0] && only[0]?.last === wanted.at(-1)
    }),
  )
})

t.test('what is sent in parts is never more, in all, than the whole', async () => {
  const member = fc.tuple(fc.nat(60), fc.nat(60)).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`)
  fc.assert(
    fc.property(fc.array(member, { minLength: 1, maxLength: 30 }), fc.nat(50), (members, length) => {
      const ranges = parseRange(`bytes=${members.join(', ')}`, length)
      if (ranges.kind !== 'parts') return true
      return ranges.parts.reduce((sum, { first, last }) => sum + last - first + 1, 0) <= length
    }),
  )
})
