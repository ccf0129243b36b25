/** What the watcher believes, on a clock of its own: not a file that is still being written, and what was refused is known. */
import { appendFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fingerprintNow } from '../../src/config/fingerprint.ts'
import { settled, watchFiles } from '../../src/config/watch.ts'
import { VirtualClock } from '../harness/clock.ts'

/** How often a folder without events is looked at. */
const POLL_MS = 5_000

function watched(t: Test, text: string) {
  const file = join(t.testdir(), 'gateway.yaml')
  writeFileSync(file, text)
  const clock = new VirtualClock()
  const state = { known: fingerprintNow([file]), seen: 0 }
  const onChange = (fingerprint: string) => {
    state.seen++
    state.known = fingerprint
  }
  // No test below turns the event loop meanwhile, so no event arrives: only the poll finds out.
  const watcher = watchFiles({ files: () => [file], known: () => state.known, clock, onChange })
  t.teardown(() => watcher.stop())
  return { file, clock, state }
}

t.test('a file that grows between two looks is looked at again before it is believed', async (t) => {
  const { file, clock, state } = watched(t, 'one')
  writeFileSync(file, 'tw')
  clock.advance(POLL_MS)
  t.equal(state.seen, 0, 'it has only just been written')
  appendFileSync(file, 'o')
  clock.advance(100)
  t.equal(state.seen, 0, 'it has grown meanwhile')
  clock.advance(100)
  t.equal(state.seen, 1)
  t.equal(state.known, fingerprintNow([file]))
})

t.test('what was read and refused is known: the file in force, put back, is a change', async (t) => {
  const { file, clock, state } = watched(t, 'good')
  writeFileSync(file, 'broken')
  state.known = fingerprintNow([file])
  writeFileSync(file, 'good')
  clock.advance(POLL_MS)
  clock.advance(100)
  t.equal(state.seen, 1)
})

t.test('a reload waits until a file has been left alone, and not for ever', async (t) => {
  const file = join(t.testdir(), 'gateway.yaml')
  writeFileSync(file, 'one')
  const clock = new VirtualClock()
  const at = (agoMs: number) => utimesSync(file, (clock.wall() - agoMs) / 1000, (clock.wall() - agoMs) / 1000)
  at(100)
  await settled(() => [file], clock)
  t.equal(clock.timers, 0, 'an old file is read at once')
  at(10)
  let isOver = false
  const over = settled(() => [file], clock).then(() => {
    isOver = true
  })
  for (let steps = 0; !isOver; steps++) {
    t.ok(steps < 25)
    at(10)
    clock.advance(100)
    await new Promise(setImmediate)
  }
  await over
})
