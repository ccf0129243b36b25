/**
 * One of the fetches of a fallback, as the reader of its origin. Its answer is passed on; or held, until it is clear
 * whether a better one can be had, and then dropped or passed on after all.
 *
 *   waiting ─▶ passing ─▶ over
 *      └─────▶ held ─▶ dropping ─▶ over
 */
import type { BodySource } from '../../core/body.ts'
import { wholeBody } from '../../core/body.ts'
import { GatewayError } from '../../core/errors.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { HeaderList } from '../../core/headers.ts'
import type { RequestHead, ResponseHead } from '../../core/message.ts'
import type { Cancel, Origin, Reader } from '../../core/origin.ts'

export interface LegOwner {
  readonly to: Reader
  /** Whether this answer will do. */
  mayPass(leg: Leg, res: ResponseHead): boolean
  /** It won't do, and is held. */
  held(leg: Leg, status: number): void
  /** It will do, and is about to be passed on. */
  passes(leg: Leg): void
  /** No answer came. */
  failed(leg: Leg, why: GatewayError): void
  /** What was passed on is about to end. */
  ends(leg: Leg): void
}

/** The rest of a dropped answer, an error page at most, is read, so that its connection can be kept. */
const DROPPED_BYTES = 64 * 1024

type State = 'waiting' | 'passing' | 'held' | 'dropping' | 'over'

export class Leg implements Reader {
  readonly #owner: LegOwner
  #state: State = 'waiting'
  #cancel: Cancel | undefined = undefined
  #givenUp: GatewayError | undefined = undefined
  #res: ResponseHead | undefined = undefined
  #source: BodySource = wholeBody
  /** What came although the source was paused. */
  #chunks: Uint8Array[] = []
  #ending: { trailers: HeaderList | undefined } | undefined = undefined
  #failure: GatewayError | undefined = undefined
  #droppedBytes = 0

  constructor(owner: LegOwner) {
    this.#owner = owner
  }

  start(origin: Origin, x: Exchange, req: RequestHead): void {
    const cancel = origin.fetch(x, req, this)
    if (this.#givenUp !== undefined) cancel(this.#givenUp)
    else if (this.#state !== 'over') this.#cancel = cancel
  }

  cancel(why: GatewayError): void {
    // What is dropped ends by itself, for the sake of its connection.
    if (this.#state === 'over' || this.#state === 'dropping') return
    this.#state = 'over'
    this.#givenUp = why
    this.#cancel?.(why)
  }

  /** The held answer won't be needed. */
  drop(): void {
    if (this.#state !== 'held') return
    this.#state = this.#ending === undefined && this.#failure === undefined ? 'dropping' : 'over'
    this.#chunks = []
    if (this.#state === 'dropping') this.#source.resume()
  }

  /** The held answer is passed on after all. */
  release(): void {
    if (this.#state !== 'held') return
    this.#state = 'passing'
    if (this.#failure !== undefined) {
      this.fail(this.#failure)
      return
    }
    this.#owner.to.head(this.#res as ResponseHead, this.#source)
    let mayGoOn = true
    // All in this turn, whatever the reader says: the protocol allows for it, and there is little.
    for (const chunk of this.#chunks.splice(0)) mayGoOn = this.#isPassing() && this.#owner.to.write(chunk)
    if (!this.#isPassing()) return
    if (this.#ending !== undefined) this.end(this.#ending.trailers)
    else if (mayGoOn) this.#source.resume()
  }

  interim(status: number, headers: HeaderList): void {
    if (this.#state === 'waiting') this.#owner.to.interim(status, headers)
  }

  head(res: ResponseHead, source: BodySource): void {
    if (this.#state !== 'waiting') return
    if (this.#owner.mayPass(this, res)) {
      this.#state = 'passing'
      this.#owner.passes(this)
      this.#owner.to.head(res, source)
      return
    }
    this.#state = 'held'
    this.#res = res
    this.#source = source
    source.pause()
    this.#owner.held(this, res.status)
  }

  write(chunk: Uint8Array): boolean {
    if (this.#state === 'passing') return this.#owner.to.write(chunk)
    if (this.#state === 'held') {
      this.#chunks.push(chunk)
      return false
    }
    this.#droppedBytes += chunk.byteLength
    if (this.#state === 'dropping' && this.#droppedBytes > DROPPED_BYTES) {
      this.#state = 'over'
      this.#source.abort(new GatewayError('superseded', 'a fallback has answered'))
    }
    return true
  }

  end(trailers?: HeaderList): void {
    if (this.#state === 'held') {
      this.#ending = { trailers }
      return
    }
    const wasPassing = this.#isPassing()
    this.#state = 'over'
    if (!wasPassing) return
    this.#owner.ends(this)
    this.#owner.to.end(trailers)
  }

  fail(why: GatewayError): void {
    if (this.#state === 'held') {
      this.#failure = why
      return
    }
    const before = this.#state
    this.#state = 'over'
    if (before === 'waiting') this.#owner.failed(this, why)
    else if (before === 'passing') this.#owner.to.fail(why)
  }

  #isPassing(): boolean {
    return this.#state === 'passing'
  }
}
