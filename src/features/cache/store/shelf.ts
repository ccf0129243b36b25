/**
 * Bodies that nobody has asked for again lie on shelves: a few large buffers with places of equal size, in place of a buffer
 * for each body. Most of what passes through a cache is never asked for again, and to V8 each buffer is three objects, a
 * block of the allocator's, and a reason to collect sooner (with 2 million bodies of 4 kB one after another: a full
 * collection every 2 s, and 4 pauses above 50 ms in 5 minutes).
 *
 * Nobody ever sees a shelf's own bytes, since a place that becomes free is used again at once: whoever reads a body takes
 * it off the shelf, as a copy of its own. So places can move, too: the last one always fills the gap that another leaves,
 * and what shelves take is what lies on them, whatever the order in which it goes.
 */

/** What lies in a place. It is told when its place has changed. */
export interface Shelved {
  place: number
}

/** Larger bodies have buffers of their own. */
export const MAX_SHELVED_BYTES = 16_384
const SLAB_BYTES = 262_144
/** Sizes of places: four to each power of two, so that no more than a fifth of one is left empty. */
const SMALLEST_BYTES = 64
const SIZES_PER_DOUBLING = 4

/** Places of one size. */
export class Shelf {
  readonly placeBytes: number
  readonly #placesPerSlab: number
  readonly #slabs: Uint8Array[] = []
  readonly #lying: Shelved[] = []

  constructor(placeBytes: number) {
    this.placeBytes = placeBytes
    this.#placesPerSlab = Math.floor(SLAB_BYTES / placeBytes)
  }

  /** Memory that it takes. */
  get bytes(): number {
    return this.#slabs.length * SLAB_BYTES
  }

  get count(): number {
    return this.#lying.length
  }

  /** Copies `pieces` to a place; together they are no larger than one. */
  put(item: Shelved, pieces: readonly Uint8Array[]): void {
    const place = this.#lying.push(item) - 1
    item.place = place
    if (place === this.#slabs.length * this.#placesPerSlab) this.#slabs.push(new Uint8Array(SLAB_BYTES))
    const slab = this.#slabOf(place)
    let at = this.#offsetOf(place)
    for (const piece of pieces) {
      slab.set(piece, at)
      at += piece.byteLength
    }
  }

  /** A copy of the first `bytes` in a place. */
  copy({ place }: Shelved, bytes: number): Uint8Array {
    const at = this.#offsetOf(place)
    return this.#slabOf(place).slice(at, at + bytes)
  }

  /** Frees a place. */
  remove({ place }: Shelved): void {
    const last = this.#lying.pop() as Shelved
    const from = this.#lying.length
    if (place !== from) {
      const offset = this.#offsetOf(from)
      this.#slabOf(place).set(this.#slabOf(from).subarray(offset, offset + this.placeBytes), this.#offsetOf(place))
      this.#lying[place] = last
      last.place = place
    }
    // One empty slab may stay, lest one is made and dropped again and again.
    if (from <= (this.#slabs.length - 2) * this.#placesPerSlab) this.#slabs.pop()
  }

  #slabOf(place: number): Uint8Array {
    return this.#slabs[Math.floor(place / this.#placesPerSlab)] as Uint8Array
  }

  #offsetOf(place: number): number {
    return (place % this.#placesPerSlab) * this.placeBytes
  }
}

/** Shelves for bodies of every size up to MAX_SHELVED_BYTES. */
export class Shelves {
  readonly #shelves: (Shelf | undefined)[] = []

  /** The one with the smallest places that a body of this size fits in. */
  for(bytes: number): Shelf {
    const index = indexOf(bytes)
    const known = this.#shelves[index]
    if (known !== undefined) return known
    const shelf = new Shelf(placeBytes(index))
    this.#shelves[index] = shelf
    return shelf
  }

  get bytes(): number {
    return this.#shelves.reduce((sum, shelf) => sum + (shelf?.bytes ?? 0), 0)
  }
}

function indexOf(bytes: number): number {
  if (bytes <= SMALLEST_BYTES) return 0
  // Of what is below `bytes` by one: the power of two, and the quarter of it, that must be exceeded.
  const below = bytes - 1
  const power = 31 - Math.clz32(below)
  const quarter = (below >>> (power - 2)) & (SIZES_PER_DOUBLING - 1)
  return (power - 6) * SIZES_PER_DOUBLING + quarter + 1
}

function placeBytes(index: number): number {
  const doublings = Math.floor(index / SIZES_PER_DOUBLING)
  const quarters = index % SIZES_PER_DOUBLING
  return (SMALLEST_BYTES << doublings) * (1 + quarters / SIZES_PER_DOUBLING)
}
