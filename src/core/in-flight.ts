/**
 * What is under way, by name: for things that come with one request and go with it.
 *
 * A `Map` is a bad place for them. V8 gives it a new table whenever names that went fill the old one, and the old table
 * goes on referring to what was under way at that moment, and to the new table. As soon as one collection has found one
 * of these tables in the old generation, every later table, with all that was in it, counts as referred to from there and
 * is taken there too, until the next full collection begins the same anew. With the cache's fetches, that was 8 kB for
 * each miss, the objects of its request and its answer. So the table holds a box, and the box is emptied.
 */

interface Box<T> {
  value: T | undefined
}

export class InFlight<T, Name = string> {
  readonly #boxes = new Map<Name, Box<T>>()

  get(name: Name): T | undefined {
    return this.#boxes.get(name)?.value
  }

  /** Puts `value` there, in place of what was there before. */
  set(name: Name, value: T): void {
    const box = this.#boxes.get(name)
    if (box === undefined) this.#boxes.set(name, { value })
    else box.value = value
  }

  delete(name: Name): void {
    const box = this.#boxes.get(name)
    if (box === undefined) return
    box.value = undefined
    this.#boxes.delete(name)
  }

  /** All of them, also while they come and go. */
  *values(): Generator<T, void> {
    for (const { value } of this.#boxes.values()) if (value !== undefined) yield value
  }
}
