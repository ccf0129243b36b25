/**
 * S3-FIFO eviction (Yang et al., SOSP 2023), weighed by bytes: new entries enter a small queue that holds a tenth of the
 * budget; those asked for again on their way through it move to the main queue, the rest leave and are remembered by
 * name only (a hash of it: one mistaken for another does no harm), so that they enter the main queue if they come back. A scan passes through the small queue and harms nothing.
 *
 *   add ─▶ small (10 %) ─ used? ─▶ main (90 %) ─ used? ─▶ back to its head
 *              └─ no ─▶ ghost (names) ─ comes back ─▶ main
 *
 * Every operation is O(1) amortised: an entry is moved at most as often as it was used (3).
 */

export interface Evictable {
  readonly id: string
  /** What it weighs; while it is queued, changed by `resize` alone. */
  bytes: number
  /** The queue's own. */
  uses: number
  queue: Queue | undefined
  before: Evictable | undefined
  behind: Evictable | undefined
}

const SMALL_SHARE = 0.1
const MAX_USES = 3

/** A doubly linked list; entries enter at the head and leave at the tail. */
export class Queue {
  bytes = 0
  count = 0
  #head: Evictable | undefined = undefined
  tail: Evictable | undefined = undefined

  push(entry: Evictable): void {
    entry.queue = this
    entry.before = undefined
    entry.behind = this.#head
    if (this.#head === undefined) this.tail = entry
    else this.#head.before = entry
    this.#head = entry
    this.bytes += entry.bytes
    this.count++
  }

  remove(entry: Evictable): void {
    const { before, behind } = entry
    if (before === undefined) this.#head = behind
    else before.behind = behind
    if (behind === undefined) this.tail = before
    else behind.before = before
    entry.queue = entry.before = entry.behind = undefined
    this.bytes -= entry.bytes
    this.count--
  }
}

export class S3Fifo<T extends Evictable> {
  readonly #budgetBytes: number
  readonly #onEvict: (entry: T) => void
  readonly #small = new Queue()
  readonly #main = new Queue()
  readonly #ghost = new Ghost()

  /** @param onEvict called with each entry that has left because of the budget */
  constructor(budgetBytes: number, onEvict: (entry: T) => void) {
    this.#budgetBytes = budgetBytes
    this.#onEvict = onEvict
  }

  get bytes(): number {
    return this.#small.bytes + this.#main.bytes
  }

  get count(): number {
    return this.#small.count + this.#main.count
  }

  /** Takes an entry in, and evicts until the budget holds. An entry larger than the budget is evicted at once. */
  add(entry: T): void {
    entry.uses = 0
    const isBack = this.#ghost.forget(entry.id)
    ;(isBack ? this.#main : this.#small).push(entry)
    this.#shrink()
  }

  /** Notes that an entry was asked for. */
  use(entry: T): void {
    if (entry.uses < MAX_USES) entry.uses++
  }

  /** Notes that an entry weighs something else now, and evicts until the budget holds. Harmless when it is not queued. */
  resize(entry: T, bytes: number): void {
    if (entry.queue === undefined) return
    entry.queue.bytes += bytes - entry.bytes
    entry.bytes = bytes
    this.#shrink()
  }

  /** Takes an entry out without calling `onEvict`. Harmless when it is not queued. */
  remove(entry: T): void {
    entry.queue?.remove(entry)
  }

  #shrink(): void {
    while (this.bytes > this.#budgetBytes && this.count > 0) this.#evict()
  }

  #evict(): void {
    const isSmallFull = this.#small.bytes > this.#budgetBytes * SMALL_SHARE
    if (this.#small.count > 0 && (isSmallFull || this.#main.count === 0)) this.#evictSmall()
    else this.#evictMain()
  }

  #evictSmall(): void {
    const entry = this.#small.tail as T
    this.#small.remove(entry)
    if (entry.uses > 0) {
      entry.uses = 0
      this.#main.push(entry)
      return
    }
    // As many names as there are entries: more would remember what could not have been kept anyway.
    this.#ghost.remember(entry.id, this.count)
    this.#onEvict(entry)
  }

  #evictMain(): void {
    const entry = this.#main.tail as T
    this.#main.remove(entry)
    if (entry.uses > 0) {
      entry.uses--
      this.#main.push(entry)
      return
    }
    this.#onEvict(entry)
  }
}

const FEWEST_NAMES = 16

/** What left the small queue lately: two generations, so that forgetting the oldest costs nothing. */
class Ghost {
  #young = new Set<number>()
  #old = new Set<number>()

  remember(id: string, atMost: number): void {
    this.#young.add(hashOf(id))
    if (this.#young.size < Math.max(FEWEST_NAMES, atMost) / 2) return
    this.#old = this.#young
    this.#young = new Set()
  }

  /** Whether it was remembered until now. */
  forget(id: string): boolean {
    const hash = hashOf(id)
    return this.#young.delete(hash) || this.#old.delete(hash)
  }
}

/** FNV-1a, to 30 bits: a small integer, which takes no memory of its own. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 2
}
