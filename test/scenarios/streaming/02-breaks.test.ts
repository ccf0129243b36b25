import { type Answering, exactly, reply } from '../../harness/origin.ts'
import { scenario } from '../../harness/scenario.ts'
import { eventually } from '../../harness/wire.ts'

const lengthHead = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n'
const chunkedHead = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

for (const how of ['end', 'reset'] as const) {
  for (const [framing, bytes] of [
    ['a length', `${lengthHead}half`],
    ['chunks', `${chunkedHead}4\r\nhalf\r\n`],
    ['a chunk cut short', `${chunkedHead}8\r\nhalf`],
  ] as const) {
    scenario(`an answer with ${framing} that breaks off by ${how} is never shown as complete`, async (s, t) => {
      let broken: Answering | undefined
      const origin = await s.origin((_request, answer) => {
        broken = answer.send(bytes)
      })
      const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
      const client = await gw.client()
      const answer = await client.request().answer()
      await answer.body.next()
      broken?.[how]()
      await answer.body.rest()
      t.equal(answer.text, 'half')
      t.equal(answer.isComplete, false)
      await client.closed()
    })
  }
}

scenario(
  'an answer without a length is whole when the backend closes regularly, and broken by a reset',
  async (s, t) => {
    let last: Answering | undefined
    const origin = await s.origin((_request, answer) => {
      last = answer.send('HTTP/1.1 200 OK\r\n\r\nall')
    })
    const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
    for (const [how, isComplete] of [
      ['end', true],
      ['reset', false],
    ] as const) {
      const client = await gw.client()
      const answer = await client.request().answer()
      await answer.body.next()
      last?.[how]()
      await answer.body.rest()
      t.strictSame([answer.text, answer.isComplete], ['all', isComplete], how)
    }
  },
)

scenario('a client that goes away has its request cancelled at the backend', async (s, t) => {
  for (const begins of [false, true]) {
    let closed: Promise<void> | undefined
    const origin = await s.origin((_request, answer) => {
      closed = answer.closed()
      if (begins) answer.send(`${chunkedHead}1\r\nx\r\n`)
    })
    const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
    const client = await gw.client()
    client.request()
    await origin.saw(1)
    if (begins) await (await client.answer()).body.next()
    client.reset()
    await closed
    t.pass(begins ? 'in the middle of an answer' : 'while it waits')
  }
})

scenario('an upload that breaks off never looks complete to the backend', async (s, t) => {
  for (const head of ['Content-Length: 10\r\n\r\nhalf', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n']) {
    const origin = await s.origin(reply())
    const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
    const client = await gw.client()
    client.send(`POST / HTTP/1.1\r\nHost: a\r\n${head}`)
    const request = await origin.saw(1)
    await eventually('the first part at the backend', () => request.body.text === 'half')
    client.reset()
    await eventually('the end of the upload', () => origin.open === 0)
    t.equal(request.body.isComplete, false)
  }
})

scenario('a connection whose request was not sent to its end is not used again', async (s, t) => {
  const origin = await s.origin(
    (_request, answer) => answer.send('HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno'),
    reply(),
  )
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  const client = await gw.client()
  client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf')
  t.match(await client.whole(), { status: 401, text: 'no' })
  t.equal((await gw.get('/')).status, 200)
  t.equal(origin.requests.at(-1)?.raw.startsWith('GET / HTTP/1.1\r\n'), true)
  t.equal(origin.requests.at(-1)?.connection, 2)
})

scenario('a slow reader slows the backend down, and gets every byte', async (s, t) => {
  const part = Buffer.alloc(64 * 1024, 'x')
  const parts = 640
  let sent = 0
  const origin = await s.origin(async (_request, answer) => {
    answer.send(`HTTP/1.1 200 OK\r\nContent-Length: ${part.length * parts}\r\n\r\n`)
    for (; sent < parts && !answer.socket.destroyed; sent++) {
      if (!answer.socket.write(part)) await new Promise((resolve) => answer.socket.once('drain', resolve))
    }
  })
  const gw = await s.gateway({ routes: [{ upstream: origin.url }] })
  const client = await gw.client()
  const answer = await client.request().answer()
  client.incoming.pause()
  let before = -1
  await eventually('the backend to be held up', async () => {
    const isHeld = sent === before
    before = sent
    await new Promise((resolve) => setTimeout(resolve, 100))
    return isHeld
  })
  t.ok(sent < parts, `held up after ${sent} of ${parts} parts`)
  client.incoming.resume()
  let received = 0
  for (let piece = await answer.body.next(); piece !== undefined; piece = await answer.body.next()) {
    received += piece.length
    answer.body.chunks.length = 0
  }
  t.equal(received, part.length * parts)
})

scenario('what is no HTTP answer becomes 502, and its connection is not used again', async (s, t) => {
  const origin = await s.origin(exactly('SSH-2.0-OpenSSH\r\n\r\n'), reply(200, {}, 'fine'))
  const gw = await s.gateway({ routes: [{ upstream: origin.url, retry: false }] })
  const answer = await gw.get('/')
  t.equal(answer.status, 502)
  t.equal(answer.problem.code, 'bad_response')
  t.equal((await gw.get('/')).text, 'fine')
  t.equal(origin.connections, 2)
})
