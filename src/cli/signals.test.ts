/** What signals mean, on a virtual clock. */
import t from 'tap'
import { VirtualClock } from '../../test/harness/clock.ts'
import { listenToSignals } from './signals.ts'

function listening(test: { teardown(task: () => void): unknown }) {
  const seen: string[] = []
  const clock = new VirtualClock()
  const stop = listenToSignals(
    {
      stop: (signal) => seen.push(`stop ${signal}`),
      stopNow: (signal) => seen.push(`now ${signal}`),
      reload: () => seen.push('reload'),
      reopenLogs: () => seen.push('reopen'),
    },
    clock,
  )
  test.teardown(stop)
  return { seen, clock, stop }
}

t.test('SIGHUP reloads and SIGUSR2 reopens logs, as often as they come', async (t) => {
  const { seen } = listening(t)
  for (const signal of ['SIGHUP', 'SIGUSR2', 'SIGHUP'] as const) process.emit(signal)
  t.same(seen, ['reload', 'reopen', 'reload'])
})

t.test('a second SIGTERM stops at once', async (t) => {
  const { seen } = listening(t)
  process.emit('SIGTERM')
  process.emit('SIGTERM')
  t.same(seen, ['stop SIGTERM', 'now SIGTERM'])
})

t.test('one Ctrl-C that arrives twice is one, a later one stops at once', async (t) => {
  const { seen, clock } = listening(t)
  process.emit('SIGINT')
  clock.advance(50)
  process.emit('SIGINT')
  t.same(seen, ['stop SIGINT'])
  clock.advance(1000)
  process.emit('SIGINT')
  t.same(seen, ['stop SIGINT', 'now SIGINT'])
})

t.test('SIGTERM after Ctrl-C stops at once', async (t) => {
  const { seen } = listening(t)
  process.emit('SIGINT')
  process.emit('SIGTERM')
  t.same(seen, ['stop SIGINT', 'now SIGTERM'])
})

t.test('nothing is heard any more afterwards', async (t) => {
  const before = process.listenerCount('SIGUSR2')
  const { stop } = listening(t)
  t.equal(process.listenerCount('SIGUSR2'), before + 1)
  stop()
  t.equal(process.listenerCount('SIGUSR2'), before)
})
