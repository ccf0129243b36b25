/**
 * Shared state in Redis: three connections, so that neither a large value nor a subscription holds up a small command.
 * None of them is ever waited for beyond a short timeout, and none of their failures reaches a request as more than
 * "go on without".
 */
import { createHash } from 'node:crypto'
import type { Random } from '../core/clock.ts'
import type { ChannelListener, CommandArgument, Script, SharedState } from '../core/shared-state.ts'
import { SharedStateError } from '../core/shared-state.ts'
import { Channels } from './channels.ts'
import { openClient } from './client.ts'
import { Health } from './health.ts'
import { Line, type LineDeps } from './line.ts'
import type { RedisConfig } from './schema.ts'

/** Commands whose values may be large. */
const valueCommands: ReadonlySet<string> = new Set(['GET', 'SET', 'MGET', 'GETRANGE', 'HGET', 'HMGET', 'HSET'])
/** What a large value may take beyond the timeout of a command: 16 MB/s, a tenth of a slow data centre's link. */
const BYTES_PER_MS = 16_000
/** Beyond, what a script is given goes over the connection for values. */
const LARGE_BYTES = 16_384

export interface RedisDeps extends Omit<LineDeps, 'health'> {
  readonly random: Random
}

export class RedisState implements SharedState {
  readonly identity: string
  readonly prefix: string
  readonly hasSilentLoss: boolean
  readonly #timeoutMs: number
  readonly #commands: Line
  readonly #values: Line
  readonly #channels: Channels
  readonly #digests = new Map<string, string>()

  /** @throws when a file that the configuration names cannot be read */
  constructor(config: RedisConfig, deps: RedisDeps) {
    this.identity = createHash('sha256').update(JSON.stringify(config)).digest('base64url')
    this.prefix = config.prefix
    // ioredis moves its subscriptions from one server of a cluster to another by itself, and says nothing.
    this.hasSilentLoss = config.cluster !== undefined
    this.#timeoutMs = config.timeouts.command
    const health = new Health(deps, ['commands', 'values', 'channels'])
    const open = () => openClient(config, deps.random)
    this.#commands = new Line('commands', open(), { ...deps, health })
    this.#values = new Line('values', open(), { ...deps, health })
    this.#channels = new Channels('channels', open(), { clock: deps.clock, health })
  }

  get isUp(): boolean {
    return this.#commands.isUp && this.#values.isUp
  }

  call(command: string, ...args: readonly CommandArgument[]): Promise<unknown> {
    const name = command.toUpperCase()
    if (!valueCommands.has(name)) return this.#commands.call(name.toLowerCase(), name, args, this.#timeoutMs)
    return this.#values.call(name.toLowerCase(), name, args, this.#timeoutMs + bytesOf(args) / BYTES_PER_MS)
  }

  async run(script: Script, keys: readonly string[], args: readonly CommandArgument[]): Promise<unknown> {
    const rest = [keys.length, ...keys, ...args]
    const bytes = bytesOf(args)
    const line = bytes > LARGE_BYTES ? this.#values : this.#commands
    const timeoutMs = this.#timeoutMs + bytes / BYTES_PER_MS
    try {
      return await line.call(script.name, 'EVALSHA', [this.#digest(script), ...rest], timeoutMs)
    } catch (error) {
      if (!(error instanceof SharedStateError) || !error.message.includes('NOSCRIPT')) throw error
    }
    return line.call(script.name, 'EVAL', [script.lua, ...rest], timeoutMs)
  }

  async publish(channel: string, payload: Uint8Array): Promise<void> {
    await this.#commands.call('publish', 'PUBLISH', [channel, payload], this.#timeoutMs)
  }

  subscribe(channel: string, listener: ChannelListener): () => void {
    return this.#channels.subscribe(channel, listener)
  }

  close(): void {
    this.#commands.close()
    this.#values.close()
    this.#channels.close()
  }

  #digest({ lua }: Script): string {
    let digest = this.#digests.get(lua)
    if (digest === undefined) {
      digest = createHash('sha1').update(lua).digest('hex')
      this.#digests.set(lua, digest)
    }
    return digest
  }
}

function bytesOf(args: readonly CommandArgument[]): number {
  let bytes = 0
  for (const argument of args) if (typeof argument === 'object') bytes += argument.byteLength
  return bytes
}
