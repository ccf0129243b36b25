/**
 * Keys whose answers turned out not to be shareable (hit-for-miss, as Varnish says), or whose origin failed: for a while,
 * nobody waits for them. Bounded; the oldest is forgotten first.
 */

const MAX_KEYS = 10_000
const REMEMBER_MS = 10_000

export class Passes {
  readonly #until = new Map<string, number>()

  add(key: string, nowMs: number): void {
    this.#until.delete(key)
    this.#until.set(key, nowMs + REMEMBER_MS)
    if (this.#until.size <= MAX_KEYS) return
    const oldest = this.#until.keys().next()
    if (oldest.done !== true) this.#until.delete(oldest.value)
  }

  get isEmpty(): boolean {
    return this.#until.size === 0
  }

  has(key: string, nowMs: number): boolean {
    if (this.#until.size === 0) return false
    const until = this.#until.get(key)
    if (until === undefined) return false
    if (until > nowMs) return true
    this.#until.delete(key)
    return false
  }

  delete(key: string): void {
    this.#until.delete(key)
  }
}
