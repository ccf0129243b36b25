import t from 'tap'
import { type BareListener, bareListener } from './bare-listener.ts'
import { type RequestCase, requestCases } from './requests.ts'

interface Outcome {
  readonly entered: number
  readonly statuses: string[]
  readonly isClosed: boolean
}

/** The entry answers 200 when, and only when, it has seen the end of the content. */
async function run(bare: BareListener, test: RequestCase): Promise<Outcome> {
  const before = bare.seen.length
  const client = bare.client()
  client.send(test.bytes)
  if (test.expected === 'served') await client.until(/HTTP\/1\.1 [2-5]\d\d/)
  else await client.closed()
  const isClosed = client.isEnded || client.isClosed
  client.socket.destroy()
  const statuses = [...client.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => match[1] as string)
  return { entered: bare.seen.length - before, statuses, isClosed }
}

t.test('there are a few hundred cases, each with its own name', async (t) => {
  t.ok(requestCases.length >= 300, `${requestCases.length} cases`)
  const names = requestCases.map((test) => `${test.expected} ${test.name} ${test.bytes}`)
  t.equal(new Set(names).size, names.length)
})

for (const expected of ['refused', 'broken', 'served'] as const) {
  t.test(`malformed and ambiguous requests: ${expected}`, { timeout: 60_000 }, async (t) => {
    const bare = await bareListener()
    t.teardown(() => bare.close())
    for (const test of requestCases) {
      if (test.expected !== expected) continue
      const label = `${test.name} (${test.why})`
      const { entered, statuses, isClosed } = await run(bare, test)
      const final = statuses.filter((status) => !status.startsWith('1'))
      if (expected === 'served') {
        t.equal(entered, 1, label)
        t.same(final, ['200'], label)
      } else {
        t.ok(isClosed, label)
        // 501: a method by RFC 9110 §9.1 that nobody here knows.
        t.match(final, [/^(?:4\d\d|501)$/], label)
        t.equal(final.length, 1, label)
        if (expected === 'refused') t.equal(entered, 0, label)
      }
    }
  })
}
