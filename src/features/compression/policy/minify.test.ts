import fc from 'fast-check'
import t from 'tap'
import { isJson, JsonMinifier } from './minify.ts'

function minified(text: string, pieceBytes = Number.POSITIVE_INFINITY): string {
  const minifier = new JsonMinifier()
  const bytes = Buffer.from(text)
  const out: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += Math.min(pieceBytes, bytes.length)) {
    out.push(minifier.push(bytes.subarray(at, at + pieceBytes)))
  }
  return Buffer.concat(out).toString()
}

t.test('what is parsed is the same, wherever pieces are cut, and nothing smaller parses to it', async () => {
  const spaces = fc.constantFrom('', ' ', '  ', '\t', '\n')
  fc.assert(
    fc.property(fc.jsonValue(), spaces, fc.integer({ min: 1, max: 7 }), (value, space, pieceBytes) => {
      const text = JSON.stringify(value, undefined, space)
      return minified(text, pieceBytes) === JSON.stringify(value)
    }),
  )
})

t.test('numbers and strings come through byte for byte', async (t) => {
  t.equal(minified('[ 1.0 , 1e+400, -0 , 12345678901234567890 ]'), '[1.0,1e+400,-0,12345678901234567890]')
  t.equal(minified('{ "a b" : " \\" \\\\" , "é" : "\u2028 x" }'), '{"a b":" \\" \\\\","é":"\u2028 x"}')
})

t.test('lines of JSON remain lines, and what is no JSON keeps its words apart', async (t) => {
  t.equal(minified('{ "a": 1 }\n{ "a": 2 }\n'), '{"a":1}\n{"a":2}\n')
  t.equal(minified(' 1 2\n3 '), ' 1 2\n3 ')
  t.equal(minified('[1 2, true  false]'), '[1 2,true false]')
  t.equal(minified(']]] [ 1 ]'), ']]] [1]')
  t.equal(minified('["open  '), '["open  ')
})

t.test('only JSON in UTF-8 is touched', async (t) => {
  for (const type of ['application/json', 'Application/Problem+JSON; charset=utf-8', 'application/json; v=1']) {
    t.ok(isJson(type), type)
  }
  for (const type of [
    'application/x-ndjson',
    'text/json',
    'application/json; charset=utf-16',
    'application/json-seq',
  ]) {
    t.notOk(isJson(type), type)
  }
})
