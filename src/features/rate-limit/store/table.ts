/**
 * Theoretical arrival times by key, in bounded memory: 16 bytes a key in an open-addressing table that doubles up to a
 * million keys (16 MiB). Keys are known by a 64-bit hash with a secret seed.
 *
 * A key whose time has passed has its whole burst again: its place is free for others. When there are more live keys than
 * places (somebody sprays keys), a new key takes the place of the one among its neighbours that owes least, and takes
 * over what that one owes: so a new key never has more than its burst, and the one that was displaced has, when it
 * comes back, at most its burst: what it can gain by that is the least debt among as many as `NEIGHBOURS` keys.
 */
import type { HashPair } from '../policy/hash.ts'

/** How far from where its hash points a key may lie. */
const NEIGHBOURS = 16
const FEWEST_PLACES = 1024
const MOST_PLACES = 1 << 20
/** Fuller than this, the table doubles. */
const FILL = 0.5

export class ArrivalTable {
  #places = FEWEST_PLACES
  #first = new Uint32Array(FEWEST_PLACES)
  #second = new Uint32Array(FEWEST_PLACES)
  #arrivals = new Float64Array(FEWEST_PLACES)
  /** Places that were ever taken since the table grew last. */
  #taken = 0
  /** Keys that lost their place to another while it was live. */
  displaced = 0

  /** Places, and with them memory: 16 bytes each. */
  get places(): number {
    return this.#places
  }

  /** The time of a key, and where it lies; a new key has a place after this. */
  find(key: HashPair, nowMs: number): number {
    if (this.#taken > this.#places * FILL && this.#places < MOST_PLACES) this.#grow(nowMs)
    const mask = this.#places - 1
    let best = -1
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < NEIGHBOURS; i++) {
      const place = (key.first + i) & mask
      const arrival = this.#arrivals[place] as number
      if (arrival !== 0 && this.#first[place] === key.first && this.#second[place] === key.second) return place
      if (arrival < least) {
        least = arrival
        best = place
      }
    }
    if (least === 0) this.#taken++
    else if (least > nowMs) this.displaced++
    this.#first[best] = key.first
    this.#second[best] = key.second
    this.#arrivals[best] = Math.max(least, nowMs)
    return best
  }

  arrivalAt(place: number): number {
    return this.#arrivals[place] as number
  }

  setArrival(place: number, arrivalMs: number): void {
    this.#arrivals[place] = arrivalMs
  }

  /** How many keys have less than their whole burst. */
  live(nowMs: number): number {
    let count = 0
    for (const arrival of this.#arrivals) if (arrival > nowMs) count++
    return count
  }

  /** Twice as many places, or as many when enough of them are free again. */
  #grow(nowMs: number): void {
    const [first, second, arrivals] = [this.#first, this.#second, this.#arrivals]
    const live = this.live(nowMs)
    if (live > this.#places * FILL * 0.5) this.#places *= 2
    this.#first = new Uint32Array(this.#places)
    this.#second = new Uint32Array(this.#places)
    this.#arrivals = new Float64Array(this.#places)
    this.#taken = 0
    const pair = { first: 0, second: 0 }
    for (let i = 0; i < arrivals.length; i++) {
      const arrival = arrivals[i] as number
      if (arrival <= nowMs) continue
      pair.first = first[i] as number
      pair.second = second[i] as number
      this.#arrivals[this.#placeFor(pair)] = arrival
    }
  }

  #placeFor(key: HashPair): number {
    const mask = this.#places - 1
    let best = key.first & mask
    for (let i = 0; i < NEIGHBOURS; i++) {
      const place = (key.first + i) & mask
      if ((this.#arrivals[place] as number) < (this.#arrivals[best] as number)) best = place
      if (this.#arrivals[place] === 0) break
    }
    if (this.#arrivals[best] === 0) this.#taken++
    else this.displaced++
    this.#first[best] = key.first
    this.#second[best] = key.second
    return best
  }
}
