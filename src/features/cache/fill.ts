/**
 * One fetch, many readers (Varnish calls the fetched thing a busy object). The fetch belongs to nobody who waits for it:
 * a reader may leave without ending it for the others, and each reads at its own pace from what has arrived.
 *
 * Until the head, all wait. Then either the answer is kept, and streams to everybody as it arrives; or it is not, and goes
 * to the one whose request it was alone, while the others are told to fetch for themselves, so that they don't queue up.
 */
import { type BodySource, wholeBody } from '../../core/body.ts'
import { GatewayError } from '../../core/errors.ts'
import type { HeaderList } from '../../core/headers.ts'
import type { RequestHead, ResponseHead } from '../../core/message.ts'
import type { Cancel, Reader } from '../../core/origin.ts'

/** How a fill judges and reports; the cache origin implements it. */
export interface FillOwner {
  /**
   * Judges the head. `keep`: store and share it; `pass`: for its own reader only; `consumed`: the owner has taken the
   * waiters (`Fill.take`) and answers them itself, for example because the head is a 304.
   */
  judge(fill: Fill, res: ResponseHead): 'keep' | 'pass' | 'consumed'
  /** The body of a kept answer is complete. */
  complete(fill: Fill, body: readonly Uint8Array[], bodyBytes: number, trailers: HeaderList | undefined): void
  /**
   * The body has become larger than what is kept. `ended` follows.
   * @param isByOthers not it alone: too much arrives at once
   */
  outgrown(fill: Fill, isByOthers: boolean): void
  /** Nothing more will come, whatever came of it: stop sending readers here. Called once. */
  ended(fill: Fill): void
  /** No answer can be had. Whoever waited is the owner's to satisfy. */
  failed(why: GatewayError, waiters: readonly Waiter[]): void
}

/** One who waits for a fill, then reads from it. */
export interface Waiter {
  readonly to: Reader
  /** What it asked. */
  readonly request: RequestHead
  /** Whether the fetch was made with its request: what is for one client alone is for this one. */
  readonly isOwn: boolean
  /** The fill's head as this reader should see it. */
  receive(res: ResponseHead, source: BodySource): void
  /** The answer can't be shared: get one of your own. */
  alone(): void
}

/** Memory that answers take while they come: not yet the store's, and so bounded on its own. */
export class Arriving {
  bytes = 0
  readonly #limitBytes: number

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  get isFull(): boolean {
    return this.bytes > this.#limitBytes
  }
}

type State = 'waiting' | 'keeping' | 'passing' | 'over'

/**
 * Of an answer that grows too large to keep, this much more than the largest kept one may lie between the fastest reader
 * and the slowest: so far apart they don't hold each other up, and beyond it memory must not grow.
 */
const READ_AHEAD_BYTES = 1024 * 1024

export class Fill implements Reader {
  readonly #owner: FillOwner
  readonly #maxBytes: number
  readonly #arriving: Arriving
  readonly #readers: FillReader[] = []
  #state: State = 'waiting'
  #source: BodySource = wholeBody
  #isPaused = false
  #res: ResponseHead | undefined = undefined
  /** What has arrived; the first `#dropped` pieces are gone where the answer grew too large to keep. */
  #pieces: Uint8Array[] = []
  #dropped = 0
  #bytes = 0
  /** How much of that counts as arriving. */
  #counted = 0
  #isTooLarge = false
  #isWhole = false
  #trailers: HeaderList | undefined = undefined
  #cancel: Cancel | undefined = undefined

  constructor(owner: FillOwner, maxBytes: number, arriving: Arriving) {
    this.#owner = owner
    this.#maxBytes = maxBytes
    this.#arriving = arriving
  }

  /** Whether another reader may still join. */
  get isOpen(): boolean {
    return this.#state === 'waiting' || (this.#state === 'keeping' && !this.#isTooLarge)
  }

  /** Takes out the waiters that `isTaken` says, or all; they read nothing from here any more. */
  take(isTaken: (waiter: Waiter) => boolean = () => true): Waiter[] {
    const taken = this.#readers.filter((reader) => isTaken(reader.waiter))
    for (const reader of taken) {
      this.#readers.splice(this.#readers.indexOf(reader), 1)
      reader.isGone = true
    }
    return taken.map((reader) => reader.waiter)
  }

  /** Where `fetch` returned how to give up. */
  started(cancel: Cancel): void {
    if (this.#state !== 'over') this.#cancel = cancel
  }

  /** Lets one more wait for the answer, or read what has come of it. */
  join(waiter: Waiter): Cancel {
    const reader = new FillReader(this, waiter)
    this.#readers.push(reader)
    if (this.#res !== undefined) reader.begin(this.#res)
    return (why) => this.leave(reader, why)
  }

  leave(reader: FillReader, why: GatewayError): void {
    const index = this.#readers.indexOf(reader)
    if (index < 0) return
    this.#readers.splice(index, 1)
    reader.isGone = true
    if (this.#readers.length > 0) this.flow()
    else this.#abandon(why)
  }

  interim(status: number, headers: HeaderList): void {
    for (const reader of [...this.#readers]) reader.waiter.to.interim(status, headers)
  }

  head(res: ResponseHead, source: BodySource): void {
    this.#source = source
    const verdict = this.#owner.judge(this, res)
    if (this.#state === 'over') return
    if (verdict === 'consumed') {
      // What is left of the answer, an error page at most, is read and dropped, so that its connection can be kept.
      this.#state = 'over'
      this.#owner.ended(this)
      return
    }
    this.#state = verdict === 'keep' ? 'keeping' : 'passing'
    if (verdict === 'pass') this.#owner.ended(this)
    this.#res = res
    const others = verdict === 'pass' ? this.take((waiter) => !waiter.isOwn) : []
    for (const reader of [...this.#readers]) reader.begin(res)
    for (const waiter of others) waiter.alone()
    // The one it is for has left: nobody else may have it, and it need not have an end.
    if (verdict === 'pass' && this.#readers.length === 0) source.abort(new GatewayError('client_gone'))
  }

  write(chunk: Uint8Array): boolean {
    if (this.#state === 'passing') return this.#readers[0]?.waiter.to.write(chunk) ?? true
    if (this.#state !== 'keeping') return true
    // A copy: the chunk is a window into a read buffer that would live as long as the stored answer.
    this.#pieces.push(Uint8Array.from(chunk))
    this.#bytes += chunk.byteLength
    this.#count(chunk.byteLength)
    if (!this.#isTooLarge && (this.#bytes > this.#maxBytes || this.#arriving.isFull)) {
      this.#isTooLarge = true
      this.#owner.outgrown(this, this.#bytes <= this.#maxBytes)
      this.#owner.ended(this)
    }
    this.flow()
    return !this.#isPaused
  }

  end(trailers?: HeaderList): void {
    if (this.#state === 'over') return
    const wasKeeping = this.#state === 'keeping'
    this.#trailers = trailers
    this.#isWhole = true
    if (!wasKeeping) {
      this.#state = 'over'
      const reader = this.#readers[0]
      if (reader === undefined) return
      reader.isGone = true
      reader.waiter.to.end(trailers)
      return
    }
    if (!this.#isTooLarge) {
      this.#count(-this.#counted)
      this.#owner.complete(this, this.#pieces, this.#bytes, trailers)
      this.#owner.ended(this)
    }
    this.flow()
    this.#state = 'over'
  }

  fail(why: GatewayError): void {
    if (this.#state === 'over') return
    const before = this.#state
    this.#state = 'over'
    this.#count(-this.#counted)
    const readers = this.#readers.splice(0)
    if (before === 'waiting') {
      this.#owner.ended(this)
      this.#owner.failed(
        why,
        readers.map((reader) => reader.waiter),
      )
      return
    }
    if (before === 'keeping' && !this.#isTooLarge) this.#owner.ended(this)
    for (const reader of readers) reader.waiter.to.fail(why)
  }

  /** Feeds every reader, and lets go of what nobody will read again. */
  flow(): void {
    if (this.#state !== 'keeping' && !this.#isWhole) return
    for (const reader of [...this.#readers]) reader.pump()
    if (!this.#isTooLarge) return
    const slowest = Math.min(...this.#readers.map((reader) => reader.next))
    while (this.#dropped < slowest && this.#pieces.length > 0) {
      const { byteLength } = this.#pieces.shift() as Uint8Array
      this.#bytes -= byteLength
      if (this.#counted > 0) this.#count(-byteLength)
      this.#dropped++
    }
    const apartBytes = this.#arriving.isFull ? 0 : this.#maxBytes
    const isAhead = this.#bytes > apartBytes + READ_AHEAD_BYTES
    if (!isAhead && this.#isPaused) this.#source.resume()
    this.#isPaused = isAhead
  }

  /** The piece at `index` counted from the start of the body, or undefined when it has not come yet. */
  piece(index: number): Uint8Array | undefined {
    return this.#pieces[index - this.#dropped]
  }

  /** What has come and is still here. */
  get pieces(): readonly Uint8Array[] {
    return this.#pieces
  }

  get isWhole(): boolean {
    return this.#isWhole
  }

  get trailers(): HeaderList | undefined {
    return this.#trailers
  }

  /** The first reader of an answer that is not kept drives the origin's pace itself. */
  resumeSource(): void {
    if (this.#state === 'passing') this.#source.resume()
    else this.flow()
  }

  /** @param bytes more, or less, that this fill holds beside the store */
  #count(bytes: number): void {
    this.#counted += bytes
    this.#arriving.bytes += bytes
  }

  #abandon(why: GatewayError): void {
    this.#count(-this.#counted)
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#owner.ended(this)
    this.#cancel?.(why)
  }
}

class FillReader implements BodySource {
  readonly waiter: Waiter
  readonly #fill: Fill
  /** Index of the next piece to read. */
  next = 0
  isGone = false
  #isPaused = false
  #hasBegun = false

  constructor(fill: Fill, waiter: Waiter) {
    this.#fill = fill
    this.waiter = waiter
  }

  begin(res: ResponseHead): void {
    this.waiter.receive({ status: res.status, reason: res.reason, headers: res.headers.slice() }, this)
    this.#hasBegun = true
    this.pump()
  }

  pump(): void {
    while (this.#hasBegun && !this.isGone && !this.#isPaused) {
      const piece = this.#fill.piece(this.next)
      if (piece === undefined) {
        if (!this.#fill.isWhole) return
        this.isGone = true
        this.waiter.to.end(this.#fill.trailers)
        return
      }
      this.next++
      if (!this.waiter.to.write(piece)) this.#isPaused = true
    }
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#fill.resumeSource()
    this.pump()
  }

  abort(why: GatewayError): void {
    this.#fill.leave(this, why)
  }
}
