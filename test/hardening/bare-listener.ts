/** A listener without a gateway behind it, and raw connections to it: for tests of what the client's side does alone. */
import { connect, type Socket } from 'node:net'
import { systemClock } from '../../src/core/clock.ts'
import type { Downstream } from '../../src/core/downstream.ts'
import type { Peer } from '../../src/core/exchange.ts'
import { type Log, type LogFields, silentLog } from '../../src/core/log.ts'
import type { RequestHead } from '../../src/core/message.ts'
import type { Counter, LabelValues, MetricSpec, Metrics } from '../../src/core/metrics.ts'
import { PassingBuffers } from '../../src/core/passing-buffers.ts'
import { Wheel } from '../../src/core/wheel.ts'
import { type Entry, Listener } from '../../src/net/listener.ts'
import { type ListenerConfig, listenerSchema } from '../../src/net/schema.ts'

export interface Seen {
  readonly request: RequestHead
  readonly peer: Peer
  readonly down: Downstream
}

export class CountingMetrics implements Metrics {
  readonly handles = new Map<string, Counter>()

  counter(spec: MetricSpec, labels: LabelValues): Counter {
    const key = `${spec.name}{${Object.values(labels).slice(1).join(',')}}`
    const handle = this.handles.get(key) ?? { value: 0 }
    this.handles.set(key, handle)
    return handle
  }

  gauge(spec: MetricSpec, labels: LabelValues): Counter {
    return this.counter(spec, labels)
  }

  histogram(): never {
    throw new Error('listeners have no histograms')
  }

  hold(): never {
    throw new Error('listeners hold nothing')
  }

  onCollect(): () => void {
    return () => {}
  }

  value(key: string): number {
    return this.handles.get(key)?.value ?? 0
  }
}

export interface BareListener {
  readonly listener: Listener
  readonly port: number
  readonly seen: Seen[]
  readonly metrics: CountingMetrics
  readonly logged: LogFields[]
  /** The configuration with some limits changed. */
  configure(config: object): ListenerConfig
  /** Resolves when `count` requests have arrived. */
  saw(count: number): Promise<void>
  client(): RawClient
  close(): Promise<void>
}

/** Starts one on a free port. `entry` gets every request; without it, each is answered with its own description. */
export async function bareListener(config: object = {}, entry?: Entry): Promise<BareListener> {
  const configure = (more: object): ListenerConfig => listenerSchema.parse({ address: '127.0.0.1:0', ...more })
  const wheel = new Wheel(systemClock)
  const metrics = new CountingMetrics()
  const logged: LogFields[] = []
  const log: Log = {
    ...silentLog,
    warn: (fields) => {
      logged.push(fields)
    },
    error: (fields) => {
      logged.push(fields)
    },
  }
  const seen: Seen[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  const listener = new Listener(configure(config), {
    clock: systemClock,
    wheel,
    buffers: new PassingBuffers(() => {}),
    log,
    metrics,
    entry: (request, peer, down) => {
      seen.push({ request, peer, down })
      for (const wait of waiting) if (seen.length >= wait.count) wait.resolve()
      ;(entry ?? describe)(request, peer, down)
    },
  })
  await listener.listen()
  const port = Number(listener.address.slice(listener.address.lastIndexOf(':') + 1))
  const clients: RawClient[] = []
  return {
    listener,
    port,
    seen,
    metrics,
    logged,
    configure,
    saw: (count) =>
      seen.length >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ count, resolve })),
    client: () => {
      const client = new RawClient(connect(port, '127.0.0.1'))
      clients.push(client)
      return client
    },
    close: async () => {
      for (const client of clients) client.socket.destroy()
      await listener.close()
      wheel.stop()
    },
  }
}

/** Reads the whole content, then answers with the request line as it was understood and the length of the content. */
export function describe(request: RequestHead, _peer: Peer, down: Downstream): void {
  const answer = (length: number): void => {
    const text = `${request.method} ${request.authority} ${request.path}${request.query} ${length}`
    down.head(200, 'OK', ['Content-Length', String(Buffer.byteLength(text))])
    if (request.method !== 'HEAD') down.write(Buffer.from(text))
    down.end()
  }
  down.attach({ drained() {}, gone() {} })
  if (request.body === null) {
    answer(0)
    return
  }
  down.continue()
  let length = 0
  const stream = request.body.open()
  stream.on('data', (chunk: Buffer) => {
    length += chunk.byteLength
  })
  stream.on('end', () => answer(length))
  stream.on('error', (error) => {
    const status = 'status' in error && typeof error.status === 'number' ? error.status : 500
    down.head(status, '', ['Content-Length', '0'])
    down.end()
  })
}

/** One connection, as bytes. */
export class RawClient {
  readonly socket: Socket
  received = ''
  isEnded = false
  isClosed = false
  error: NodeJS.ErrnoException | undefined = undefined
  readonly #waiting: { until: () => boolean; resolve: () => void }[] = []

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1')
      this.#check()
    })
    socket.on('end', () => {
      this.isEnded = true
      this.#check()
    })
    socket.on('error', (error) => {
      this.error = error
    })
    socket.on('close', () => {
      this.isClosed = true
      this.#check()
    })
  }

  send(bytes: string | Uint8Array): this {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
    return this
  }

  /** Resolves with all that has arrived once `wanted` is in it; rejects when the connection closes before. */
  async until(wanted: string | RegExp): Promise<string> {
    const has = (): boolean =>
      typeof wanted === 'string' ? this.received.includes(wanted) : wanted.test(this.received)
    await this.#wait(() => has() || this.isClosed)
    if (!has()) throw new Error(`closed without ${wanted}: ${JSON.stringify(this.received)}`)
    return this.received
  }

  /** Resolves with all that arrived when the other side has ended or broken the connection. */
  async closed(): Promise<string> {
    await this.#wait(() => this.isEnded || this.isClosed)
    return this.received
  }

  #wait(until: () => boolean): Promise<void> {
    if (until()) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ until, resolve }))
  }

  #check(): void {
    for (const wait of this.#waiting) if (wait.until()) wait.resolve()
  }
}
