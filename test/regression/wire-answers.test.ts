/** Answers that are rare and right reach the client byte for byte. */
import { exactly } from '../harness/origin.ts'
import { scenario } from '../harness/scenario.ts'

const handshake = ['Upgrade', 'websocket', 'Connection', 'Upgrade', 'Sec-WebSocket-Version', '13']
const key = ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ==']
const accepted = 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n'
const latin1 = (text: string) => Buffer.from(text, 'latin1')

for (const [what, answer] of [
  ['a handshake', `HTTP/1.1 101 \xfcber\r\n${accepted}X-Up: \xe5\r\nSet-Cookie: a=\xe5\r\n\r\n`],
  ['a refused upgrade', 'HTTP/1.1 401 \xfcber\r\nX-Up: \xe5\r\nSet-Cookie: a=\xe5\r\nContent-Length: 2\r\n\r\nno'],
] as const) {
  scenario(`bytes above 0x7f in the head of ${what} reach the client as they are`, async (s, t) => {
    const origin = await s.origin(exactly(latin1(answer)))
    const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
    const client = await gw.client()
    client.request({ headers: [...handshake, ...key] })
    const head = await client.head()
    t.match(head.startLine, what === 'a handshake' ? /101 Switching Protocols$/ : /\xfcber$/)
    t.ok(head.lines.includes('X-Up: \xe5'))
    t.ok(head.lines.includes('Set-Cookie: a=\xe5'))
  })
}

scenario('bytes above 0x7f in reason phrases reach the client as they are', async (s, t) => {
  const origin = await s.origin(exactly(latin1('HTTP/1.1 200 \xfcber\r\nX-Up: \xe5\r\nContent-Length: 0\r\n\r\n')))
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  for (const [method, target] of [
    ['GET', '/'],
    ['OPTIONS', '*'],
  ] as const) {
    const client = await gw.client()
    client.request({ method, target })
    const head = await client.head()
    t.match(head.startLine, /\xfcber$/, method)
    t.ok(head.lines.includes('X-Up: \xe5'), method)
  }
})

for (const status of [600, 650, 799, 999]) {
  scenario(`a status beyond 599 passes as it is: ${status}`, async (s, t) => {
    const origin = await s.origin(exactly(`HTTP/1.1 ${status} Odd\r\nContent-Length: 2\r\n\r\nok`))
    const gw = await s.gateway({ routes: [{ name: 'r', upstream: origin.url, cache: true, compression: true }] })
    const answer = await gw.get('/')
    t.strictSame([answer.status, answer.text], [status, 'ok'])
    t.equal(
      await gw.metric('gateway_request_duration_seconds_count', { route: 'r', method: 'GET', status_class: 'other' }),
      1,
    )
  })
}
