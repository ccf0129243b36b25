/** A name server over UDP that answers A, AAAA and SRV questions with what a test says (RFC 1035, RFC 2782). */
import { createSocket, type Socket } from 'node:dgram'

export interface Service {
  readonly priority?: number
  readonly weight?: number
  readonly port: number
  readonly target: string
}

/** Records by name; a name that is not there does not exist (NXDOMAIN). */
export interface Zone {
  readonly a?: Readonly<Record<string, readonly string[]>>
  /** Written out in full. */
  readonly aaaa?: Readonly<Record<string, readonly string[]>>
  readonly srv?: Readonly<Record<string, readonly Service[]>>
  /** Seconds. */
  readonly ttl?: number
}

const A = 1
const AAAA = 28
const SRV = 33
const types: Readonly<Record<number, string>> = { [A]: 'A', [AAAA]: 'AAAA', [SRV]: 'SRV' }
const SERVFAIL = 2
const NXDOMAIN = 3

export class NameServer {
  zone: Zone
  /** Answers nothing but failures. */
  isFailing = false
  /** Names and types of questions that are answered with a failure, such as `AAAA app.test`. */
  readonly refused = new Set<string>()
  questions = 0
  readonly #socket: Socket

  private constructor(zone: Zone, socket: Socket) {
    this.zone = zone
    this.#socket = socket
    socket.on('message', (message, from) => socket.send(this.#answer(message), from.port, from.address))
  }

  static async start(zone: Zone): Promise<NameServer> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    return new NameServer(zone, socket)
  }

  /** host:port, as a resolver is named. */
  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()))
  }

  #answer(question: Buffer): Buffer {
    this.questions++
    let end = 12
    const labels: string[] = []
    while (question[end] !== 0) {
      const length = question[end] as number
      labels.push(question.toString('latin1', end + 1, end + 1 + length))
      end += length + 1
    }
    const type = question.readUInt16BE(end + 1)
    const name = labels.join('.').toLowerCase()
    const isFailing = this.isFailing || this.refused.has(`${types[type]} ${name}`)
    const records = isFailing ? [] : this.#records(name, type)
    const { a, aaaa, srv } = this.zone
    const isKnown = [a, aaaa, srv].some((each) => each?.[name] !== undefined)
    const head = Buffer.alloc(12)
    question.copy(head, 0, 0, 2)
    head.writeUInt16BE(0x8580 | (isFailing ? SERVFAIL : isKnown ? 0 : NXDOMAIN), 2)
    head.writeUInt16BE(1, 4)
    head.writeUInt16BE(records.length, 6)
    return Buffer.concat([head, question.subarray(12, end + 5), ...records])
  }

  #records(name: string, type: number): Buffer[] {
    if (type === A) {
      return (this.zone.a?.[name] ?? []).map((address) => this.#record(A, Buffer.from(address.split('.').map(Number))))
    }
    if (type === AAAA) {
      return (this.zone.aaaa?.[name] ?? []).map((address) =>
        this.#record(
          AAAA,
          Buffer.from(
            address
              .split(':')
              .map((group) => group.padStart(4, '0'))
              .join(''),
            'hex',
          ),
        ),
      )
    }
    if (type !== SRV) return []
    return (this.zone.srv?.[name] ?? []).map(({ priority = 0, weight = 1, port, target }) => {
      const numbers = Buffer.alloc(6)
      numbers.writeUInt16BE(priority, 0)
      numbers.writeUInt16BE(weight, 2)
      numbers.writeUInt16BE(port, 4)
      return this.#record(SRV, Buffer.concat([numbers, encoded(target)]))
    })
  }

  #record(type: number, data: Buffer): Buffer {
    const fields = Buffer.alloc(12)
    // The name of the question.
    fields.writeUInt16BE(0xc00c, 0)
    fields.writeUInt16BE(type, 2)
    fields.writeUInt16BE(1, 4)
    fields.writeUInt32BE(this.zone.ttl ?? 1, 6)
    fields.writeUInt16BE(data.byteLength, 10)
    return Buffer.concat([fields, data])
  }
}

function encoded(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]))
  return Buffer.concat([...labels, Buffer.from([0])])
}
