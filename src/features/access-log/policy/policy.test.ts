import fc from 'fast-check'
import t from 'tap'
import { millis, quoted } from './json-text.ts'
import { shouldRotate } from './rotation.ts'
import { traceId } from './traceparent.ts'

t.test('whatever the text, it is one JSON string of printable ASCII that reads back the same', async () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string()), (text) => {
      const written = quoted(text, 10_000)
      return /^[ -~]*$/.test(written) && JSON.parse(written) === text
    }),
  )
})

t.test('bytes that end lines, close strings, move cursors or are no ASCII are escaped', async (t) => {
  for (const char of ['"', '\\', '\n', '\r', '\u0000', '\u001b', '\u007f', '\u0085', '\u00e9', '\u2028', '\ud800']) {
    const written = quoted(`a${char}b`, 100)
    t.match(written, /^"a\\(?:["\\nr]|u[0-9a-f]{4})b"$/)
    t.equal(JSON.parse(written), `a${char}b`)
  }
})

t.test('long text is cut', async (t) => {
  t.equal(quoted('abcdef', 3), '"abc"')
  t.equal(JSON.parse(quoted('😀'.repeat(10), 3)).length, 3, 'also in the middle of a pair')
})

t.test('milliseconds are written to the microsecond', async (t) => {
  for (const [ms, text] of [
    [0, '0'],
    [0.0004, '0'],
    [0.0006, '0.001'],
    [1, '1'],
    [1.5, '1.500'],
    [1.9996, '2'],
    [12.0456, '12.046'],
    [86_400_000.25, '86400000.250'],
    [-3, '0'],
    [Number.NaN, '0'],
  ] as const) {
    t.equal(millis(ms), text)
  }
})

t.test('any number of milliseconds is a JSON number within half a microsecond', async () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1e9, noNaN: true }),
      (ms) => Math.abs(JSON.parse(millis(ms)) - ms) <= 0.000501,
    ),
  )
  fc.assert(fc.property(fc.double(), (ms) => Number.isFinite(JSON.parse(millis(ms)))))
})

const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
const parent = '00f067aa0ba902b7'

t.test('a valid traceparent gives its trace id (W3C Trace Context §3.2)', async (t) => {
  t.equal(traceId(`00-${trace}-${parent}-01`), trace)
  t.equal(traceId(`00-${trace}-${parent}-00`), trace)
  t.equal(traceId(`01-${trace}-${parent}-01`), trace)
  t.equal(traceId(`cc-${trace}-${parent}-01-what-the-future-brings`), trace, 'later versions may append')
})

t.test('a traceparent that is not valid gives none', async (t) => {
  for (const wrong of [
    '',
    `ff-${trace}-${parent}-01`,
    `00-${trace}-${parent}-01-more`,
    `00-${trace}-${parent}`,
    `00-${trace.toUpperCase()}-${parent}-01`,
    `00-${'0'.repeat(32)}-${parent}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    `00-${trace.slice(1)}-${parent}-01`,
    ` 00-${trace}-${parent}-01`,
    `00-${trace}-${parent}-01\n`,
    `01-${trace}-${parent}-01.`,
    `00-${trace}-${parent}-0x`,
  ]) {
    t.equal(traceId(wrong), undefined, JSON.stringify(wrong))
  }
})

const day = 86_400_000
const midnight = Date.UTC(2026, 0, 2)

t.test('a file is rotated when it is full', async (t) => {
  const rotation = { size: 100 }
  t.same(shouldRotate({ sizeBytes: 99, sinceMs: 0 }, rotation, midnight), { rotate: false })
  t.same(shouldRotate({ sizeBytes: 100, sinceMs: 0 }, rotation, midnight), { rotate: true, because: 'size' })
})

t.test('a file is rotated when a new period has begun, however short ago its first line', async (t) => {
  const rotation = { size: 100, every: day }
  t.same(shouldRotate({ sizeBytes: 1, sinceMs: midnight - 1 }, rotation, midnight), { rotate: true, because: 'time' })
  t.same(shouldRotate({ sizeBytes: 1, sinceMs: midnight }, rotation, midnight + day - 1), { rotate: false })
})

t.test('an empty file is never rotated', async (t) => {
  t.same(shouldRotate({ sizeBytes: 0, sinceMs: 0 }, { size: 0, every: 1 }, midnight), { rotate: false })
})
