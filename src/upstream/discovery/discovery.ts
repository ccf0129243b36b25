/** How a set of endpoints is found that may change while the gateway runs. */
import type { EndpointConfig } from '../schema.ts'

export interface Discovery {
  /** What was found last; undefined before anything was. */
  readonly current: readonly EndpointConfig[] | undefined
  /** Calls `listener` with each new set. Returns how to stop that. */
  subscribe(listener: (found: readonly EndpointConfig[]) => void): () => void
  /** Resolves when the first look-up has ended, well or not. */
  readonly ready: Promise<void>
}
