/**
 * A gateway that lives from a file: reads it, runs the data plane and the admin listener, follows changes of the file,
 * and ends in an orderly way. What `gateway run` starts, and what embedders get from index.ts.
 */

import type { ReloadReport } from './admin/api.ts'
import { AdminServer } from './admin/server.ts'
import { changedPaths } from './config/diff.ts'
import { type PositionedProblem, renderProblems } from './config/problems.ts'
import { redacted } from './config/redact.ts'
import { watchFiles } from './config/watch.ts'
import { type GatewayConfig, load } from './configuration.ts'
import { type Clock, type Random, systemClock } from './core/clock.ts'
import { type Log, silentLog } from './core/log.ts'
import { Gateway } from './gateway.ts'
import type { Registry } from './telemetry/registry.ts'
import { ReloadMetrics } from './telemetry/reload.ts'

export interface ServiceOptions {
  readonly file: string
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly clock?: Clock
  readonly random?: Random
  readonly log?: Log
  readonly registry?: Registry
  /** Whether changes of the file are followed; default: yes. */
  readonly watch?: boolean
}

/** The file has problems; they are all in `problems`, and rendered in the message. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly problems: readonly PositionedProblem[]

  constructor(problems: readonly PositionedProblem[]) {
    super(renderProblems(problems))
    this.problems = problems
  }
}

export class Service {
  readonly gateway: Gateway
  readonly #options: ServiceOptions
  readonly #environment: Readonly<Record<string, string | undefined>>
  readonly #log: Log
  readonly #reloads: ReloadMetrics
  #raw: unknown
  #files: readonly string[]
  #admin: AdminServer | undefined = undefined
  #stopWatching: () => void = () => {}
  #isDraining = false
  #reloading: Promise<ReloadReport> | undefined = undefined

  private constructor(gateway: Gateway, options: ServiceOptions, raw: unknown, files: readonly string[]) {
    this.gateway = gateway
    this.#options = options
    this.#environment = options.environment ?? {}
    this.#log = gateway.log
    this.#reloads = new ReloadMetrics(gateway.registry, gateway.clock)
    this.#raw = raw
    this.#files = files
  }

  /**
   * @throws ConfigurationError when the file is not right
   * @throws when an address cannot be bound
   */
  static async start(options: ServiceOptions): Promise<Service> {
    const { config, problems, files, raw } = await load(options.file, options.environment ?? {})
    if (config === undefined) throw new ConfigurationError(problems)
    const log = options.log ?? silentLog
    for (const problem of problems) log.warn({ problem: renderProblems([problem]) }, 'the configuration has a warning')
    const gateway = await Gateway.start({ ...options, config, log })
    const service = new Service(gateway, options, raw, files)
    try {
      await service.#followAdmin(config)
    } catch (error) {
      await service.close()
      throw error
    }
    service.#reloads.applied()
    if (options.watch !== false) service.#watch()
    return service
  }

  /** Where the proxy listens, with the ports that the system chose. */
  get addresses(): string[] {
    return this.gateway.addresses
  }

  get adminAddress(): string | undefined {
    return this.#admin?.address
  }

  /** Reads the file again. A bad one changes nothing. Calls while one is under way share a further one. */
  async reload(): Promise<ReloadReport> {
    await this.#reloading
    this.#reloading ??= this.#reloadOnce().finally(() => {
      this.#reloading = undefined
    })
    return this.#reloading
  }

  /** Turns away new requests, lets those in flight finish for `graceMs`, then ends everything. */
  async drain(graceMs: number): Promise<void> {
    this.#isDraining = true
    this.#stopWatching()
    await this.gateway.drain(graceMs)
    await this.close()
  }

  /** Ends everything at once. */
  async close(): Promise<void> {
    this.#isDraining = true
    this.#stopWatching()
    await Promise.all([this.gateway.close(), this.#admin?.close()])
    this.#admin = undefined
  }

  async #reloadOnce(): Promise<ReloadReport> {
    const { config, problems, files, raw } = await load(this.#options.file, this.#environment)
    this.#files = files
    if (config === undefined) return this.#rejected(problems.map((problem) => renderProblems([problem])))
    const changes = changedPaths(this.#raw, raw)
    try {
      await this.gateway.apply(config)
      await this.#followAdmin(config)
    } catch (error) {
      return this.#rejected([error instanceof Error ? error.message : String(error)])
    }
    this.#raw = raw
    this.#reloads.applied()
    this.#log.info({ changes }, 'the configuration was reloaded')
    return { result: 'applied', problems: problems.map((problem) => renderProblems([problem])) }
  }

  #rejected(problems: readonly string[]): ReloadReport {
    this.#reloads.rejected()
    this.#log.error({ problems }, 'the configuration was not reloaded; the one before stays in force')
    return { result: 'rejected', problems }
  }

  /** Brings the admin listener in line: another token at once, another address as another server. */
  async #followAdmin({ admin }: GatewayConfig): Promise<void> {
    const running = this.#admin
    if (admin === false) {
      this.#admin = undefined
      await running?.close()
      return
    }
    if (running !== undefined && this.#adminAddress === admin.address) {
      running.setToken(admin.token)
      return
    }
    this.#admin = await AdminServer.start(admin, this.#view(), this.#log)
    this.#adminAddress = admin.address
    await running?.close()
  }

  /** As configured; the running server's own address has the real port. */
  #adminAddress = ''

  #view() {
    return {
      notReady: () => (this.#isDraining ? 'draining' : this.gateway.isReady ? undefined : 'starting'),
      metrics: async () => ({ type: this.gateway.registry.contentType, text: await this.gateway.registry.text() }),
      config: () => redacted(this.#raw),
      routes: () => this.gateway.routes(),
      upstreams: () => this.gateway.upstreams(),
      reload: () => this.reload(),
    }
  }

  #watch(): void {
    const watcher = watchFiles({
      files: () => this.#files,
      clock: this.gateway.clock,
      onChange: () => {
        this.reload().catch((error: unknown) => {
          this.#log.error({ error: String(error) }, 'reloading failed')
        })
      },
    })
    this.#stopWatching = () => watcher.stop()
  }
}
