/**
 * What signals mean to a running gateway: SIGTERM and SIGINT drain, a second one ends at once, SIGHUP reads the
 * configuration again, SIGUSR2 reopens log files.
 */
import type { Clock } from '../core/clock.ts'

export type StopSignal = 'SIGINT' | 'SIGTERM'

export interface SignalHandlers {
  stop(signal: StopSignal): void
  /** A second signal while it stops. */
  stopNow(signal: StopSignal): void
  reload(): void
  reopenLogs(): void
}

/**
 * A terminal sends Ctrl-C to every process in front of it, and npm passes it on once more: the same signal again
 * within this time is the same key press.
 */
const SAME_KEY_PRESS_MS = 300

/** Listens until the returned function is called. */
export function listenToSignals(handlers: SignalHandlers, clock: Clock): () => void {
  let stoppedAt: number | undefined
  const stop = (signal: StopSignal) => {
    if (stoppedAt === undefined) {
      stoppedAt = clock.now()
      handlers.stop(signal)
    } else if (signal !== 'SIGINT' || clock.now() - stoppedAt > SAME_KEY_PRESS_MS) {
      handlers.stopNow(signal)
    }
  }
  const actions: readonly (readonly [NodeJS.Signals, () => void])[] = [
    ['SIGINT', () => stop('SIGINT')],
    ['SIGTERM', () => stop('SIGTERM')],
    ['SIGHUP', () => handlers.reload()],
    ['SIGUSR2', () => handlers.reopenLogs()],
  ]
  for (const [signal, action] of actions) process.on(signal, action)
  return () => {
    for (const [signal, action] of actions) process.removeListener(signal, action)
  }
}
