/**
 * Whatever can obtain an answer: endpoints, tries, cache, fallback, a fixed reply. Origins wrap one another; each is
 * driven by callbacks, so that a hit in an outer one costs nothing of the inner ones and no promise is needed.
 *
 * The protocol, checked in tests by core/checked-origin.ts: any number of `interim`; then `head` once, any number of
 * `write`, then `end` or `fail` once; or `fail` alone. Nothing after the end, nothing after Cancel was called.
 * `fail` before `head` means that no byte of an answer exists, so an outer origin may try something else.
 */
import type { BodySink, BodySource } from './body.ts'
import type { GatewayError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { HeaderList } from './headers.ts'
import type { RequestHead, ResponseHead } from './message.ts'

export interface Reader extends BodySink {
  /** A 1xx answer other than 100 and 101 (RFC 9110 §15.2). */
  interim(status: number, headers: HeaderList): void
  /** The header section. The reader owns `res` from here on and may edit it. */
  head(res: ResponseHead, source: BodySource): void
}

/** Gives the answer up. Idempotent; harmless after the end. */
export type Cancel = (why: GatewayError) => void

export interface Origin {
  /** Starts to obtain an answer. May call `to` before it returns. Never throws. */
  fetch(x: Exchange, req: RequestHead, to: Reader): Cancel
}
