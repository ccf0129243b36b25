/** Whoever sees a 502 finds in the log which rule it was, with its value; faults of framing are not broken connections. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Behaviour, exactly, reply } from '../harness/origin.ts'
import { type Scenario, scenario } from '../harness/scenario.ts'

async function logged(
  s: Scenario,
  behaviour: Behaviour,
  upstream: object = {},
  request: object = {},
  route: object = {},
) {
  const origin = await s.origin(behaviour)
  const path = join(await s.folder(), 'access.log')
  const gw = await s.gateway({
    logs: { access: { file: path } },
    upstreams: { u: { endpoints: [origin.url], outlier_ejection: false, ...upstream } },
    routes: [{ upstream: 'u', ...route }],
  })
  const answer = await gw.get('/', request)
  await gw.close()
  const line = JSON.parse((await readFile(path, 'utf8')).trim().split('\n').at(-1) ?? '{}')
  return {
    status: answer.status,
    code: line.error,
    detail: String(line.error_detail),
    requests: origin.requests.length,
  }
}

const large = (bytes: number) => reply(200, { 'X-Large': 'x'.repeat(bytes) }, 'ok')

scenario('a header section above the limit is named with the limit and its key; the limit can be set', async (s, t) => {
  const over = await logged(s, large(70_000))
  t.match(over, { status: 502, code: 'bad_response', detail: /larger than 65536 bytes.*pool\.response_header_size/ })
  t.equal((await logged(s, large(70_000), { pool: { response_header_size: '128KiB' } })).status, 200)
  const tight = await logged(s, large(5000), { pool: { response_header_size: '4KiB' } })
  t.match(tight, { status: 502, detail: /larger than 4096 bytes/ })
})

scenario('it is the same for the requests that another client sends', async (s, t) => {
  for (const [size, bytes, expected] of [
    ['64KiB', 20_000, 200],
    ['8KiB', 20_000, 502],
  ] as const) {
    const origin = await s.origin(large(bytes))
    const gw = await s.gateway({
      upstreams: { u: { endpoints: [origin.url], pool: { response_header_size: size } } },
      routes: [{ upstream: 'u' }],
    })
    const client = await gw.client()
    client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n')
    client.send('2\r\nab\r\n0\r\nX-Sum: 1\r\n\r\n')
    t.equal((await client.answer('POST')).status, expected, size)
  }
})

const lengths = {
  'a length beside chunks': 'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  'chunks beside a length': 'Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  'two lengths that differ': 'Content-Length: 2\r\nContent-Length: 3\r\n\r\nokx',
  'two lengths that agree': 'Content-Length: 2\r\nContent-Length: 2\r\n\r\nok',
  'a list of lengths': 'Content-Length: 5, 5\r\n\r\nokokx',
  'a length of 20 digits': 'Content-Length: 99999999999999999999\r\n\r\nok',
  'a negative length': 'Content-Length: -1\r\n\r\nok',
}

for (const [title, rest] of Object.entries(lengths)) {
  scenario(`${title}: a bad response, which reset does not have sent again`, async (s, t) => {
    const found = await logged(
      s,
      exactly(`HTTP/1.1 200 OK\r\n${rest}`),
      {},
      {},
      { retry: { on: ['connect', 'reset'] } },
    )
    t.match(found, { status: 502, code: 'bad_response', requests: 1 })
  })
}

scenario('a connection that closes in the middle of a header section is a closed connection still', async (s, t) => {
  for (const head of ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-', 'HTTP/1.1 200 OK\r\nX-']) {
    const found = await logged(s, (_request, answer) => answer.send(head).end())
    t.match(found, { status: 502, code: 'connection_closed' }, head)
  }
})
