/**
 * The gateway's own log, by pino: one JSON object a line, to a file descriptor. Written in the background and never
 * waited for: a destination that is slow loses lines, one that fails is tried again with the next line, and neither
 * ever reaches the data path.
 */
import { type LoggerOptions, pino } from 'pino'
import sonicBoom from 'sonic-boom'
import { type Clock, systemClock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

export interface LogOptions {
  readonly level: LogLevel
  /** A file descriptor; 1 is standard output, 2 standard error. */
  readonly destination: number
  /** Names of fields, one level down too, whose values are not written. */
  readonly redact?: readonly string[]
  readonly clock?: Clock
}

export interface ProcessLog extends Log {
  /** Lines lost because the destination was slow or failed. */
  readonly droppedLines: number
  setLevel(level: LogLevel): void
  /**
   * Writes what is buffered: for the moment before the process exits. A line that another thread is writing just then
   * is finished by it, also during the exit.
   */
  flush(): void
}

/** Lines that may wait for a slow destination. */
const MAX_WAITING_BYTES = 1024 * 1024
/** How often a destination that takes nothing is tried in `flush`, 100 ms apart, before its lines are given up. */
const FLUSH_RETRIES = 5

export function createLog(options: LogOptions): ProcessLog {
  let droppedLines = 0
  /** Infinite while the loop runs: then a retry waits in the background. */
  let retriesLeft = Number.POSITIVE_INFINITY
  const sink = new sonicBoom.SonicBoom({
    dest: options.destination,
    sync: false,
    minLength: 0,
    maxLength: MAX_WAITING_BYTES,
    retryEAGAIN: () => retriesLeft-- > 0,
  })
  // Nobody can be told: the log is where one would. The line stays buffered and is tried again with the next one.
  sink.on('error', () => {})
  sink.on('drop', () => droppedLines++)
  const logger = pino(pinoOptions(options), sink)
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    get droppedLines() {
      return droppedLines
    },
    setLevel(level) {
      logger.level = level
    },
    flush() {
      retriesLeft = FLUSH_RETRIES
      try {
        sink.flushSync()
      } catch {
        // It fails, or takes nothing: these lines are lost.
      }
      retriesLeft = Number.POSITIVE_INFINITY
    },
  }
}

function pinoOptions(options: LogOptions): LoggerOptions {
  const clock = options.clock ?? systemClock
  const names = options.redact ?? []
  return {
    level: options.level,
    base: null,
    timestamp: () => `,"time":"${new Date(clock.wall()).toISOString()}"`,
    formatters: { level: (level) => ({ level }) },
    redact: {
      paths: names.flatMap((name) => [`["${name}"]`, `*["${name}"]`]),
      censor: '[redacted]',
    },
  }
}
