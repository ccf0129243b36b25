import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { rig, TestBody, until } from '../../test/hardening/bare-upstream.ts'
import { VirtualClock } from '../../test/harness/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { WAIT } from '../core/exchange.ts'

t.test('the answer’s head', async (t) => {
  const clock = new VirtualClock()
  const { bare, backend } = await rig(t, async (connection) => void (await connection.take('never')), { clock })
  const { reader, x } = bare.fetch()
  await until(() => backend.connections[0]?.received.endsWith('\r\n\r\n') === true)
  clock.advance(14_000)
  t.equal(reader.failure, undefined)
  clock.advance(1_100)
  t.equal(reader.failure?.code, 'response_timeout')
  t.ok((x.spans[WAIT] as number) >= 15_000, 'the time counts as waiting for the backend, not as our own')
  await until(() => backend.connections[0]?.isClosed === true)
})

t.test('an upload takes as long as it moves, and a slow client is not the backend’s fault', async (t) => {
  const clock = new VirtualClock()
  const { bare, backend } = await rig(t, async (connection) => void (await connection.take('never')), { clock })
  const body = new TestBody(undefined)
  const { reader } = bare.fetch({ method: 'POST', body })
  await until(() => body.stream !== undefined)
  for (let i = 0; i < 5; i++) {
    body.feed(`part ${i}`)
    await until(() => backend.connections[0]?.received.includes(`part ${i}`) === true)
    clock.advance(40_000)
    t.equal(reader.failure, undefined)
  }
  body.stream?.push(null)
  await until(() => backend.connections[0]?.received.endsWith('0\r\n\r\n') === true)
  await turn()
  clock.advance(14_000)
  t.equal(reader.failure, undefined)
  clock.advance(16_100)
  t.equal(reader.failure?.code, 'response_timeout')
})

t.test('a stalled answer, but not while its reader has paused', async (t) => {
  const clock = new VirtualClock()
  const { bare } = await rig(
    t,
    async (connection) => {
      await connection.take()
      connection.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')
    },
    { clock },
  )
  const { reader } = bare.fetch()
  await until(() => reader.body === 'half')
  reader.source?.pause()
  clock.advance(120_000)
  t.equal(reader.failure, undefined)
  reader.source?.resume()
  clock.advance(29_000)
  t.equal(reader.failure, undefined)
  clock.advance(1_100)
  t.equal(reader.failure?.code, 'idle_timeout')
})

t.test('0s is no limit', async (t) => {
  const clock = new VirtualClock()
  const timeouts = { connect: '0s', response: '0s', idle: '0s' }
  const { bare, backend } = await rig(t, async (connection) => void (await connection.take('never')), {
    clock,
    timeouts,
  })
  const { reader, cancel } = bare.fetch()
  await until(() => backend.connections[0]?.received.endsWith('\r\n\r\n') === true)
  clock.advance(86_400_000)
  t.equal(reader.failure, undefined)
  cancel(new GatewayError('client_gone'))
})
