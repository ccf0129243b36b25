/**
 * State that instances share, in Redis or a kin of it: what stores see of the connection. Implemented by src/redis;
 * absent where no `redis:` is configured. It is never on the path of a request that can do without: commands end
 * within a short timeout, and at once while the connection is known to be down.
 */

/** A command that had no answer: whoever asked goes on without. */
export class SharedStateError extends Error {
  override readonly name = 'SharedStateError'
  /** down: not connected, or given up on for now; timeout: no answer in time; refused: an error answer (out of memory, wrong type). */
  readonly reason: 'down' | 'timeout' | 'refused'

  constructor(reason: 'down' | 'timeout' | 'refused', detail: string) {
    super(`${reason}: ${detail}`)
    this.reason = reason
  }
}

export interface Script {
  /** For errors and metrics. */
  readonly name: string
  readonly lua: string
}

export type CommandArgument = string | number | Uint8Array

/** What a subscriber hears. */
export interface ChannelListener {
  message(payload: Buffer): void
  /** Messages may be missed from now on. */
  lost(): void
  /** Messages arrive again; what came in between was missed. */
  regained(): void
}

export interface SharedState {
  /** Whether commands have a chance now. */
  readonly isUp: boolean
  /** Tells this connection from others: for what is built upon it and outlives reloads. */
  readonly identity: string
  /** Whether messages of a channel may go missing without `lost` being called. */
  readonly hasSilentLoss: boolean
  /** Begins every key and channel that is handed in: `gw:`. Callers prepend it themselves. */
  readonly prefix: string
  /**
   * One command; strings in answers are Buffers.
   * @throws SharedStateError (rejects)
   */
  call(command: string, ...args: readonly CommandArgument[]): Promise<unknown>
  /**
   * One Lua script, by its digest where the server has it. All keys must lie in one slot of a cluster.
   * @throws SharedStateError (rejects)
   */
  run(script: Script, keys: readonly string[], args: readonly CommandArgument[]): Promise<unknown>
  publish(channel: string, payload: Uint8Array): Promise<void>
  /** Returns how to stop. `lost` is called at once when there is no connection yet. */
  subscribe(channel: string, listener: ChannelListener): () => void
}
