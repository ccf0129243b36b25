/** One behaviour, told from the outside: origins, a gateway before them, a client. Everything is closed at the end. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { VirtualClock } from './clock.ts'
import { type GatewayOptions, TestGateway, type WrittenConfig } from './gateway.ts'
import { type Behaviour, ScriptedOrigin } from './origin.ts'

export class Scenario {
  /** Give it to a gateway to hold its time in hand. */
  readonly clock = new VirtualClock()
  readonly #closing: (() => Promise<void>)[] = []

  /** A backend that does this for its first request, its second, …, and the last of these from then on. */
  async origin(...behaviours: Behaviour[]): Promise<ScriptedOrigin> {
    const origin = await ScriptedOrigin.start(...behaviours)
    this.atEnd(() => origin.close())
    return origin
  }

  async gateway(config: WrittenConfig, options: GatewayOptions = {}): Promise<TestGateway> {
    const gateway = await TestGateway.start(config, options)
    this.atEnd(() => gateway.close())
    return gateway
  }

  /** An empty folder with a path short enough for unix sockets. */
  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'gw-'))
    this.atEnd(() => rm(folder, { recursive: true, force: true }))
    return folder
  }

  atEnd(close: () => Promise<void>): void {
    this.#closing.unshift(close)
  }

  async end(): Promise<void> {
    for (const close of this.#closing) await close()
  }
}

/** @param title what a user sees, as a sentence */
export function scenario(title: string, run: (s: Scenario, t: Test) => Promise<void>): void {
  t.test(title, async (t) => {
    const s = new Scenario()
    t.teardown(() => s.end())
    await run(s, t)
  })
}
