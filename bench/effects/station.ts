/**
 * A backend of limited capacity: so many workers, each request the same time of one worker, and a queue without bound in
 * the order of arrival. With equal times the end of a request is known as it arrives: no timer adds to it.
 */
export class Station {
  readonly #workMs: number
  /** When each worker will have done all that is queued for it, soonest first. */
  readonly #freeAtMs: number[]

  constructor(workers: number, workMs: number) {
    this.#workMs = workMs
    this.#freeAtMs = new Array<number>(workers).fill(0)
  }

  /** When the work that arrives now will be done. */
  doneAtMs(nowMs: number): number {
    const freeAtMs = this.#freeAtMs.shift() ?? 0
    const doneMs = Math.max(nowMs, freeAtMs) + this.#workMs
    // Equal times: whoever begins last is done last.
    this.#freeAtMs.push(doneMs)
    return doneMs
  }
}
