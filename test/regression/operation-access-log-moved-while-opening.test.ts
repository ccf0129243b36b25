/** A file that is moved away while the access log is still opening it, and the signal that says so. */
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { silentLog } from '../../src/core/log.ts'
import { AccessLogSink } from '../../src/features/access-log/sink.ts'
import { Registry } from '../../src/telemetry/registry.ts'
import { VirtualClock } from '../harness/clock.ts'

t.test('lines after the signal are in a new file', async (t) => {
  const path = join(t.testdir(), 'access.log')
  const clock = new VirtualClock()
  const sink = new AccessLogSink(path, { clock, log: silentLog, metrics: new Registry() })
  // Seen in the turn in which it came into being: whoever opened it still has to look at it.
  while (!existsSync(path)) await new Promise(setImmediate)
  renameSync(path, `${path}.1`)
  sink.reopen()
  sink.write('after\n')
  const isThere = () => [path, `${path}.1`].some((file) => existsSync(file) && readFileSync(file, 'utf8') !== '')
  while (!isThere()) {
    clock.advance(1000)
    await wait(2)
  }
  t.ok(existsSync(path), 'the file was opened again')
  t.equal(readFileSync(path, 'utf8'), 'after\n')
  t.equal(readFileSync(`${path}.1`, 'utf8'), '')
  sink.retire()
})
