import fc from 'fast-check'
import t from 'tap'
import {
  connectionOptions,
  endToEnd,
  hasHeader,
  headerValue,
  headerValues,
  isHopByHop,
  isNamed,
  joinedValue,
  removeHeader,
  setHeader,
} from './headers.ts'

const sample = () => ['Host', 'a', 'Set-Cookie', 'a=1', 'X-Empty', '', 'set-cookie', 'b=2', 'Via', '1.1 x']

t.test('fields are found whatever their case, and lines stay apart or are joined', async (t) => {
  t.equal(headerValue(sample(), 'host'), 'a')
  t.strictSame(headerValues(sample(), 'set-cookie'), ['a=1', 'b=2'])
  t.equal(joinedValue(sample(), 'set-cookie'), 'a=1, b=2')
  t.equal(headerValue(['ETag', ''], 'etag'), '')
  t.equal(joinedValue(sample(), 'x-empty'), '')
  t.equal(headerValue(sample(), 'etag'), undefined)
  t.strictSame([hasHeader(sample(), 'x-empty'), hasHeader(sample(), 'x-none')], [true, false])
  t.equal(joinedValue(sample(), 'x-none'), undefined)
  t.strictSame(headerValues(sample(), 'x-none'), [])
  t.equal(isNamed('HOST', 'host'), true)
  t.equal(isNamed('hosts', 'host'), false)
})

t.test('a field whose value names another field is not taken for it', async (t) => {
  t.equal(headerValue(['X-A', 'host', 'X-B', 'c'], 'host'), undefined)
})

t.test('removing a field removes all its lines and keeps the order of the rest', async (t) => {
  const list = sample()
  t.equal(removeHeader(list, 'set-cookie'), true)
  t.strictSame(list, ['Host', 'a', 'X-Empty', '', 'Via', '1.1 x'])
  t.equal(removeHeader(list, 'set-cookie'), false)
})

t.test('setting a field leaves one line, in the place of the first', async (t) => {
  const list = sample()
  setHeader(list, 'SET-COOKIE', 'c=3')
  t.strictSame(list, ['Host', 'a', 'SET-COOKIE', 'c=3', 'X-Empty', '', 'Via', '1.1 x'])
  setHeader(list, 'X-New', '1')
  t.strictSame(list.slice(-2), ['X-New', '1'])
})

t.test('fields of one connection are not forwarded (RFC 9110 §7.6.1)', async (t) => {
  for (const name of [
    'Connection',
    'KEEP-ALIVE',
    'te',
    'Transfer-Encoding',
    'Upgrade',
    'Proxy-Connection',
    'Proxy-Authenticate',
    'Proxy-Authorization',
  ]) {
    t.equal(isHopByHop(name), true, name)
    t.strictSame(endToEnd([name, 'x', 'A', '1']), ['A', '1'])
  }
  for (const name of ['Content-Length', 'Trailer', 'Host', 'ETag', 'X-Upgrade', 'Connections', '__proto__']) {
    t.equal(isHopByHop(name), false, name)
  }
})

t.test('fields that Connection names are dropped too, in any case and from every line', async (t) => {
  const list = ['Connection', 'close, X-Hop', 'x-hop', '1', 'CONNECTION', ' X-Other ,, ', 'X-Other', '2', 'X-Kept', '3']
  t.strictSame(connectionOptions(list), ['x-hop', 'x-other'])
  t.strictSame(endToEnd(list), ['X-Kept', '3'])
  t.equal(connectionOptions(['Connection', 'keep-alive']), undefined)
  t.equal(connectionOptions(['Connection', 'Keep-Alive, Upgrade']), undefined)
  t.equal(connectionOptions([]), undefined)
})

t.test('Connection cannot take away what carries framing, routing or identity', async (t) => {
  for (const name of ['Host', 'Content-Length', 'Cookie', 'Authorization', 'X-Forwarded-For', 'Cache-Control', 'Via']) {
    t.strictSame(endToEnd(['Connection', name, name, 'kept']), [name, 'kept'])
  }
})

t.test('a caller can have further fields dropped', async (t) => {
  t.strictSame(
    endToEnd(['A', '1', 'B', '2', 'A', '3'], (name) => name === 'A'),
    ['B', '2'],
  )
})

const name = fc.oneof(
  fc.constantFrom(
    'Connection',
    'connection',
    'TE',
    'Keep-Alive',
    'Transfer-Encoding',
    'Set-Cookie',
    'X-A',
    'x-a',
    'X-B',
  ),
  fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}$/),
)
const value = fc.oneof(fc.constantFrom('', 'close', 'x-a', 'X-A, x-b', 'a, ,b'), fc.stringMatching(/^[ -~]{0,20}$/))
const section = fc.array(fc.tuple(name, value), { maxLength: 12 }).map((lines) => lines.flat())

/** The lines of a list as pairs, to reason about it without the code under test. */
function pairs(list: readonly string[]): [string, string][] {
  const found: [string, string][] = []
  for (let i = 0; i < list.length; i += 2) found.push([list[i] as string, list[i + 1] as string])
  return found
}

t.test('the laws of header lists hold for any list', async (t) => {
  fc.assert(
    fc.property(section, name, value, (list, field, text) => {
      const lower = field.toLowerCase()
      const others = pairs(list).filter(([other]) => other.toLowerCase() !== lower)
      const own = pairs(list).filter(([other]) => other.toLowerCase() === lower)
      t.strictSame(
        headerValues(list, lower),
        own.map(([, v]) => v),
      )
      t.equal(hasHeader(list, lower), own.length > 0)
      t.equal(joinedValue(list, lower), own.length === 0 ? undefined : own.map(([, v]) => v).join(', '))

      const removed = list.slice()
      t.equal(removeHeader(removed, lower), own.length > 0)
      t.strictSame(pairs(removed), others)

      const set = list.slice()
      setHeader(set, field, text)
      t.strictSame(headerValues(set, lower), [text])
      t.strictSame(
        pairs(set).filter(([other]) => other.toLowerCase() !== lower),
        others,
      )
    }),
    { numRuns: 300 },
  )
})

t.test('what is forwarded is a part of what came, in order, without any hop-by-hop field, and stays so', async (t) => {
  fc.assert(
    fc.property(section, (list) => {
      const kept = endToEnd(list)
      const before = pairs(list).map((pair) => pair.join('\0'))
      let from = 0
      for (const pair of pairs(kept)) {
        const at = before.indexOf(pair.join('\0'), from)
        t.ok(at >= from, 'in order')
        from = at + 1
      }
      t.notOk(pairs(kept).some(([field]) => isHopByHop(field)))
      t.strictSame(endToEnd(kept), kept)
    }),
    { numRuns: 300 },
  )
})
