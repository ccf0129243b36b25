/**
 * A short queue before a backend that has enough to do: important requests first; within a class each key (a client) in
 * its turn, so that one cannot starve the others; within a key the oldest first, and the newest first once the queue has
 * been standing for a while. Whoever waited long then has likely given up, and answering the newest keeps the latency of
 * what is answered low (Facebook's adaptive LIFO, "Fail at Scale", 2015).
 *
 * When it is full, the longest queue of the least important class gives way: its oldest request.
 */

export interface Waiting {
  readonly key: string
  /** 0 is the most important. */
  readonly priority: number
}

interface Line<T> {
  readonly key: string
  readonly items: T[]
}

export class FairQueue<T extends Waiting> {
  readonly #classes: Map<string, Line<T>>[]
  readonly #standingMs: number
  readonly #patient: number
  #length = 0
  /** When it was last seen empty. */
  #emptyAt = Number.NEGATIVE_INFINITY

  /**
   * @param classes how many there are
   * @param standingMs a queue that has not been empty for so long stands
   * @param patient so many classes, the most important ones, keep the order in which they came whatever happens
   */
  constructor(classes: number, standingMs: number, patient = 0) {
    this.#patient = patient
    this.#classes = Array.from({ length: classes }, () => new Map())
    this.#standingMs = standingMs
  }

  get length(): number {
    return this.#length
  }

  /** Whether it has not been empty for long: more comes than can be done. */
  isStanding(nowMs: number): boolean {
    return this.#length > 0 && nowMs - this.#emptyAt > this.#standingMs
  }

  add(item: T, nowMs: number): void {
    if (this.#length === 0) this.#emptyAt = nowMs
    const lines = this.#classes[item.priority] as Map<string, Line<T>>
    const line = lines.get(item.key)
    if (line === undefined) lines.set(item.key, { key: item.key, items: [item] })
    else line.items.push(item)
    this.#length++
  }

  /** Takes out whoever is next. */
  next(nowMs: number): T | undefined {
    return this.nextOf(this.#classes.length - 1, nowMs)
  }

  /** Takes out whoever is next among those of at least that importance. */
  nextOf(priority: number, nowMs: number): T | undefined {
    for (let i = 0; i <= priority; i++) {
      const lines = this.#classes[i] as Map<string, Line<T>>
      const first = lines.values().next().value
      if (first === undefined) continue
      // Behind the others of its class: each key in its turn.
      lines.delete(first.key)
      const item = i >= this.#patient && this.isStanding(nowMs) ? first.items.pop() : first.items.shift()
      if (first.items.length > 0) lines.set(first.key, first)
      this.#length--
      return item
    }
    return undefined
  }

  /** Takes this one out, wherever it is. False when it is not there. */
  remove(item: T): boolean {
    const lines = this.#classes[item.priority] as Map<string, Line<T>>
    const line = lines.get(item.key)
    const index = line?.items.indexOf(item) ?? -1
    if (line === undefined || index < 0) return false
    line.items.splice(index, 1)
    if (line.items.length === 0) lines.delete(line.key)
    this.#length--
    return true
  }

  /** Takes out who has to give way to a request of that priority: undefined when nobody less or as important waits. */
  giveWay(priority: number): T | undefined {
    for (let i = this.#classes.length - 1; i >= priority; i--) {
      let longest: Line<T> | undefined
      for (const line of (this.#classes[i] as Map<string, Line<T>>).values()) {
        if (longest === undefined || line.items.length > longest.items.length) longest = line
      }
      const item = longest?.items[0]
      if (item === undefined) continue
      this.remove(item)
      return item
    }
    return undefined
  }
}
