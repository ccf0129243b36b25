/**
 * What this instance knows of purges that concern the shared tier, so that it can tell whether an object there was
 * fetched before one of them. Purges are numbered by a log in Redis; an object carries the number that its instance had
 * seen when its fetch began, and is outdated when a purge that means it has a higher one. So no clock is compared, and
 * whoever lags behind only forgets too much.
 *
 * The log has an epoch, since Redis may lose it: numbers of different epochs say nothing of one another.
 */
import { type Selector, selectsKey } from './purge.ts'

/** A place in the log. */
export interface Position {
  readonly epoch: string
  readonly seq: number
}

/** What a purge is judged by. */
export interface Purgeable {
  readonly position: Position
  readonly key: string
  readonly labels: readonly string[]
}

export type Standing = 'current' | 'stale' | 'outdated'

/** Purges by name that are remembered, and those by pattern, each of which costs every look-up. */
const MAX_NAMES = 20_000
const MAX_PATTERNS = 200

export class PurgeLog {
  readonly #hard = new Purged()
  readonly #soft = new Purged()
  #epoch = ''

  get epoch(): string {
    return this.#epoch
  }

  /** Another log begins: what is known of the one before is void. */
  begin(epoch: string): void {
    this.#epoch = epoch
    this.#hard.clear()
    this.#soft.clear()
  }

  /** What was purged up to this number is not known. */
  skip(seq: number): void {
    this.#hard.skip(seq)
    this.#soft.skip(seq)
  }

  note(seq: number, selector: Selector, isSoft: boolean): void {
    ;(isSoft ? this.#soft : this.#hard).note(seq, selector)
  }

  standing(object: Purgeable): Standing {
    if (object.position.epoch !== this.#epoch) return 'outdated'
    if (this.#hard.last(object) > object.position.seq) return 'outdated'
    return this.#soft.last(object) > object.position.seq ? 'stale' : 'current'
  }
}

/** The number of the last purge by name, and of each by pattern. */
class Purged {
  readonly #names = new Map<string, number>()
  #patterns: { readonly seq: number; readonly selector: Selector }[] = []
  /** Everything up to this number counts as purged. */
  #floor = 0

  clear(): void {
    this.#names.clear()
    this.#patterns = []
    this.#floor = 0
  }

  skip(seq: number): void {
    this.#floor = Math.max(this.#floor, seq)
  }

  note(seq: number, selector: Selector): void {
    const { keys = [], labels = [], ...pattern } = selector
    for (const key of keys) this.#name(`k${key}`, seq)
    for (const label of labels) this.#name(`l${label}`, seq)
    if (pattern.all === true) {
      this.skip(seq)
      // Later ones may have become known before.
      this.#patterns = this.#patterns.filter((each) => each.seq > seq)
    } else if (Object.keys(pattern).length > 0) {
      this.#patterns.push({ seq, selector: pattern })
      if (this.#patterns.length > MAX_PATTERNS) this.skip((this.#patterns.shift() as { seq: number }).seq)
    }
  }

  last({ key, labels }: Purgeable): number {
    let seq = Math.max(this.#floor, this.#names.get(`k${key}`) ?? 0)
    for (const label of labels) seq = Math.max(seq, this.#names.get(`l${label}`) ?? 0)
    for (const pattern of this.#patterns) if (pattern.seq > seq && selectsKey(pattern.selector, key)) seq = pattern.seq
    return seq
  }

  #name(name: string, seq: number): void {
    const before = this.#names.get(name) ?? 0
    this.#names.delete(name)
    this.#names.set(name, Math.max(seq, before))
    if (this.#names.size <= MAX_NAMES) return
    const [oldest] = this.#names
    if (oldest === undefined) return
    this.#names.delete(oldest[0])
    this.skip(oldest[1])
  }
}
