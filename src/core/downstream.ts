/** The client's side of one exchange, whichever protocol version it speaks: net/ implements it, the pipeline drives it. */

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { GatewayError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { HeaderList } from './headers.ts'
import type { RequestHead } from './message.ts'
import type { Cancel, Reader } from './origin.ts'

/** What a downstream tells its exchange. Neither is called after `end` or `abort`. */
export interface DownstreamOwner {
  /** Bytes have left after a `write` that returned false. */
  drained(): void
  /**
   * Nothing more can be sent: the client went away, or, with a reason, the answer turned out to be one that cannot be
   * sent as it is. Called once at most; may be called from within any call to the downstream.
   */
  gone(why?: GatewayError): void
}

export interface Downstream {
  /** Clock time at which the request's header section was complete, and the answers before it had left. */
  readonly startedAt: number
  /** Called once, before anything else. */
  attach(owner: DownstreamOwner): void
  /** Asks a client that sent `Expect: 100-continue` for its body; nothing where it did not. */
  continue(): void
  interim(status: number, headers: HeaderList): void
  /**
   * Sends the header section. Without Content-Length the body is framed as the protocol does: chunks, or the close.
   * @param isWhole the body and `end` follow before anything else happens: nothing need be sent ahead of them
   */
  head(status: number, reason: string, headers: HeaderList, isWhole?: boolean): void
  write(chunk: Uint8Array): boolean
  end(trailers?: HeaderList): void
  /** Breaks the answer off so that the client can tell that it is not complete. */
  abort(): void
  /** Present when the client asks for a WebSocket: what a tunnel needs. */
  readonly handshake: Handshake | undefined
}

export interface Handshake {
  readonly incoming: IncomingMessage
  readonly socket: Duplex
  /** Bytes that arrived with the handshake. */
  readonly head: Buffer
}

/**
 * How a tunnel reports: `opened` then `closed`; or as an origin does, when the upstream answers something else than a
 * 101 or does not answer at all.
 */
export interface TunnelOwner extends Reader {
  /** 101 went to the client; bytes flow both ways from here on. */
  opened(): void
  closed(sentBytes: number): void
}

/** Opens a WebSocket to an upstream and joins the two connections. */
export interface Tunnel {
  open(x: Exchange, req: RequestHead, handshake: Handshake, to: TunnelOwner): Cancel
}
