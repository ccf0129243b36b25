import t from 'tap'
import { type ErrorCode, errorTable, GatewayError } from './errors.ts'
import { joinedValue } from './headers.ts'
import { problem } from './reply.ts'

const text = (body: Uint8Array | undefined) => Buffer.from(body ?? []).toString()

t.test('a failure is told as problem+json with its code and the request id (RFC 9457)', async (t) => {
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    const reply = problem(new GatewayError(code, 'secret 10.1.2.3'), 'id-1', [])
    t.equal(reply.status, errorTable[code].status)
    t.equal(joinedValue(reply.headers, 'content-type'), 'application/problem+json')
    t.equal(joinedValue(reply.headers, 'cache-control'), 'no-store')
    t.equal(joinedValue(reply.headers, 'x-request-id'), 'id-1')
    t.strictSame(JSON.parse(text(reply.body)), {
      type: `urn:latency-gateway:error:${code}`,
      title: errorTable[code].title,
      status: errorTable[code].status,
      code,
      request_id: 'id-1',
    })
  }
})

t.test('nothing of the inside is told, in either form', async (t) => {
  const error = new GatewayError('internal', 'ENOENT /etc/secret at 10.1.2.3:8080')
  for (const accept of ['*/*', 'text/plain']) {
    const reply = problem(error, 'id-1', ['Accept', accept])
    t.notMatch(text(reply.body) + reply.headers.join(), /ENOENT|secret|10\.1|\.ts|at /)
  }
})

t.test('extra fields of the error are sent', async (t) => {
  const reply = problem(new GatewayError('method_refused', '', ['Allow', 'GET']), 'id-1', [])
  t.equal(joinedValue(reply.headers, 'allow'), 'GET')
})

const json = 'application/problem+json'
const plain = 'text/plain; charset=utf-8'
const negotiated: [accept: string[], type: string][] = [
  [[], json],
  [['*/*'], json],
  [[''], json],
  [['application/json'], json],
  [['text/plain'], plain],
  [['TEXT/Plain'], plain],
  [['text/*'], plain],
  [['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'], plain],
  [['text/plain, application/json'], json],
  [['text/plain;q=0.5, application/json;q=0.4'], plain],
  [['text/plain;q=0.4, application/problem+json;q=0.5'], json],
  [['text/plain;q=0.1, */*;q=0.5'], json],
  [['text/plain, */*;q=0.5'], plain],
  [['*/*, application/json;q=0, text/plain;q=0.1'], plain],
  [['text/plain;q=0'], json],
  [['text/plain; format=flowed ; q=1'], plain],
  [['text/plain;q=nonsense'], json],
  [['image/png'], json],
  [['application/json;q=0.1', 'text/plain'], plain],
  [[',,;;q=,text'], json],
]

for (const [lines, type] of negotiated) {
  t.test(`Accept: ${lines.join(' | ')} gets ${type}`, async (t) => {
    const reply = problem(
      new GatewayError('no_route'),
      'id-1',
      lines.flatMap((line) => ['accept', line]),
    )
    t.equal(joinedValue(reply.headers, 'content-type'), type)
    if (type === plain) t.equal(text(reply.body), '404 No such route\nrequest id: id-1\n')
  })
}
