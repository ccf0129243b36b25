/**
 * One exchange without a network: a downstream that notes what it is told and complains about what it must not be
 * told, and the parts of a plan around whatever stages and origin a test brings.
 */
import type { Downstream, DownstreamOwner, Handshake } from '../../src/core/downstream.ts'
import type { Peer, RouteInfo } from '../../src/core/exchange.ts'
import type { HeaderList } from '../../src/core/headers.ts'
import { type Log, silentLog } from '../../src/core/log.ts'
import type { RequestHead } from '../../src/core/message.ts'
import { PassingBuffers } from '../../src/core/passing-buffers.ts'
import { Wheel } from '../../src/core/wheel.ts'
import { Client } from '../../src/pipeline.ts'
import { Plan, type PlanParts } from '../../src/plan.ts'
import { VirtualClock } from './clock.ts'

export const testRoute: RouteInfo = { name: 'test', pattern: '/**' }
export const testPeer: Peer = { address: '127.0.0.1', client: '127.0.0.1', trusted: false, forwarded: [] }

export function requestHead(parts: Partial<RequestHead> = {}): RequestHead {
  return {
    method: 'GET',
    scheme: 'http',
    authority: 'example.com',
    host: 'example.com',
    path: '/',
    query: '',
    headers: ['Host', 'example.com'],
    body: null,
    ...parts,
  }
}

export class FakeDownstream implements Downstream {
  handshake: Handshake | undefined = undefined
  readonly startedAt: number
  /** What it was told, in order: `head 200`, `write 3`, `end`, … */
  readonly events: string[] = []
  /** What it should not have been told. */
  readonly violations: string[] = []
  status = 0
  reason = ''
  headers: HeaderList = []
  readonly interims: { status: number; headers: HeaderList }[] = []
  readonly chunks: Uint8Array[] = []
  trailers: HeaderList | undefined = undefined
  /** How it ended: `end`, `abort` or `gone`. */
  over: string | undefined = undefined
  isBlocked = false
  /** Whether it takes more after this chunk. */
  accepts: () => boolean = () => true
  /** Called in the middle of each call to it. */
  during: (what: string) => void = () => {}
  #owner: DownstreamOwner | undefined = undefined

  constructor(startedAt: number) {
    this.startedAt = startedAt
  }

  get body(): string {
    return Buffer.concat(this.chunks).toString('latin1')
  }

  attach(owner: DownstreamOwner): void {
    this.#note('attach', this.#owner === undefined)
    this.#owner = owner
  }

  continue(): void {
    this.#note('continue', this.status === 0 && !this.events.includes('continue'))
  }

  interim(status: number, headers: HeaderList): void {
    this.interims.push({ status, headers })
    this.#note(`interim ${status}`, this.status === 0)
  }

  head(status: number, reason: string, headers: HeaderList): void {
    const isFirst = this.status === 0
    this.status = status
    this.reason = reason
    this.headers = headers
    this.#note(`head ${status}`, isFirst && headers.length % 2 === 0)
  }

  write(chunk: Uint8Array): boolean {
    this.chunks.push(chunk)
    this.isBlocked = !this.accepts()
    const answer = !this.isBlocked
    this.#note(`write ${chunk.byteLength}`, this.status !== 0 && chunk.byteLength > 0)
    return answer
  }

  end(trailers?: HeaderList): void {
    this.trailers = trailers
    this.#note('end', this.status !== 0, 'end')
  }

  abort(): void {
    this.#note('abort', this.status !== 0, 'abort')
  }

  /** Room again after a write that was answered with false. */
  drain(): void {
    if (this.over !== undefined || !this.isBlocked) return
    this.isBlocked = false
    this.#owner?.drained()
  }

  goAway(): void {
    if (this.over !== undefined) return
    this.over = 'gone'
    this.#owner?.gone()
  }

  #note(what: string, isRight: boolean, over?: string): void {
    this.events.push(what)
    if (this.over !== undefined) this.violations.push(`${what} after ${this.over}`)
    if (!isRight) this.violations.push(`${what} out of place: ${this.events.join(', ')}`)
    this.during(what)
    this.over ??= over
  }
}

export interface FakeExchange {
  readonly client: Client
  readonly down: FakeDownstream
  readonly clock: VirtualClock
  readonly wheel: Wheel
}

/** A client on a plan of these parts, not started yet. */
export function fakeExchange(
  parts: Partial<PlanParts> & Pick<PlanParts, 'origin'>,
  options: { request?: RequestHead; log?: Log } = {},
): FakeExchange {
  const clock = new VirtualClock()
  const wheel = new Wheel(clock)
  const whole = {
    route: testRoute,
    stages: [],
    totalMs: Number.POSITIVE_INFINITY,
    bodyBytes: undefined,
    slots: 0,
    ...parts,
  }
  const plan = new Plan(whole as PlanParts, {
    clock,
    wheel,
    buffers: new PassingBuffers(() => {}),
    log: options.log ?? silentLog,
  })
  const down = new FakeDownstream(clock.now())
  const client = new Client(plan, options.request ?? requestHead(), testPeer, [], 'id-1', down)
  return { client, down, clock, wheel }
}
