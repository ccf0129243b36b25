/**
 * The client's side of a WebSocket handshake: hands the socket to a tunnel, or answers on it like any other request
 * when there will be none. After the answer the connection closes: node has let go of it for good.
 */
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Downstream, DownstreamOwner, Handshake } from '../core/downstream.ts'
import type { HeaderList } from '../core/headers.ts'
import type { Connection, Occupant } from './connection.ts'
import { Http1Downstream } from './downstream.ts'

export class UpgradeDownstream implements Downstream, Occupant {
  readonly handshake: Handshake
  readonly startedAt: number
  readonly #connection: Connection
  readonly #incoming: IncomingMessage
  #owner: DownstreamOwner | undefined = undefined
  #answer: Http1Downstream | undefined = undefined

  constructor(connection: Connection, incoming: IncomingMessage, head: Buffer) {
    this.#connection = connection
    this.#incoming = incoming
    this.startedAt = connection.owner.clock.now()
    this.handshake = { incoming, socket: connection.socket, head }
  }

  start(): void {}

  attach(owner: DownstreamOwner): void {
    this.#owner = owner
  }

  continue(): void {}

  interim(status: number, headers: HeaderList): void {
    this.#plain().interim(status, headers)
  }

  head(status: number, reason: string, headers: HeaderList, isWhole?: boolean): void {
    this.#plain().head(status, reason, headers, isWhole)
  }

  write(chunk: Uint8Array): boolean {
    return this.#plain().write(chunk)
  }

  end(trailers?: HeaderList): void {
    this.#plain().end(trailers)
  }

  abort(): void {
    if (this.#answer === undefined) this.#connection.socket.destroy()
    else this.#answer.abort()
  }

  closed(): void {
    if (this.#answer === undefined) this.#owner?.gone()
    else this.#answer.closed()
  }

  /** A response on the bare socket: what node's server does for other requests is done here. */
  #plain(): Http1Downstream {
    if (this.#answer !== undefined) return this.#answer
    const connection = this.#connection
    const { socket } = connection
    const response = new ServerResponse(this.#incoming)
    response.shouldKeepAlive = false
    response.assignSocket(socket)
    socket.on('drain', () => response.emit('drain'))
    response.once('finish', () => {
      response.detachSocket(socket)
      connection.linger()
    })
    this.#answer = new Http1Downstream(connection, this.#incoming, response, null)
    if (this.#owner !== undefined) this.#answer.attach(this.#owner)
    return this.#answer
  }
}
