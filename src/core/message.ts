/** The two halves of an HTTP exchange as the gateway holds them, whichever protocol version carried them. */
import type { Readable } from 'node:stream'
import type { HeaderList } from './headers.ts'

export interface RequestHead {
  readonly method: string
  readonly scheme: 'http' | 'https'
  /** Host and port as the client named them, host in lower case: what goes upstream as Host. */
  readonly authority: string
  /** The host alone, lower case, no port, no brackets: what routes match. */
  readonly host: string
  /** The one normal form of the path (net/policy/path.ts), percent-encoded, starting with `/`; `*` for OPTIONS *. */
  readonly path: string
  /** The query with its `?`, exactly as sent, or ''. */
  readonly query: string
  readonly headers: HeaderList
  /** Null when the request has none. */
  readonly body: RequestBody | null
}

export interface ResponseHead {
  readonly status: number
  /** The reason phrase as sent; may be empty. */
  readonly reason: string
  readonly headers: HeaderList
}

export interface RequestBody {
  /** From Content-Length; undefined when chunked. */
  readonly lengthBytes: number | undefined
  /** Bytes that have been handed to a stream so far. */
  readonly takenBytes: number
  /** Trailer fields, flat; complete once the stream has ended. */
  readonly trailers: HeaderList
  /** Lowers or raises the size limit. Beyond it the stream breaks off with `body_too_large`. */
  limit(maxBytes: number): void
  /**
   * A stream of the body. May be called again as long as `takenBytes` is 0; the earlier stream is then dead.
   * Destroying the stream leaves the client's connection alone, so that it can still be answered.
   */
  open(): Readable
}
