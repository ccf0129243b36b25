/** Errors that nothing caught: logged, counted, survived; a storm of them is not. */
import type { EventEmitter } from 'node:events'
import t from 'tap'
import { VirtualClock } from '../../test/harness/clock.ts'
import { type LogFields, silentLog } from '../core/log.ts'
import { Registry } from '../telemetry/registry.ts'
import { catchUnhandled, unhandledErrors } from './unhandled.ts'

const emitter: EventEmitter = process

function catching(test: { teardown(task: () => void): unknown }) {
  // The test runner listens, too, and would take these for failures of the test.
  const others = ['uncaughtException', 'unhandledRejection'].map((event) => {
    const listeners = emitter.rawListeners(event) as (() => void)[]
    emitter.removeAllListeners(event)
    return { event, listeners }
  })
  const lines: LogFields[] = []
  const clock = new VirtualClock()
  const metrics = new Registry()
  const log = { ...silentLog, error: (fields: LogFields) => lines.push(fields) }
  const storms: number[] = []
  const release = catchUnhandled({ log, metrics, clock, storm: () => storms.push(clock.now()) })
  test.teardown(() => {
    release()
    for (const { event, listeners } of others) for (const each of listeners) emitter.on(event, each)
  })
  const count = (kind: string) => metrics.counter(unhandledErrors, { kind }).value
  const fail = () => emitter.emit('uncaughtException', new Error('boom'))
  return { lines, clock, storms, count, fail }
}

t.test('an exception and a rejection are logged with their stacks and counted', async (t) => {
  const { lines, count, fail, storms } = catching(t)
  fail()
  emitter.emit('unhandledRejection', 'not even an error')
  t.equal(count('exception'), 1)
  t.equal(count('rejection'), 1)
  t.match(lines[0], { kind: 'exception', error: /Error: boom\n\s+at / })
  t.match(lines[1], { kind: 'rejection', error: 'not even an error' })
  t.same(storms, [])
})

t.test('a hundred within a minute are a storm, reported once', async (t) => {
  const { fail, storms } = catching(t)
  for (let i = 0; i < 250; i++) fail()
  t.equal(storms.length, 1)
})

t.test('a hundred over hours are not', async (t) => {
  const { fail, storms, clock } = catching(t)
  for (let i = 0; i < 250; i++) {
    fail()
    clock.advance(1_000)
  }
  t.same(storms, [])
})
