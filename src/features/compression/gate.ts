/**
 * Bounds how many pieces of compression work are on Node's thread pool at once, so that files and names can still be
 * read there and the event loop keeps its core. A piece is at most PIECE_BYTES of one body: large bodies take turns.
 */

/** Half a millisecond to a whole one of work at the usual levels; smaller ones would be mostly coming and going. */
export const PIECE_BYTES = 128 * 1024

export class Gate {
  readonly limit: number
  /** Memory of the coders that are open. */
  openBytes = 0
  #running = 0
  readonly #waiting: (() => void)[] = []
  #first = 0

  constructor(limit: number) {
    this.limit = limit
  }

  get waiting(): number {
    return this.#waiting.length - this.#first
  }

  get running(): number {
    return this.#running
  }

  /** Runs `task` when there is room; it calls `leave` once when its work is done. */
  enter(task: () => void): void {
    if (this.#running < this.limit) {
      this.#running++
      task()
    } else {
      this.#waiting.push(task)
    }
  }

  leave(): void {
    const next = this.#waiting[this.#first]
    if (next === undefined) {
      this.#running--
      return
    }
    this.#first++
    if (this.#first > 1024 && this.#first * 2 > this.#waiting.length) {
      this.#waiting.splice(0, this.#first)
      this.#first = 0
    }
    next()
  }
}
