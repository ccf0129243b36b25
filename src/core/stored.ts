/** An answer that a cache serves an exchange from, as features above it may use it: to keep encodings of it. */
export interface Stored {
  /**
   * The body as the cache has it; while it is still being fetched, what has come of it.
   * @throws Error when the cache has let go of the object before anybody read or took it
   */
  readonly body: readonly Uint8Array[]
  /** Whether `body` is all of it. */
  readonly isWhole: boolean
  /** How often it was served. */
  readonly hits: number
  /** From here on the body is there for as long as this object is: for who reads it later. */
  take(): void
  /** What was kept under that name; undefined when nothing was, or when it has gone. */
  variant(name: string): Uint8Array | undefined
  /**
   * Keeps bytes beside the object for as long as the object stays, in place of earlier ones of that name; they count
   * against the cache's budget. Nothing is kept for an object that has gone.
   */
  keep(name: string, bytes: Uint8Array): void
}
