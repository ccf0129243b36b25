/**
 * Bodies are pushed: a source writes chunks into a sink and pauses when the sink says so. A body ends exactly once,
 * by `end` (complete) or by `fail` (not complete, and it must never look complete).
 */
import type { GatewayError } from './errors.ts'

export interface BodySink {
  /** Takes a chunk (never empty). False: stop writing until the source's `resume` is called. */
  write(chunk: Uint8Array): boolean
  /** The body is complete. `trailers` is a flat list in wire order. */
  end(trailers?: string[]): void
  /** The body broke off. Whoever reads it must be able to see that. */
  fail(why: GatewayError): void
}

export interface BodySource {
  /** Stops the flow; chunks already under way may still arrive. */
  pause(): void
  /** Lets the flow go on. Harmless when it was not paused. */
  resume(): void
  /** Gives the body up. Nothing is written after this returns. */
  abort(why: GatewayError): void
}

/**
 * A transformation between two bodies: a sink for what comes, a source for what follows. One that ends or fails before
 * its source does aborts the source; one that is aborted passes that on to it.
 */
export interface BodyFilter extends BodySink, BodySource {
  /** Called once, before the first write. What a filter must let go of later, it takes hold of here at the earliest. */
  between(source: BodySource, next: BodySink): void
}

/** The source of a body that is already whole: nothing to pause, nothing to give up. */
export const wholeBody: BodySource = {
  pause() {},
  resume() {},
  abort() {},
}
