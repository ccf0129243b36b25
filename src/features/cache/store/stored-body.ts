/** The body of a stored answer, with the variants that features above the cache keep beside it. Outlives updates by a 304. */
import type { Stored } from '../../../core/stored.ts'
import type { Evictable } from './s3fifo.ts'

/** What one variant weighs beyond its bytes: an entry of a map and a buffer's header. */
const VARIANT_OVERHEAD_BYTES = 400

/** The store that keeps the object. */
export interface Holder {
  /** What is kept beside it takes so much more now. */
  grew(entry: Evictable, bytes: number): void
}

export class StoredBody implements Stored {
  body: readonly Uint8Array[]
  isWhole: boolean
  hits = 0
  /** Memory that the variants take. */
  variantBytes = 0
  #holder: Holder | undefined = undefined
  #entry: Evictable | undefined = undefined
  #variants: Map<string, Uint8Array> | undefined = undefined

  constructor(body: readonly Uint8Array[], isWhole: boolean) {
    this.body = body
    this.isWhole = isWhole
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
}
