/**
 * Whether an endpoint may be used, as far as that is known: what checks and requests have shown, and what an operator
 * has asked for. Lives as long as its upstream has the endpoint, whatever else is configured anew.
 */

export class Condition {
  /** As the active checks see it; true where there are none. */
  isHealthy = true
  /** A check has had an outcome, or there are none. */
  isProven = true
  /** Who checks it, where somebody does. */
  checker: object | undefined = undefined
  /** Clock time until which it is left alone for its failures. */
  ejectedUntil = 0
  /** An operator has asked for no more requests. */
  isDrained = false
  /** The weight that an operator has set, in place of the configured one. */
  weight: number | undefined = undefined
  /** Clock time since which it has been in use: where slow start begins. */
  since: number
  readonly #watchers = new Set<() => void>()

  constructor(nowMs: number) {
    this.since = nowMs
  }

  /** Calls `watcher` after each change. Returns how to stop that. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Tells the watchers. To be called after fields were set. */
  changed(): void {
    for (const watcher of this.#watchers) watcher()
  }
}
