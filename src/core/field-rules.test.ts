import t from 'tap'
import { fieldNameFault, fieldValueFault } from './field-rules.ts'

t.test('fields of framing and of one connection are out of reach', async (t) => {
  const names = ['Content-Length', 'transfer-encoding', 'Connection', 'Keep-Alive', 'TE', 'Trailer', 'Upgrade']
  for (const name of [...names, 'Proxy-Connection']) {
    t.type(fieldNameFault(name, 'request'), 'string', name)
    t.type(fieldNameFault(name, 'response'), 'string', name)
  }
  t.match(fieldNameFault('Host', 'request'), /rewrite/)
  t.equal(fieldNameFault('Host', 'response'), undefined)
  t.match(fieldNameFault('Expect', 'request'), /gateway/)
})

t.test('a name is a token', async (t) => {
  for (const name of ['', 'a b', 'a:', 'é', 'a\r\nb', 'a\0'])
    t.match(fieldNameFault(name, 'response'), /not a header name/)
  for (const name of ['X-A', 'x_a', '__proto__', 'constructor', "!#$%&'*+-.^_`|~1"]) {
    t.equal(fieldNameFault(name, 'response'), undefined, name)
  }
})

t.test('a value is one line of ASCII', async (t) => {
  for (const value of ['', 'a', 'a b', 'a\tb', '"quoted"']) t.equal(fieldValueFault(value), undefined)
  t.match(fieldValueFault('a\r\nX-Evil: 1'), /line break/)
  t.match(fieldValueFault('a\nb'), /line break/)
  t.match(fieldValueFault('a\0'), /NUL/)
  t.match(fieldValueFault('naïve'), /ASCII/)
  t.match(fieldValueFault('a\x7f'), /ASCII/)
  t.match(fieldValueFault(' a'), /space/)
})
