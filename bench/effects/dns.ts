/** A DNS server over UDP that answers one set of A records to whatever name is asked for (RFC 1035 §4). */
import { createSocket, type Socket } from 'node:dgram'

const TYPE_A = 1
const CLASS_IN = 1
const TTL_SECONDS = 1

export class DnsServer {
  /** IPv4 addresses; may be changed at any time. */
  addresses: readonly string[] = []
  queries = 0
  readonly #socket: Socket = createSocket('udp4')

  async listen(): Promise<number> {
    this.#socket.on('message', (query, from) => {
      const answer = answerTo(query, this.addresses)
      if (answer === undefined) return
      this.queries++
      this.#socket.send(answer, from.port, from.address)
    })
    await new Promise<void>((done) => this.#socket.bind(0, '127.0.0.1', done))
    return this.#socket.address().port
  }

  close(): void {
    this.#socket.close()
  }
}

/** Undefined: not a query that can be answered. */
export function answerTo(query: Buffer, addresses: readonly string[]): Buffer | undefined {
  const end = endOfQuestion(query)
  if (end === undefined) return undefined
  const type = query.readUInt16BE(end - 4)
  const found = type === TYPE_A ? addresses : []
  const head = Buffer.alloc(12)
  query.copy(head, 0, 0, 2)
  // An authoritative answer, recursion as desired, no error.
  head.writeUInt16BE(0x8480 | (query.readUInt16BE(2) & 0x0100), 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(found.length, 6)
  return Buffer.concat([head, query.subarray(12, end), ...found.map(record)])
}

function record(address: string): Buffer {
  const bytes = Buffer.alloc(16)
  // The name: as at offset 12, in the question.
  bytes.writeUInt16BE(0xc00c, 0)
  bytes.writeUInt16BE(TYPE_A, 2)
  bytes.writeUInt16BE(CLASS_IN, 4)
  bytes.writeUInt32BE(TTL_SECONDS, 6)
  bytes.writeUInt16BE(4, 10)
  address.split('.').forEach((part, i) => {
    bytes.writeUInt8(Number(part), 12 + i)
  })
  return bytes
}

/** Where the one question ends: its labels, type and class. */
function endOfQuestion(query: Buffer): number | undefined {
  if (query.length < 12 || query.readUInt16BE(4) !== 1) return undefined
  let at = 12
  while ((query[at] ?? 0) > 0) at += 1 + (query[at] ?? 0)
  return at + 5 <= query.length ? at + 5 : undefined
}
