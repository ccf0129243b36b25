/**
 * Errors that nothing caught. One request's fault must not end everybody else's, so they are logged with their stack,
 * counted, and the process goes on: the exchange that lost its thread is ended by its own deadlines. When they come in
 * a storm the fault is not one request's: the gateway drains and exits with 1, for its supervisor to start it anew.
 */
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { MetricSpec, Metrics } from '../core/metrics.ts'

export const unhandledErrors: MetricSpec = {
  name: 'gateway_unhandled_errors_total',
  help: 'Errors that nothing caught: faults of the gateway. The log has their stacks.',
  type: 'counter',
  labels: ['kind'],
}

const STORM_ERRORS = 100
const STORM_WINDOW_MS = 60_000

export interface UnhandledOptions {
  readonly log: Log
  readonly metrics: Metrics
  readonly clock: Clock
  /** Called once, when errors come in a storm. */
  storm(): void
}

/** Takes them until the returned function is called. */
export function catchUnhandled(options: UnhandledOptions): () => void {
  const { log, metrics, clock } = options
  const recent: number[] = []
  let isStorming = false
  const take = (kind: 'exception' | 'rejection', thrown: unknown) => {
    metrics.counter(unhandledErrors, { kind }).value++
    const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
    log.error({ kind, error: stack }, 'an error that nothing caught')
    const now = clock.now()
    recent.push(now)
    if (recent.length > STORM_ERRORS) recent.shift()
    if (isStorming || recent.length < STORM_ERRORS || now - (recent[0] as number) > STORM_WINDOW_MS) return
    isStorming = true
    log.error({ errors: STORM_ERRORS, within_s: STORM_WINDOW_MS / 1000 }, 'too many of them: draining, then exiting')
    options.storm()
  }
  const onException = (error: unknown) => take('exception', error)
  const onRejection = (reason: unknown) => take('rejection', reason)
  process.on('uncaughtException', onException)
  process.on('unhandledRejection', onRejection)
  return () => {
    process.removeListener('uncaughtException', onException)
    process.removeListener('unhandledRejection', onRejection)
  }
}
