/** A slow link in this process: what comes in on a port goes on to another, delayed, and no faster than the line allows. */
import { connect, createServer, type Server, type Socket } from 'node:net'

export interface Line {
  readonly bitsPerSecond: number
  /** There and back. */
  readonly roundTripMs: number
}

export class Link {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #line: Line
  /** When the line has carried all that was put on it, in each direction. All connections share it. */
  readonly #freeAt = { up: 0, down: 0 }

  constructor(line: Line, toPort: number) {
    this.#line = line
    this.#server = createServer((near) => {
      const far = connect(toPort, '127.0.0.1')
      this.#carry(near, far, 'up')
      this.#carry(far, near, 'down')
    })
  }

  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as { port: number }).port))
    })
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #carry(from: Socket, to: Socket, direction: 'up' | 'down'): void {
    this.#sockets.add(from)
    from.setNoDelay(true)
    from.on('error', () => to.destroy())
    from.on('close', () => this.#sockets.delete(from))
    const delayMs = this.#line.roundTripMs / 2
    const way = new Way(to)
    from.on('data', (chunk: Buffer) => {
      const now = performance.now()
      const carriedMs = (chunk.byteLength * 8 * 1000) / this.#line.bitsPerSecond
      const doneAt = Math.max(now, this.#freeAt[direction]) + carriedMs
      this.#freeAt[direction] = doneAt
      // The sender is held back while its bytes are on the way, as a full send buffer would.
      from.pause()
      setTimeout(() => from.resume(), doneAt - now)
      way.put(chunk, doneAt + delayMs)
    })
    from.on('end', () => way.put(undefined, Math.max(performance.now(), this.#freeAt[direction]) + delayMs))
  }
}

/** What is on its way to one socket, in order: timers of their own would overtake one another within a millisecond. */
class Way {
  readonly #to: Socket
  readonly #queue: { readonly chunk: Buffer | undefined; readonly at: number }[] = []

  constructor(to: Socket) {
    this.#to = to
  }

  /** @param chunk undefined: the end */
  put(chunk: Buffer | undefined, at: number): void {
    this.#queue.push({ chunk, at })
    if (this.#queue.length === 1) this.#wait(at)
  }

  #wait(at: number): void {
    setTimeout(() => this.#arrive(), Math.max(0, at - performance.now()))
  }

  #arrive(): void {
    const now = performance.now()
    while (this.#queue[0] !== undefined && this.#queue[0].at <= now + 0.5) {
      const { chunk } = this.#queue.shift() as { chunk: Buffer | undefined }
      if (this.#to.destroyed) continue
      if (chunk === undefined) this.#to.end()
      else this.#to.write(chunk)
    }
    if (this.#queue[0] !== undefined) this.#wait(this.#queue[0].at)
  }
}
