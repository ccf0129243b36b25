/** Shared state as a gateway has it, with a log that can be awaited. */
import { systemClock, systemRandom } from '../../src/core/clock.ts'
import type { Log } from '../../src/core/log.ts'
import { SharedStateError } from '../../src/core/shared-state.ts'
import { Wheel } from '../../src/core/wheel.ts'
import { commandCount, redisUp } from '../../src/redis/metrics.ts'
import { RedisState } from '../../src/redis/redis.ts'
import { type RedisConfig, redisSchema } from '../../src/redis/schema.ts'
import { Registry } from '../../src/telemetry/registry.ts'

export class Connection {
  readonly lines: string[] = []
  readonly metrics = new Registry()
  readonly state: RedisState
  readonly #wheel = new Wheel(systemClock)
  readonly #waiting = new Set<() => void>()

  constructor(written: object) {
    const note = (_: unknown, message: string) => {
      this.lines.push(message)
      for (const check of this.#waiting) check()
    }
    const log: Log = { debug: note, info: note, warn: note, error: note }
    const config = redisSchema.parse(written) as RedisConfig
    const deps = { clock: systemClock, random: systemRandom, wheel: this.#wheel, log, metrics: this.metrics }
    this.state = new RedisState(config, deps)
  }

  /** Resolves once the log's `nth` line is this. */
  async logged(message: RegExp, nth = 1): Promise<void> {
    const has = () => this.lines.filter((line) => message.test(line)).length >= nth
    if (has()) return
    await new Promise<void>((resolve) => {
      const check = () => {
        if (!has()) return
        this.#waiting.delete(check)
        resolve()
      }
      this.#waiting.add(check)
    })
  }

  count(command: string, outcome: string): number {
    return this.metrics.counter(commandCount, { command, outcome }).value
  }

  get up(): number {
    return this.metrics.gauge(redisUp, {}).value
  }

  close(): void {
    this.state.close()
    this.#wheel.stop()
  }
}

/** `answered`, or why a command was not. */
export async function reasonOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'answered',
    (error: unknown) => (error instanceof SharedStateError ? error.reason : `unexpected ${error}`),
  )
}
