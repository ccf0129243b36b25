import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { type AnswerCase, answerCases } from './answers.ts'
import { BareUpstream, type NotingReader, RawBackend, type RawConnection } from './bare-upstream.ts'

interface Outcome {
  readonly reader: NotingReader
  /** The connection that the case was played on. */
  readonly played: RawConnection | undefined
  readonly next: NotingReader
  /** The connection that served the request after it. */
  readonly nextOn: number
}

/** In one piece, or a byte at a time, which a parser might read differently. */
const pieces = { whole: Number.POSITIVE_INFINITY, 'byte by byte': 1 }
/** Longer ones are about limits, not about where they are split. */
const SPLIT_BYTES = 1000

async function send(connection: RawConnection, bytes: string, size: number): Promise<void> {
  if (bytes.length <= size || bytes.length > SPLIT_BYTES) {
    connection.write(bytes)
    return
  }
  for (let i = 0; i < bytes.length && !connection.isClosed; i += size) {
    connection.write(bytes.slice(i, i + size))
    await turn()
  }
}

/** Plays the case whose number is in the path; any other request gets an answer that names its connection. */
async function stage(cases: readonly AnswerCase[], size: number) {
  const playedOn = new Map<number, RawConnection>()
  const backend = await new RawBackend(async (connection) => {
    for (;;) {
      const request = await connection.take()
      const [, number] = /^\w+ \/case\/(\d+)/.exec(request) ?? []
      if (number === undefined) {
        const body = `fresh ${connection.number}`
        connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
        continue
      }
      const played = cases[Number(number)] as AnswerCase
      playedOn.set(Number(number), connection)
      await send(connection, played.bytes, size)
      if (played.ending === 'FIN') connection.socket.end()
      if (played.ending === 'RST') setTimeout(() => connection.socket.resetAndDestroy(), 10)
    }
  }).listen()
  const timeouts = { connect: '5s', response: '3s', idle: '3s' }
  const bare = new BareUpstream([backend.url], { timeouts, retry: false })
  const play = async (number: number): Promise<Outcome> => {
    const { method } = cases[number] as AnswerCase
    const reader = await bare.get({ method, path: `/case/${number}` })
    await turn()
    const next = await bare.get({ path: '/next' })
    return { reader, played: playedOn.get(number), next, nextOn: Number(next.body.split(' ')[1]) }
  }
  const close = async () => {
    bare.close()
    await backend.close()
  }
  return { play, close, bare }
}

t.test('there are a few hundred cases, each with its own name', async (t) => {
  t.ok(answerCases.length >= 300, `${answerCases.length} cases`)
  const names = answerCases.map((each) => each.name)
  t.equal(new Set(names).size, names.length)
})

for (const [how, size] of Object.entries(pieces)) {
  t.test(`malformed answers become a 502 or a visible truncation, sent ${how}`, async (t) => {
    const cases = answerCases.filter((each) => each.expected === 'bad')
    const { play, close, bare } = await stage(cases, size)
    t.teardown(close)
    for (const [number, { name }] of cases.entries()) {
      const { reader, played, next, nextOn } = await play(number)
      t.equal(reader.isEnded, false, `${name}: is not complete`)
      t.match(
        reader.failure?.code,
        /^(bad_response|truncated|connection_closed|kept_closed)$/,
        `${name}: is the backend’s fault`,
      )
      t.match(next.body, /^fresh \d+$/, `${name}: the next request gets its own answer`)
      t.not(nextOn, played?.number, `${name}: the next request has another connection`)
    }
    bare.origin.check({ finished: true })
  })

  t.test(`odd answers that are right are read in one way, sent ${how}`, async (t) => {
    const cases = answerCases.filter((each) => each.expected === 'ok')
    const { play, close, bare } = await stage(cases, size)
    t.teardown(close)
    for (const [number, { name, status, body, headers }] of cases.entries()) {
      const { reader, next } = await play(number)
      t.equal(reader.failure, undefined, `${name}: is complete`)
      t.equal(reader.isEnded, true, `${name}: ends`)
      t.equal(reader.response?.status, status, `${name}: status`)
      t.equal(reader.body, body, `${name}: content`)
      if (headers !== undefined) t.same(reader.response?.headers, headers, `${name}: fields`)
      t.match(next.body, /^fresh \d+$/, `${name}: the next request gets its own answer`)
    }
    bare.origin.check({ finished: true })
  })
}
