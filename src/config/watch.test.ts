import { mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../core/clock.ts'
import { fingerprintNow } from './fingerprint.ts'
import { watchFiles } from './watch.ts'

/** A watched file, and how to wait for its next change. */
function watched(
  t: Test,
  prepare: (folder: string, file: string) => void = (_folder, file) => writeFileSync(file, 'one'),
) {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-watch-'))
  const file = join(folder, 'gateway.yaml')
  prepare(folder, file)
  let changes = 0
  let changed = () => {}
  let known = fingerprintNow([file])
  const watcher = watchFiles({
    files: () => [file],
    known: () => known,
    clock: systemClock,
    onChange: (fingerprint) => {
      known = fingerprint
      changes++
      changed()
    },
  })
  // The watcher's own timers never keep a process alive.
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => {
    clearInterval(alive)
    watcher.stop()
    rmSync(folder, { recursive: true })
  })
  const change = (act: () => void) =>
    new Promise<void>((resolve) => {
      changed = resolve
      act()
    })
  return { folder, file, change, count: () => changes }
}

t.test('a file that is written, replaced, or deleted and made anew is noticed each time', async (t) => {
  const { folder, file, change } = watched(t)
  await change(() => writeFileSync(file, 'two'))
  await change(() => {
    writeFileSync(join(folder, 'new'), 'three')
    renameSync(join(folder, 'new'), file)
  })
  await change(() => unlinkSync(file))
  await change(() => writeFileSync(file, 'four'))
  t.pass('all were')
})

t.test('a file behind a link that is swapped is noticed, as Kubernetes does it', async (t) => {
  const { folder, change } = watched(t, (folder, file) => {
    writeFileSync(join(folder, 'v1'), 'one')
    writeFileSync(join(folder, 'v2'), 'two')
    symlinkSync('v1', join(folder, '..data'))
    symlinkSync('..data', file)
  })
  await change(() => {
    symlinkSync('v2', join(folder, '..data_tmp'))
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
  })
  t.pass('it was')
})

t.test('touching a file without changing it is no change', async (t) => {
  const { file, change, count } = watched(t)
  utimesSync(file, new Date(), new Date())
  writeFileSync(file, 'one')
  await change(() => writeFileSync(file, 'two'))
  t.equal(count(), 1)
})
