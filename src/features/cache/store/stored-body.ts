/** The body of a stored answer, with the variants that features above the cache keep beside it. Outlives updates by a 304. */
import type { Stored } from '../../../core/stored.ts'

/** What one variant weighs beyond its bytes: an entry of a map and a buffer's header. */
const VARIANT_OVERHEAD_BYTES = 200

export class StoredBody implements Stored {
  body: readonly Uint8Array[]
  isWhole: boolean
  hits = 0
  /** Memory that the variants take. */
  variantBytes = 0
  /** Tells the store that holds the object about `variantBytes`; undefined while no store does. */
  resized: (() => void) | undefined = undefined
  #variants: Map<string, Uint8Array> | undefined = undefined

  constructor(body: readonly Uint8Array[], isWhole: boolean) {
    this.body = body
    this.isWhole = isWhole
  }

  variant(name: string): Uint8Array | undefined {
    return this.#variants?.get(name)
  }

  keep(name: string, bytes: Uint8Array): void {
    if (this.isWhole && this.resized === undefined) return
    this.#variants ??= new Map()
    const before = this.#variants.get(name)
    this.variantBytes += bytes.byteLength - (before?.byteLength ?? -VARIANT_OVERHEAD_BYTES)
    this.#variants.set(name, bytes)
    this.resized?.()
  }
}
