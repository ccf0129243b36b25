/**
 * A WebSocket that sends back what it gets (RFC 6455), for the demo only. Frames are answered as they arrive, in
 * pieces, so that no message is ever held whole.
 */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

// RFC 6455 §1.3
const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const CLOSE = 8
const PING = 9
const PONG = 10
const nothing = Buffer.alloc(0)

/** Handles an upgrade. */
export function echo(req: IncomingMessage, socket: Duplex, head: Buffer): void {
  const key = req.headers['sec-websocket-key'] ?? ''
  const accept = createHash('sha1').update(`${key}${ACCEPT_SUFFIX}`).digest('base64')
  socket.on('error', () => socket.destroy())
  socket.on('end', () => socket.end())
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  const frames = new EchoFrames(socket)
  const take = (chunk: Buffer) => {
    frames.take(chunk)
    if (!socket.writableNeedDrain) return
    socket.pause()
    socket.once('drain', () => socket.resume())
  }
  if (head.byteLength > 0) take(head)
  socket.on('data', take)
}

class EchoFrames {
  readonly #socket: Duplex
  /** A header that is not whole yet. */
  #header: Buffer = nothing
  #opcode = 0
  #mask: Buffer = nothing
  #masked = 0
  #left = 0
  #isOver = false

  constructor(socket: Duplex) {
    this.#socket = socket
  }

  take(chunk: Buffer): void {
    let rest = chunk
    while (rest.byteLength > 0 && !this.#isOver) rest = this.#left > 0 ? this.#payload(rest) : this.#start(rest)
  }

  /** RFC 6455 §5.2: two bytes, the extended length, the mask. Returns what follows. */
  #start(chunk: Buffer): Buffer {
    const bytes = Buffer.concat([this.#header, chunk])
    const short = bytes.byteLength < 2 ? 0 : bytes.readUInt8(1) & 0x7f
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0
    const end = 2 + lengthBytes + 4
    this.#header = bytes.byteLength < end ? bytes : nothing
    if (bytes.byteLength < end) return nothing
    this.#left = lengthBytes === 0 ? short : bytes.readUIntBE(lengthBytes === 8 ? 4 : 2, lengthBytes === 8 ? 6 : 2)
    this.#mask = bytes.subarray(end - 4, end)
    this.#masked = 0
    this.#answer(Buffer.from(bytes.subarray(0, 2 + lengthBytes)))
    if (this.#left === 0) this.#ended()
    return bytes.subarray(end)
  }

  /** The same header without the mask bit (RFC 6455 §5.1: servers must not mask); a ping is answered with a pong. */
  #answer(header: Buffer): void {
    const first = header.readUInt8(0)
    this.#opcode = first & 0x0f
    if (this.#opcode === PING) header.writeUInt8((first & 0xf0) | PONG, 0)
    header.writeUInt8(header.readUInt8(1) & 0x7f, 1)
    this.#socket.write(header)
  }

  #payload(chunk: Buffer): Buffer {
    const piece = Buffer.from(chunk.subarray(0, this.#left))
    for (let i = 0; i < piece.byteLength; i++) {
      piece[i] = (piece[i] as number) ^ (this.#mask[(this.#masked + i) & 3] as number)
    }
    this.#masked += piece.byteLength
    this.#left -= piece.byteLength
    this.#socket.write(piece)
    if (this.#left === 0) this.#ended()
    return chunk.subarray(piece.byteLength)
  }

  #ended(): void {
    if (this.#opcode !== CLOSE) return
    this.#isOver = true
    this.#socket.end()
  }
}
