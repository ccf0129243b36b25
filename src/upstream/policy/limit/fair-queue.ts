/**
 * A short queue before a backend that has enough to do: important requests first; within a class each key (a client) in
 * its turn, so that one cannot starve the others; within a key the oldest first.
 *
 * Once the queue has been standing for a while, whoever waited long has likely given up, and answering the newest keeps
 * the latency of what is answered low (adaptive LIFO, Facebook's "Fail at Scale", 2015). Then a key's newest request goes
 * first, and most places go to the newest key that has not had a turn yet. Every fourth one still goes by turns, so that
 * newcomers keep nobody waiting for ever.
 *
 * When it is full, a long line of the least important class gives way: its oldest request. All of this takes the same
 * time however many wait.
 */

/** What waits, with the links that the queue keeps on it. */
export interface Waiting {
  readonly key: string
  /** 0 is the most important. */
  readonly priority: number
  /** Undefined while it does not wait. */
  line: Line | undefined
  ahead: Waiting | undefined
  behind: Waiting | undefined
}

/** What waits of one key in one class. */
export class Line {
  readonly key: string
  readonly band: Band
  size = 0
  first: Waiting | undefined = undefined
  last: Waiting | undefined = undefined
  /** Its turn comes before that of lines with higher numbers. */
  turn = 0
  /** The row in which it stands, and its neighbours there. */
  row: Row | undefined = undefined
  before: Line | undefined = undefined
  after: Line | undefined = undefined

  constructor(key: string, band: Band) {
    this.key = key
    this.band = band
  }
}

/** Lines in order of their turns. */
class Row {
  first: Line | undefined = undefined
  last: Line | undefined = undefined

  append(line: Line): void {
    line.turn = line.band.turns++
    line.row = this
    line.before = this.last
    if (this.last === undefined) this.first = line
    else this.last.after = line
    this.last = line
  }

  remove(line: Line): void {
    const { before, after } = line
    if (before === undefined) this.first = after
    else before.after = after
    if (after === undefined) this.last = before
    else after.before = before
    line.row = undefined
    line.before = undefined
    line.after = undefined
  }
}

/** One class. */
class Band {
  size = 0
  turns = 0
  readonly lines = new Map<string, Line>()
  /** Lines that have not had a turn since they last were empty, and those that have. */
  readonly fresh = new Row()
  readonly served = new Row()
  /** The line that was the longest when it last grew. */
  longest: Line | undefined = undefined
}

/** While the queue stands, one place in so many goes by turns. */
const BY_TURNS = 4

export class FairQueue<T extends Waiting> {
  readonly #bands: readonly Band[]
  readonly #standingMs: number
  readonly #patient: number
  #length = 0
  /** When it was last seen empty. */
  #emptyAt = Number.NEGATIVE_INFINITY
  #taken = 0

  /**
   * @param classes how many there are
   * @param standingMs a queue that has not been empty for so long stands
   * @param patient so many classes, the most important ones, keep the order in which they came whatever happens
   */
  constructor(classes: number, standingMs: number, patient = 0) {
    this.#patient = patient
    this.#bands = Array.from({ length: classes }, () => new Band())
    this.#standingMs = standingMs
  }

  get length(): number {
    return this.#length
  }

  /** Whether it has not been empty for long: more comes than can be done. */
  isStanding(nowMs: number, forMs: number = this.#standingMs): boolean {
    return this.#length > 0 && nowMs - this.#emptyAt > forMs
  }

  add(item: T, nowMs: number): void {
    if (this.#length === 0) this.#emptyAt = nowMs
    const band = this.#bands[item.priority] as Band
    const line = lineOf(band, item.key)
    item.line = line
    item.ahead = line.last
    if (line.last === undefined) line.first = item
    else line.last.behind = item
    line.last = item
    line.size++
    if (band.longest === undefined || line.size >= band.longest.size) band.longest = line
    band.size++
    this.#length++
  }

  /** Takes out whoever is next. */
  next(nowMs: number): T | undefined {
    return this.nextOf(this.#bands.length - 1, nowMs)
  }

  /** Takes out whoever is next among those of at least that importance. */
  nextOf(priority: number, nowMs: number): T | undefined {
    for (let i = 0; i <= priority; i++) {
      const band = this.#bands[i] as Band
      if (band.size > 0) return this.#take(band, i >= this.#patient && this.isStanding(nowMs)) as T
    }
    return undefined
  }

  /** Takes this one out, wherever it is. False when it is not there. */
  remove(item: T): boolean {
    return this.#remove(item)
  }

  /** Takes out who has to give way to a request of that priority: undefined when nobody less or as important waits. */
  giveWay(priority: number): T | undefined {
    for (let i = this.#bands.length - 1; i >= priority; i--) {
      const band = this.#bands[i] as Band
      const item = (band.longest ?? inTurn(band))?.first
      if (item === undefined) continue
      this.#remove(item)
      return item as T
    }
    return undefined
  }

  #take(band: Band, isStanding: boolean): Waiting | undefined {
    const isNewest = isStanding && ++this.#taken % BY_TURNS !== 0
    const line = isNewest ? (band.fresh.last ?? inTurn(band)) : inTurn(band)
    const item = isStanding ? line?.last : line?.first
    if (line === undefined || item === undefined) return undefined
    this.#remove(item)
    if (line.size > 0) {
      line.row?.remove(line)
      band.served.append(line)
    }
    return item
  }

  #remove(item: Waiting): boolean {
    const { line, ahead, behind } = item
    if (line === undefined) return false
    if (ahead === undefined) line.first = behind
    else ahead.behind = behind
    if (behind === undefined) line.last = ahead
    else behind.ahead = ahead
    item.line = undefined
    item.ahead = undefined
    item.behind = undefined
    line.size--
    line.band.size--
    this.#length--
    if (line.size === 0) drop(line)
    return true
  }
}

function lineOf(band: Band, key: string): Line {
  let line = band.lines.get(key)
  if (line === undefined) {
    line = new Line(key, band)
    band.lines.set(key, line)
    band.fresh.append(line)
  }
  return line
}

function drop(line: Line): void {
  const { band } = line
  line.row?.remove(line)
  band.lines.delete(line.key)
  if (band.longest === line) band.longest = undefined
}

/** The line whose turn it is: the first one of either row. */
function inTurn({ fresh, served }: Band): Line | undefined {
  if (fresh.first === undefined) return served.first
  if (served.first === undefined) return fresh.first
  return fresh.first.turn < served.first.turn ? fresh.first : served.first
}
