/** An upstream without a gateway around it: a raw backend on one side, a reader that notes what it is told on the other. */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import type { Test } from 'tap'
import type { BodySource } from '../../src/core/body.ts'
import { CheckedOrigin } from '../../src/core/checked-origin.ts'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import type { GatewayError } from '../../src/core/errors.ts'
import type { Exchange } from '../../src/core/exchange.ts'
import { spans } from '../../src/core/exchange.ts'
import type { Deps } from '../../src/core/feature.ts'
import type { HeaderList } from '../../src/core/headers.ts'
import { Keep } from '../../src/core/keep.ts'
import type { RequestBody, RequestHead, ResponseHead } from '../../src/core/message.ts'
import type { Cancel, Reader } from '../../src/core/origin.ts'
import { Wheel } from '../../src/core/wheel.ts'
import { Registry } from '../../src/telemetry/registry.ts'
import { Upstream } from '../../src/upstream/index.ts'
import { type UpstreamConfig, upstreamSchema } from '../../src/upstream/schema.ts'
import { hedgeSchema, retrySchema, timeoutsSchema } from '../../src/upstream/schema-tries.ts'
import { testDeps } from '../harness/deps.ts'
import { requestHead, testPeer, testRoute } from '../harness/exchange.ts'

/** What a backend does with one connection. */
export type Script = (connection: RawConnection) => void | Promise<void>

export class RawConnection {
  readonly socket: Socket
  readonly number: number
  received = ''
  /** The gateway has closed it. */
  isClosed = false
  #wake: (() => void) | undefined = undefined

  constructor(socket: Socket, number: number) {
    this.socket = socket
    this.number = number
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1')
      this.#wake?.()
    })
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.isClosed = true
        this.#wake?.()
      })
    }
    socket.on('error', () => {})
  }

  /** Waits until what was received matches, then forgets it. */
  async take(pattern: RegExp | string = '\r\n\r\n'): Promise<string> {
    for (;;) {
      const end = endOf(this.received, pattern)
      if (end >= 0) {
        const taken = this.received.slice(0, end)
        this.received = this.received.slice(end)
        return taken
      }
      if (this.socket.destroyed)
        throw new Error(`connection ${this.number} closed; had ${JSON.stringify(this.received)}`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  write(bytes: string): void {
    if (!this.socket.destroyed) this.socket.write(bytes, 'latin1')
  }
}

function endOf(text: string, pattern: RegExp | string): number {
  if (typeof pattern === 'string') {
    const at = text.indexOf(pattern)
    return at < 0 ? -1 : at + pattern.length
  }
  const match = pattern.exec(text)
  return match === null ? -1 : match.index + match[0].length
}

/** A backend that runs `script` on each connection. */
export class RawBackend {
  readonly #server: Server
  readonly connections: RawConnection[] = []

  constructor(script: Script) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      const connection = new RawConnection(socket, this.connections.length + 1)
      this.connections.push(connection)
      Promise.resolve(script(connection)).catch(() => socket.destroy())
    })
  }

  async listen(port = 0): Promise<this> {
    this.#server.listen(port, '127.0.0.1')
    await once(this.#server, 'listening')
    return this
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  async close(): Promise<void> {
    for (const { socket } of this.connections) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** Reads an answer; `accepts` says whether it takes more. */
export class NotingReader implements Reader {
  readonly interims: { status: number; headers: HeaderList }[] = []
  response: ResponseHead | undefined = undefined
  source: BodySource | undefined = undefined
  readonly chunks: Uint8Array[] = []
  trailers: HeaderList | undefined = undefined
  failure: GatewayError | undefined = undefined
  isEnded = false
  accepts: () => boolean = () => true
  onHead: () => void = () => {}
  readonly over: Promise<void>
  readonly started: Promise<void>
  #over: () => void = () => {}
  #started: () => void = () => {}

  constructor() {
    this.over = new Promise((resolve) => {
      this.#over = resolve
    })
    this.started = new Promise((resolve) => {
      this.#started = resolve
    })
  }

  get body(): string {
    return Buffer.concat(this.chunks).toString('latin1')
  }

  interim(status: number, headers: HeaderList): void {
    this.interims.push({ status, headers })
  }

  head(res: ResponseHead, source: BodySource): void {
    this.response = res
    this.source = source
    this.#started()
    this.onHead()
  }

  write(chunk: Uint8Array): boolean {
    this.chunks.push(chunk)
    return this.accepts()
  }

  end(trailers?: HeaderList): void {
    this.trailers = trailers
    this.isEnded = true
    this.#over()
  }

  fail(why: GatewayError): void {
    this.failure = why
    this.#started()
    this.#over()
  }
}

export interface Options {
  readonly upstream?: Partial<Record<keyof UpstreamConfig, unknown>>
  readonly timeouts?: Record<string, string>
  readonly retry?: unknown
  readonly hedge?: unknown
  readonly clock?: Clock
}

/** An upstream of these endpoints, its route's policies and what they need. */
export class BareUpstream {
  readonly keep = new Keep()
  readonly registry = new Registry()
  upstream: Upstream
  origin: CheckedOrigin
  readonly wheel: Wheel
  deps: Deps

  constructor(urls: readonly unknown[], options: Options = {}) {
    const clock = options.clock ?? systemClock
    this.wheel = new Wheel(clock)
    this.deps = testDeps({ clock, wheel: this.wheel, metrics: this.registry, lease: this.keep.lease() })
    this.upstream = upstreamOf(urls, options, this.deps)
    this.origin = originOf(this.upstream, options)
  }

  /** Another configuration in place of this one, whose requests go on. Returns the origin that was. */
  reload(urls: readonly unknown[], options: Options = {}): CheckedOrigin {
    const before = { origin: this.origin, lease: this.deps.lease }
    this.deps = { ...this.deps, lease: this.keep.lease() }
    this.upstream = upstreamOf(urls, options, this.deps)
    this.origin = originOf(this.upstream, options)
    before.lease.release()
    return before.origin
  }

  /** Sends a request. */
  fetch(parts: Partial<RequestHead> = {}, reader = new NotingReader()): Fetched {
    const request = requestHead({ headers: [], ...parts })
    const x = exchangeOf(request)
    const cancel = this.origin.fetch(x, request, reader)
    return { x, reader, cancel }
  }

  async get(parts: Partial<RequestHead> = {}): Promise<NotingReader> {
    const { reader } = this.fetch(parts)
    await reader.over
    // undici takes a connection into use again one turn later.
    await turn()
    return reader
  }

  metric(name: string, labels: Record<string, string>): number {
    const spec = this.registry.specs().find((each) => each.name === name)
    if (spec === undefined) throw new Error(`no metric ${name}`)
    return this.registry.counter(spec, labels).value
  }

  close(): void {
    this.deps.lease.release()
    this.wheel.stop()
  }
}

function upstreamOf(urls: readonly unknown[], options: Options, deps: Deps): Upstream {
  return new Upstream('up', upstreamSchema.parse({ endpoints: urls, ...options.upstream }), deps)
}

function originOf(upstream: Upstream, options: Options): CheckedOrigin {
  const timeouts = timeoutsSchema.parse(options.timeouts ?? {})
  const retry = retrySchema.parse(options.retry ?? true)
  const hedge = hedgeSchema.parse(options.hedge ?? false)
  return new CheckedOrigin(upstream.origin({ route: testRoute, timeouts, retry, hedge }))
}

export interface Fetched {
  readonly x: Exchange
  readonly reader: NotingReader
  readonly cancel: Cancel
}

export function exchangeOf(request: RequestHead): Exchange {
  return {
    id: 'id',
    request,
    peer: testPeer,
    route: testRoute,
    captures: [],
    startedAt: 0,
    spans: new Float64Array(spans.length),
    headAt: 0,
    status: 0,
    sentBytes: 0,
    outcome: undefined,
    endpoint: '',
    tries: 0,
    cache: '',
    stored: undefined,
    instead: undefined,
    deadlineAt: Number.POSITIVE_INFINITY,
    priority: 2,
    hedged: false,
    affinity: '',
    fallback: '',
    refusedBy: '',
    slots: [],
  }
}

/** A request body of these chunks, or one that a test feeds. */
export class TestBody implements RequestBody {
  readonly lengthBytes: number | undefined
  takenBytes = 0
  trailers: HeaderList = []
  opened = 0
  stream: Readable | undefined = undefined
  readonly #chunks: readonly string[] | undefined

  constructor(chunks: readonly string[] | undefined, lengthBytes?: number) {
    this.#chunks = chunks
    this.lengthBytes = lengthBytes
  }

  limit(): void {}

  open(): Readable {
    this.opened++
    const stream = new Readable({ read() {} })
    stream.on('error', () => {})
    this.stream = stream
    for (const chunk of this.#chunks ?? []) this.feed(chunk)
    if (this.#chunks !== undefined) stream.push(null)
    stream.on('data', (chunk: Buffer) => {
      this.takenBytes += chunk.byteLength
    })
    stream.pause()
    return stream
  }

  feed(chunk: string): void {
    this.stream?.push(Buffer.from(chunk, 'latin1'))
  }
}

/** Waits for what happens on real sockets, whatever the clock of timeouts says. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn()
}

/** A backend that runs `script`, and an upstream of it; the origin protocol is checked at the end. */
export async function rig(
  t: Test,
  script: Script,
  options: Options = {},
): Promise<{ backend: RawBackend; bare: BareUpstream }> {
  const backend = await new RawBackend(script).listen()
  const bare = new BareUpstream([backend.url], options)
  t.teardown(async () => {
    bare.close()
    await backend.close()
    bare.origin.check()
  })
  return { backend, bare }
}
