/**
 * A running gateway as a process: the data plane, its admin listener, its log, and the file they come from. Keeps the
 * last good configuration when a new one is wrong.
 */
import type { AdminView, ReloadReport } from '../admin/api.ts'
import type { AdminConfig } from '../admin/schema.ts'
import { AdminServer } from '../admin/server.ts'
import { renderProblems } from '../config/problems.ts'
import { redacted } from '../config/redact.ts'
import { settled, watchFiles } from '../config/watch.ts'
import type { GatewayConfig } from '../configuration.ts'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { Gateway } from '../gateway.ts'
import { readAgain, type Written, writtenIn, writtenOf } from '../reading.ts'
import { measureNode } from '../telemetry/node.ts'
import { Registry } from '../telemetry/registry.ts'
import { ReloadMetrics } from '../telemetry/reload.ts'
import { youngCollector } from './collect.ts'
import { systemFailure } from './failure.ts'
import type { Usable } from './loading.ts'

export interface ServiceOptions {
  readonly file: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Already read from `file`, and without errors. */
  readonly loaded: Usable
  readonly log: Log
  readonly clock: Clock
  readonly version: string
  /** Changes every configuration before it is used: how the demo moves its ports. */
  readonly adapt?: (config: GatewayConfig) => GatewayConfig
  /** Called with each configuration that came into force. */
  readonly applied?: (config: GatewayConfig) => void
}

export class Service {
  readonly registry = new Registry()
  readonly #options: ServiceOptions
  readonly #log: Log
  readonly #metrics: ReloadMetrics
  /** What is in force, as it was written. */
  #written: Written
  #files: readonly string[]
  /** The fingerprint of what was read last, also of what was refused: what the watcher compares with. */
  #known: string
  #gateway: Gateway | undefined
  #admin: AdminServer | undefined
  #adminConfig: AdminConfig | false = false
  #isDraining = false
  #reloading: Promise<unknown> = Promise.resolve()
  #stopWatching: () => void = () => {}
  readonly #stopMeasuring: () => void

  private constructor(options: ServiceOptions) {
    this.#options = options
    this.#log = options.log
    this.#written = writtenOf(options.loaded.raw)
    this.#files = options.loaded.files
    this.#known = options.loaded.fingerprint
    this.#metrics = new ReloadMetrics(this.registry, options.clock)
    this.#stopMeasuring = measureNode(this.registry, options.clock, options.version)
  }

  /** @throws Failure when an address cannot be bound; nothing is left open then */
  static async start(options: ServiceOptions): Promise<Service> {
    const service = new Service(options)
    try {
      await service.#start(service.#adapt(options.loaded.config))
    } catch (error) {
      await service.close()
      throw error
    }
    return service
  }

  /** Where requests are taken. */
  get addresses(): readonly string[] {
    return this.#gateway?.addresses ?? []
  }

  /** Where the admin listener is; undefined when it is off. */
  get adminAddress(): string | undefined {
    return this.#admin?.address
  }

  /** Reads the file again. One reload at a time; what is wrong changes nothing. */
  reload(): Promise<ReloadReport> {
    return this.#inTurn(() => this.#reload())
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const next = this.#reloading.then(act)
    this.#reloading = next
    return next
  }

  /** Turns readiness off, stops listening, and gives requests in flight `graceMs` to finish. */
  async drain(graceMs: number): Promise<void> {
    this.#isDraining = true
    this.#stopWatching()
    await this.#reloading
    await this.#gateway?.drain(graceMs)
    await this.close()
  }

  reopenLogs(): void {
    this.#gateway?.reopenLogs()
    this.#log.info({}, 'log files reopened')
  }

  /** Writes what logs still hold: for the moment before an exit. */
  flushLogs(): void {
    this.#gateway?.flushLogs()
  }

  async close(): Promise<void> {
    this.#isDraining = true
    this.#stopMeasuring()
    this.#stopWatching()
    await this.#gateway?.close()
    await this.#admin?.close()
    this.#admin = undefined
  }

  async #start(config: GatewayConfig): Promise<void> {
    const { clock } = this.#options
    this.#admin = await this.#startAdmin(config.admin)
    this.#adminConfig = config.admin
    try {
      this.#gateway = await Gateway.start({
        config,
        clock,
        log: this.#log,
        registry: this.registry,
        collectYoung: youngCollector(),
      })
    } catch (error) {
      throw systemFailure(error, addressOf(error) ?? 'the gateway could not start')
    }
    for (const address of this.addresses) this.#log.info({ address }, 'listening')
    this.#metrics.applied()
    this.#options.applied?.(config)
    this.#watch()
  }

  async #startAdmin(config: AdminConfig | false): Promise<AdminServer | undefined> {
    if (config === false) return undefined
    try {
      const admin = await AdminServer.start(config, this.#view(), this.#log)
      this.#log.info({ address: admin.address }, 'admin listening')
      return admin
    } catch (error) {
      throw systemFailure(error, `admin.address ${config.address}`)
    }
  }

  async #reload(): Promise<ReloadReport> {
    if (this.#isDraining) return { result: 'rejected', problems: ['the gateway is draining'] }
    const { file, environment } = this.#options
    try {
      await settled(() => this.#files, this.#options.clock)
      const loaded = await readAgain({ file, environment, before: this.#written }, this.#files)
      const problems = loaded.problems.map((problem) => renderProblems([problem]))
      // A file that includes another for the first time may be wrong because of that one: follow it from now on.
      this.#files = loaded.files
      this.#known = loaded.fingerprint
      if (loaded.config === undefined) return this.#rejected(problems)
      await this.#apply(this.#adapt(loaded.config))
      if (loaded.written !== undefined) this.#written = loaded.written
      this.#metrics.applied()
      for (const problem of problems) this.#log.warn({ problem }, 'configuration warning')
      this.#log.info({ file, changed: loaded.changed }, 'configuration applied')
      return { result: 'applied', problems }
    } catch (error) {
      return this.#rejected([error instanceof Error ? error.message : String(error)])
    }
  }

  /** Opens what is new before anything is given up, so that a failure leaves all as it was. */
  async #apply(config: GatewayConfig): Promise<void> {
    const hasMoved = addressIn(config.admin) !== addressIn(this.#adminConfig)
    const admin = hasMoved ? await this.#startAdmin(config.admin) : this.#admin
    try {
      await this.#gateway?.apply(config)
    } catch (error) {
      if (hasMoved) await admin?.close()
      throw systemFailure(error, addressOf(error) ?? 'the configuration could not be applied')
    }
    const previous = this.#admin
    this.#admin = admin
    this.#adminConfig = config.admin
    if (config.admin !== false) admin?.setToken(config.admin.token)
    if (hasMoved) previous?.retire()
    this.#options.applied?.(config)
  }

  #rejected(problems: readonly string[]): ReloadReport {
    this.#metrics.rejected()
    for (const problem of problems) this.#log.error({ problem }, 'configuration problem')
    this.#log.error(
      { file: this.#options.file, problems: problems.length },
      'the last good configuration stays in force',
    )
    return { result: 'rejected', problems }
  }

  #adapt(config: GatewayConfig): GatewayConfig {
    return this.#options.adapt?.(config) ?? config
  }

  #watch(): void {
    const watcher = watchFiles({
      files: () => this.#files,
      known: () => this.#known,
      clock: this.#options.clock,
      onChange: (fingerprint) => void this.#inTurn(() => this.#follow(fingerprint)),
    })
    this.#stopWatching = () => watcher.stop()
  }

  /** Reads what has changed, unless a reload that somebody asked for has read it meanwhile. */
  async #follow(fingerprint: string): Promise<void> {
    if (fingerprint !== this.#known) await this.#reload()
  }

  #view(): AdminView {
    return {
      notReady: () => (this.#isDraining ? 'draining' : this.#gateway?.isReady === true ? undefined : 'starting'),
      metrics: async () => ({ type: this.registry.contentType, text: await this.registry.text() }),
      config: () => redacted(writtenIn(this.#written)),
      routes: () => this.#gateway?.routes() ?? [],
      upstreams: () => this.#gateway?.upstreams() ?? [],
      changeEndpoint: (upstream, url, change) => this.#gateway?.changeEndpoint(upstream, url, change) ?? false,
      purge: async (wish) => (await this.#gateway?.purge(wish)) ?? 'the gateway is starting',
      reload: () => this.reload(),
    }
  }
}

function addressIn(config: AdminConfig | false): string | undefined {
  return config === false ? undefined : config.address
}

/** The address that a failed `listen` was about. */
function addressOf(error: unknown): string | undefined {
  const { address, port } = error as { address?: string; port?: number }
  if (address === undefined) return undefined
  return port === undefined || port === -1 ? address : `${address}:${port}`
}
