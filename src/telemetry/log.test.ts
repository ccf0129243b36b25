import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { VirtualClock } from '../../test/harness/clock.ts'
import { createLog, type LogLevel, type LogOptions, type ProcessLog } from './log.ts'

interface Written {
  readonly log: ProcessLog
  /** The lines in the file, once there are that many. */
  lines(count: number): Promise<Record<string, unknown>[]>
}

function logged(t: Test, options: Partial<LogOptions> = {}): Written {
  const path = join(t.testdir(), 'gateway.log')
  const fd = openSync(path, 'a')
  t.teardown(() => closeSync(fd))
  const log = createLog({ level: 'info', destination: fd, clock: new VirtualClock(), ...options })
  return {
    log,
    async lines(count) {
      log.flush()
      // A line that was being written when the flush came is written by another thread.
      const read = () => readFileSync(path, 'utf8').split('\n').slice(0, -1)
      while (read().length < count) await new Promise((resolve) => setImmediate(resolve))
      return read().map((line) => JSON.parse(line) as Record<string, unknown>)
    },
  }
}

t.test('a line is one JSON object with level, time, fields and message', async (t) => {
  const { log, lines } = logged(t)
  log.warn({ endpoint: 'http://a', failures: 3 }, 'an endpoint fails\nagain')
  t.same(await lines(1), [
    {
      level: 'warn',
      time: '2026-01-01T00:00:00.000Z',
      endpoint: 'http://a',
      failures: 3,
      msg: 'an endpoint fails\nagain',
    },
  ])
})

t.test('lines below the level are not written, and the level can be changed', async (t) => {
  const { log, lines } = logged(t)
  const all = (round: number) => {
    for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level]({ round }, level)
  }
  all(1)
  for (const [round, level] of (['error', 'debug'] as LogLevel[]).entries()) {
    log.setLevel(level)
    all(round + 2)
  }
  // Sorted: a flush may overtake the line that is being written.
  t.same((await lines(8)).map(({ round, msg }) => `${round} ${msg}`).sort(), [
    '1 error',
    '1 info',
    '1 warn',
    '2 error',
    '3 debug',
    '3 error',
    '3 info',
    '3 warn',
  ])
})

t.test('redacted names are not written, one level down either', async (t) => {
  const { log, lines } = logged(t, { redact: ['authorization', 'x-api-key'] })
  log.info({ authorization: 'secret', headers: { 'x-api-key': 'secret', accept: '*/*' } }, 'seen')
  t.match(await lines(1), [{ authorization: '[redacted]', headers: { 'x-api-key': '[redacted]', accept: '*/*' } }])
})

t.test('a destination that fails never throws, and loses lines only once its buffer is full', async (t) => {
  const readOnly = openSync(join(t.testdir({ 'a.log': '' }), 'a.log'), 'r')
  t.teardown(() => closeSync(readOnly))
  const log = createLog({ level: 'info', destination: readOnly })
  log.info({}, 'lost')
  log.flush()
  t.equal(log.droppedLines, 0)
  const text = 'x'.repeat(100_000)
  for (let i = 0; i < 12; i++) log.info({ text }, 'lost')
  t.ok(log.droppedLines >= 1 && log.droppedLines <= 3, `${log.droppedLines} dropped`)
  log.flush()
})
