/** The body of a stored answer, with the variants that features above the cache keep beside it. Outlives updates by a 304. */
import { bytesOf } from '../../../core/pieces.ts'
import type { Stored } from '../../../core/stored.ts'
import type { Evictable } from './s3fifo.ts'
import { MAX_SHELVED_BYTES, type Shelf, type Shelved, type Shelves } from './shelf.ts'

/** What one variant weighs beyond its bytes: an entry of a map and a buffer's header. */
const VARIANT_OVERHEAD_BYTES = 400
/** Bytes of those that have gone wait for the collector, and the allocator has gaps: measured with bench/cache-memory. */
const OWN_SHARE = 1.15
/** Each piece of a body: a view, a buffer, and the allocator's own. */
const PIECE_OVERHEAD_BYTES = 350

/** The store that keeps the object. */
export interface Holder {
  /** What is kept beside it takes so much more now. */
  grew(entry: Evictable, bytes: number): void
}

export class StoredBody implements Stored, Shelved {
  isWhole: boolean
  hits = 0
  /** Memory that the variants take. */
  variantBytes = 0
  place = 0
  /** Undefined while it lies on a shelf, and when it has gone. */
  #pieces: readonly Uint8Array[] | undefined
  #shelf: Shelf | undefined = undefined
  #bytes = 0
  #wasTaken = false
  #holder: Holder | undefined = undefined
  #entry: Evictable | undefined = undefined
  #variants: Map<string, Uint8Array> | undefined = undefined

  /** @param pieces the body; while it is not whole, what has come of it by now whenever it is looked at */
  constructor(pieces: readonly Uint8Array[], isWhole: boolean) {
    this.#pieces = pieces
    this.isWhole = isWhole
    if (isWhole) this.#bytes = bytesOf(pieces)
  }

  /** All of it has come. */
  complete(pieces: readonly Uint8Array[]): void {
    this.#pieces = pieces
    this.#bytes = bytesOf(pieces)
    this.isWhole = true
  }

  /** The bytes, which stay as they are for whoever has them. */
  get body(): readonly Uint8Array[] {
    this.take()
    if (this.#pieces === undefined) throw new Error('a stored body was not taken before it left the store')
    return this.#pieces
  }

  take(): void {
    this.#wasTaken = true
    const shelf = this.#shelf
    if (shelf === undefined) return
    const before = this.weightFor(this.#bytes)
    this.#pieces = [shelf.copy(this, this.#bytes)]
    this.#leaveShelf()
    if (this.#entry !== undefined) this.#holder?.grew(this.#entry, this.weightFor(this.#bytes) - before)
  }

  /** The bytes as they are now, where the store keeps them or somebody took them; for who needs them once. */
  peek(): readonly Uint8Array[] | undefined {
    return this.#shelf === undefined ? this.#pieces : [this.#shelf.copy(this, this.#bytes)]
  }

  /** Gives a body that nobody else asked for so far a place among others of its size. */
  shelve(shelves: Shelves): void {
    const pieces = this.#pieces
    const isWanted = this.#wasTaken || this.hits > 1
    if (pieces === undefined || isWanted || this.#bytes === 0 || this.#bytes > MAX_SHELVED_BYTES) return
    this.#shelf = shelves.for(this.#bytes)
    this.#shelf.put(this, pieces)
    this.#pieces = undefined
  }

  /** What it weighs in a store: as much as a body of this size does. */
  weightFor(bytes: number): number {
    if (this.#shelf !== undefined) return Math.max(bytes, this.#shelf.placeBytes)
    return Math.ceil(bytes * OWN_SHARE) + PIECE_OVERHEAD_BYTES * (this.#pieces?.length ?? 0)
  }

  /** A store keeps it, as that entry's. */
  held(holder: Holder, entry: Evictable): void {
    this.#holder = holder
    this.#entry = entry
  }

  /** No store keeps it any more. */
  release(): void {
    this.#holder = undefined
    this.#entry = undefined
    this.#leaveShelf()
  }

  variant(name: string): Uint8Array | undefined {
    return this.#variants?.get(name)
  }

  keep(name: string, bytes: Uint8Array): void {
    if (this.isWhole && this.#holder === undefined) return
    this.#variants ??= new Map()
    const before = this.#variants.get(name)
    const grown = bytes.byteLength - (before?.byteLength ?? -VARIANT_OVERHEAD_BYTES)
    this.variantBytes += grown
    this.#variants.set(name, bytes)
    if (this.#entry !== undefined) this.#holder?.grew(this.#entry, grown)
  }

  #leaveShelf(): void {
    this.#shelf?.remove(this)
    this.#shelf = undefined
  }
}
