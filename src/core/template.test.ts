import t from 'tap'
import { exchangeOf } from '../../test/harness/stage.ts'
import { captureNames, compileTemplate, templateFault } from './template.ts'

const x = exchangeOf({
  request: { host: 'example.com', path: '/a', query: '?q=1', method: 'PUT', scheme: 'https' },
  captures: ['id', '7'],
  client: '192.0.2.1',
})

function made(template: string): string {
  const text = compileTemplate(template)
  return typeof text === 'string' ? text : text(x)
}

t.test('placeholders stand for facts of the exchange', async (t) => {
  t.equal(
    made('{method} {scheme}://{host}{path}{query} for {client_ip}'),
    'PUT https://example.com/a?q=1 for 192.0.2.1',
  )
  t.equal(made('{request_id}/{route}/{id}'), 'id-1/test/7')
  t.equal(made('{id}'), '7')
  t.equal(made('a{unmatched}b'), 'ab')
})

t.test('text without placeholders stays text, braces and all', async (t) => {
  for (const text of ['', 'plain', '{"group":"default","max_age":60}', '{', '{}', '{1}', '{a b}', '}{']) {
    t.equal(compileTemplate(text), text)
  }
})

t.test('an unknown placeholder is named, with those that are known', async (t) => {
  t.equal(templateFault('{host}', ['host']), undefined)
  t.match(templateFault('a{hots}', ['host', 'id']), /\{hots\}: known here are \{host\} \{id\}/)
  t.match(templateFault('{constructor}', ['host']), /unknown/)
  t.equal(templateFault('{"a":1}', []), undefined)
})

t.test('a pattern’s captures are known from its text', async (t) => {
  t.same(captureNames('/users/{id}/{order}/**'), ['id', 'order'])
  t.same(captureNames('~^/(?<version>v\\d{1,2})/(?:x)(?<rest>.*)'), ['version', 'rest'])
  t.same(captureNames('/**'), [])
  t.same(captureNames(''), [])
})
