/** `gateway run`: the gateway in the foreground, until a signal ends it. */
import type { GatewayConfig } from '../configuration.ts'
import { systemClock } from '../core/clock.ts'
import type { LogsConfig } from '../features/access-log/index.ts'
import { createLog, type LogLevel, type ProcessLog } from '../telemetry/log.ts'
import type { Context } from './context.ts'
import { EXIT_BY_SIGNAL, EXIT_FAILURE } from './failure.ts'
import { loadForUse } from './loading.ts'
import { Service, type ServiceOptions } from './service.ts'
import { listenToSignals, type SignalHandlers, type StopSignal } from './signals.ts'
import { catchUnhandled } from './unhandled.ts'

export interface RunOptions {
  readonly config: string
  readonly grace: number
}

export async function run(options: RunOptions, context: Context): Promise<number> {
  const loaded = await loadForUse(options.config, context)
  const { environment, version } = context
  return serve({ file: options.config, environment, version, loaded, clock: systemClock }, options.grace)
}

/**
 * Serves until a signal ends it, then gives requests in flight `graceMs`. Ends the process itself when a second signal
 * comes. Returns the exit code.
 * @param started called once it listens
 */
export async function serve(
  options: Omit<ServiceOptions, 'log'>,
  graceMs: number,
  started: (service: Service) => void = () => {},
): Promise<number> {
  const { clock } = options
  const log = createLog({ destination: STDOUT, ...logSettings(options.loaded.config) })
  const starting = Service.start({
    ...options,
    log,
    applied: (config) => log.setLevel(logSettings(config).level),
  })
  const stopped = Promise.withResolvers<number>()
  // Heard from the first moment: a signal that nobody listens to would end the process.
  const deafen = listenToSignals(handlers(starting, stopped, log, graceMs), clock)
  const service = await starting.catch((error: unknown) => {
    deafen()
    throw error
  })
  const release = catchUnhandled({
    log,
    metrics: service.registry,
    clock,
    storm: () => drain(service, 'storm', stopped, log, graceMs),
  })
  started(service)
  const exitCode = await stopped.promise
  release()
  deafen()
  log.info({}, 'stopped')
  log.flush()
  return exitCode
}

function handlers(
  starting: Promise<Service>,
  stopped: PromiseWithResolvers<number>,
  log: ProcessLog,
  graceMs: number,
): SignalHandlers {
  const once = (act: (service: Service) => void) => void starting.then(act, () => {})
  return {
    stop: (signal) => once((service) => drain(service, signal, stopped, log, graceMs)),
    stopNow: (signal) => once((service) => exitNow(EXIT_BY_SIGNAL[signal], service, log)),
    reload: () => once((service) => void service.reload()),
    reopenLogs: () => once((service) => service.reopenLogs()),
  }
}

function drain(
  service: Service,
  why: StopSignal | 'storm',
  stopped: PromiseWithResolvers<number>,
  log: ProcessLog,
  graceMs: number,
): void {
  log.info({ signal: why, grace_ms: graceMs }, 'draining')
  service.drain(graceMs).then(
    () => stopped.resolve(why === 'storm' ? EXIT_FAILURE : 0),
    (error: unknown) => {
      log.error({ error: String(error) }, 'draining failed')
      stopped.resolve(EXIT_FAILURE)
    },
  )
}

function exitNow(exitCode: number, service: Service, log: ProcessLog): never {
  log.warn({}, 'stopped before requests in flight were finished')
  service.flushLogs()
  log.flush()
  process.exit(exitCode)
}

function logSettings(config: GatewayConfig): { level: LogLevel; redact: readonly string[] } {
  const { level, redact } = config.top.logs as LogsConfig
  return { level, redact }
}

const STDOUT = 1
