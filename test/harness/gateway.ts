/** The whole data plane in this process, from a configuration as an operator writes it, on ports of its own. */
import { parse } from 'yaml'
import { checkConfiguration, type GatewayConfig, rootSchema } from '../../src/configuration.ts'
import type { Clock, Random } from '../../src/core/clock.ts'
import type { Log } from '../../src/core/log.ts'
import { Gateway } from '../../src/gateway.ts'
import { fetchRaw, type RawAnswer, RawClient, type RequestParts } from './client.ts'

/** YAML, or what YAML would give. */
export type WrittenConfig = string | Readonly<Record<string, unknown>>

export interface GatewayOptions {
  readonly clock?: Clock
  readonly random?: Random
}

export interface LogLine {
  readonly level: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

/**
 * Listens on a free port, without an admin listener and an access log unless the test asks for them. Nor does it refuse
 * requests because the machine is busy with other tests, unless the test is about that.
 */
export function testConfig(written: WrittenConfig): GatewayConfig {
  const given = typeof written === 'string' ? parse(written) : written
  const config = rootSchema.parse({
    listeners: [{ address: '127.0.0.1:0' }],
    admin: false,
    logs: { access: false },
    overload: { event_loop_delay: '1m' },
    ...given,
  })
  const errors = checkConfiguration(config).filter((problem) => problem.severity !== 'warning')
  if (errors.length > 0) throw new Error(errors.map((e) => `${e.path.join('.')} ${e.message}`).join('\n'))
  return config
}

export class TestGateway {
  readonly gateway: Gateway
  readonly lines: LogLine[]
  readonly #clients: RawClient[] = []

  private constructor(gateway: Gateway, lines: LogLine[]) {
    this.gateway = gateway
    this.lines = lines
  }

  static async start(written: WrittenConfig, options: GatewayOptions = {}): Promise<TestGateway> {
    const lines: LogLine[] = []
    const at = (level: string) => (fields: LogLine['fields'], message: string) => {
      lines.push({ level, fields, message })
    }
    const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
    return new TestGateway(await Gateway.start({ config: testConfig(written), log, ...options }), lines)
  }

  get address(): string {
    return this.gateway.addresses[0] as string
  }

  get port(): number {
    return Number(this.address.slice(this.address.lastIndexOf(':') + 1))
  }

  /** One request on a connection of its own. */
  fetch(parts: RequestParts): Promise<RawAnswer> {
    return fetchRaw(this.address, parts)
  }

  get(target = '/', parts: RequestParts = {}): Promise<RawAnswer> {
    return this.fetch({ target, ...parts })
  }

  /** A connection to send requests on, closed with the gateway. */
  async client(): Promise<RawClient> {
    const client = await RawClient.connect(this.address)
    this.#clients.push(client)
    return client
  }

  apply(written: WrittenConfig): Promise<void> {
    return this.gateway.apply(testConfig(written))
  }

  /** The value of the first series of a metric whose labels hold all of `labels`; undefined when there is none. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number | undefined> {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
    const text = await this.gateway.registry.text()
    const line = text
      .split('\n')
      .find((line) => /^\w+/.exec(line)?.[0] === name && wanted.every((pair) => line.includes(pair)))
    return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1))
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()))
    await this.gateway.close()
  }
}
