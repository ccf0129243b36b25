import t from 'tap'
import { AnswerReader } from './answer-reader.ts'

/** What a reader makes of an answer that arrives in pieces: after which piece it is complete. */
function read(pieces: readonly string[]): { completeAfter: number | undefined; reader: AnswerReader } {
  const reader = new AnswerReader()
  const at = pieces.findIndex((piece) => reader.read(Buffer.from(piece, 'latin1')))
  return { completeAfter: at < 0 ? undefined : at, reader }
}

const complete = {
  'by its length': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'with an empty body': 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n',
  'without a body': 'HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n',
  'by its last chunk': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'by its last chunk, with trailers':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\n\r\n',
  'after an interim one': 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx',
}

for (const [how, answer] of Object.entries(complete)) {
  t.test(`an answer is complete ${how}, however it is cut`, async (t) => {
    t.equal(read([answer]).completeAfter, 0)
    t.equal(read([...answer]).completeAfter, answer.length - 1)
    const { reader } = read([answer])
    t.equal(reader.status, Number(/ ([2-5]\d\d) /.exec(answer)?.[1]))
    t.equal(reader.keepsAlive, true)
  })
}

t.test('an answer without framing ends with its connection', async (t) => {
  const { completeAfter, reader } = read(['HTTP/1.1 200 OK\r\n\r\n', 'some', 'thing'])
  t.equal(completeAfter, undefined)
  t.equal(reader.keepsAlive, false)
  t.equal(reader.close(), true)
})

t.test('a closed connection does not complete what was announced', async (t) => {
  const { completeAfter, reader } = read(['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal'])
  t.equal(completeAfter, undefined)
  t.equal(reader.close(), false)
  t.equal(reader.hasBegun, true)
})

t.test('a connection is not used again when the server says so', async (t) => {
  t.equal(read(['HTTP/1.1 503 x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n']).reader.keepsAlive, false)
  t.equal(read(['HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n']).reader.keepsAlive, false)
})

t.test('a reader is ready for the next answer once it is reset', async (t) => {
  const { reader } = read([complete['by its length']])
  reader.reset()
  t.equal(reader.hasBegun, false)
  t.equal(reader.read(Buffer.from(complete['with an empty body'])), true)
  t.equal(reader.status, 503)
})
