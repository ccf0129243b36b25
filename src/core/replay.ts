/**
 * A request body that can be had more than once: for another try, a hedge, a mirrored request, a fallback. What has
 * arrived is remembered up to a limit. Each stream begins at the first byte and goes on with what still comes, also
 * while others read; each reads at its own pace.
 *
 * Beyond the limit the start is forgotten: no new stream can be had, those that are open go on, and whichever is
 * ahead waits for the slowest when they are further apart than the limit. What is kept never passes the limit by more
 * than one chunk.
 */
import { Readable } from 'node:stream'
import { asGatewayError, GatewayError } from './errors.ts'
import type { HeaderList } from './headers.ts'
import type { RequestBody } from './message.ts'

export interface ReplayableBody extends RequestBody {
  /** Whether `open()` gives the content from its start, however often it is called. */
  readonly isReplayable: boolean
  /**
   * Calls `listener` once, perhaps at once: with true when all of the content has arrived and is remembered, with
   * false when it is clear that it won't be. Not at all when nobody reads it to its end.
   */
  whenSettled(listener: (isWhole: boolean) => void): void
}

/**
 * A body that remembers up to `maxBytes`. One that remembers already is returned itself, with the higher of the limits.
 */
export function replayable(body: RequestBody, maxBytes: number): ReplayableBody {
  if (!(body instanceof Replay)) return new Replay(body, maxBytes)
  body.widen(maxBytes)
  return body
}

/** Whether a request can be sent (again) with this body: it has none, nobody has read of it, or it is remembered. */
export function mayOpen(body: RequestBody | null): boolean {
  return body === null || body.takenBytes === 0 || (body instanceof Replay && body.isReplayable)
}

/** Small chunks are gathered: each kept by itself would cost many times its size. */
const PAGE_BYTES = 16 * 1024
const SMALL_PAGE_BYTES = 1024

/** A stretch of content; its readers hold on to it, and with it to all that follows. */
class Page {
  readonly bytes: Buffer
  /** How much of it is content. */
  length = 0
  next: Page | undefined = undefined

  constructor(bytes: number) {
    this.bytes = Buffer.allocUnsafe(bytes)
  }
}

class Replay implements ReplayableBody {
  readonly #body: RequestBody
  readonly #streams: ReplayStream[] = []
  #maxBytes: number
  /** Where new streams begin; undefined when the start is forgotten. */
  #first: Page | undefined = new Page(0)
  #last: Page = this.#first as Page
  /** Bytes that have arrived. */
  #end = 0
  #source: Readable | undefined = undefined
  #isWhole = false
  #failure: GatewayError | undefined = undefined
  #listeners: ((isWhole: boolean) => void)[] = []

  constructor(body: RequestBody, maxBytes: number) {
    this.#body = body
    this.#maxBytes = maxBytes
    if (!this.#fits) this.#first = undefined
  }

  get lengthBytes(): number | undefined {
    return this.#body.lengthBytes
  }

  get takenBytes(): number {
    return this.#end
  }

  get trailers(): HeaderList {
    return this.#body.trailers
  }

  get isReplayable(): boolean {
    return this.#first !== undefined && this.#failure === undefined
  }

  get #fits(): boolean {
    return (this.#body.lengthBytes ?? 0) <= this.#maxBytes
  }

  limit(maxBytes: number): void {
    this.#body.limit(maxBytes)
  }

  widen(maxBytes: number): void {
    this.#maxBytes = Math.max(this.#maxBytes, maxBytes)
    if (this.#end === 0 && this.#fits) this.#first = this.#last
  }

  whenSettled(listener: (isWhole: boolean) => void): void {
    if (!this.isReplayable) listener(false)
    else if (this.#isWhole) listener(true)
    else this.#listeners.push(listener)
  }

  open(): Readable {
    const page = this.#first ?? (this.#end === 0 ? this.#last : undefined)
    const stream = new ReplayStream(this, page ?? this.#last)
    if (this.#failure !== undefined) stream.destroy(this.#failure)
    else if (page === undefined) stream.destroy(new GatewayError('internal', 'a request body was opened again'))
    else this.#streams.push(stream)
    return stream
  }

  /** A stream has room, and has been given all that is here. */
  wanted(stream: ReplayStream): void {
    if (this.#isWhole) stream.push(null)
    else this.#flow()
  }

  /** A stream was given up. The others go on, perhaps faster. */
  dropped(stream: ReplayStream): void {
    const index = this.#streams.indexOf(stream)
    if (index < 0) return
    this.#streams.splice(index, 1)
    if (this.#isWhole) return
    // The body itself can be opened again as long as nothing of it was taken; once the start is lost, nobody will.
    const isOfUse = this.isReplayable ? this.#body.takenBytes > 0 : this.#end === 0
    if (this.#streams.length > 0 || isOfUse) this.#flow()
    else this.#letGo()
  }

  /** Reads on while a stream wants more and none is too far behind. */
  #flow(): void {
    if (this.#isWhole || this.#failure !== undefined) return
    let slowest = this.#end
    let isWanted = false
    for (const stream of this.#streams) {
      if (stream.at < slowest) slowest = stream.at
      if (stream.isWaiting) isWanted = true
    }
    const isApart = !this.isReplayable && slowest < this.#end && this.#end - slowest >= this.#maxBytes
    if (isWanted && !isApart) this.#read().resume()
    else this.#source?.pause()
  }

  #read(): Readable {
    if (this.#source !== undefined) return this.#source
    const source = this.#body.open()
    this.#source = source
    source.on('data', (chunk: Buffer) => {
      if (source === this.#source) this.#arrive(chunk)
    })
    source.on('end', () => {
      if (source === this.#source) this.#complete()
    })
    source.on('error', (error) => {
      if (source === this.#source) this.#fail(asGatewayError(error))
    })
    source.on('close', () => {
      if (source === this.#source && !this.#isWhole) this.#fail(new GatewayError('client_gone', 'given up by another'))
    })
    return source
  }

  #arrive(chunk: Buffer): void {
    if (this.#first !== undefined && this.#end + chunk.byteLength > this.#maxBytes) {
      this.#first = undefined
      this.#settle(false)
    }
    this.#end += chunk.byteLength
    const only = this.#streams.length === 1 ? this.#streams[0] : undefined
    if (only?.isWaiting === true && this.#first === undefined) only.pass(chunk)
    else this.#keep(chunk)
    // A copy: a stream may be destroyed by what it is given.
    for (const stream of [...this.#streams]) if (stream.isWaiting) stream.pump()
    this.#flow()
  }

  #keep(chunk: Buffer): void {
    for (let at = 0; at < chunk.byteLength; ) {
      let page = this.#last
      if (page.length === page.bytes.byteLength) {
        const wanted = Math.max(this.#body.lengthBytes ?? SMALL_PAGE_BYTES, chunk.byteLength - at)
        page = new Page(Math.min(wanted, PAGE_BYTES))
        this.#last.next = page
        this.#last = page
      }
      const copied = chunk.copy(page.bytes, page.length, at)
      page.length += copied
      at += copied
    }
  }

  #complete(): void {
    this.#isWhole = true
    this.#source = undefined
    for (const stream of [...this.#streams]) if (stream.isWaiting) stream.pump()
    this.#settle(this.isReplayable)
  }

  #fail(why: GatewayError): void {
    if (this.#failure !== undefined || this.#isWhole) return
    this.#failure = why
    this.#source = undefined
    this.#settle(false)
    for (const stream of this.#streams.splice(0)) stream.destroy(why)
  }

  #settle(isWhole: boolean): void {
    for (const listener of this.#listeners.splice(0)) listener(isWhole)
  }

  #letGo(): void {
    const source = this.#source
    this.#source = undefined
    source?.destroy()
  }
}

class ReplayStream extends Readable {
  readonly #replay: Replay
  #page: Page
  #offset = 0
  /** Bytes that it has been given. */
  at = 0
  /** It has room, and has been given all that was here. */
  isWaiting = false

  constructor(replay: Replay, first: Page) {
    super()
    this.#replay = replay
    this.#page = first
    // Whoever reads it listens for errors; before that, nobody does, and an unheard error ends the process.
    this.on('error', ignore)
  }

  /** Gives what is kept, as far as there is room; after that it waits. */
  pump(): void {
    this.isWaiting = false
    while (!this.destroyed) {
      const { bytes, length, next } = this.#page
      if (this.#offset < length) {
        const piece = bytes.subarray(this.#offset, length)
        this.#offset = length
        this.at += piece.byteLength
        if (!this.push(piece)) return
      } else if (next !== undefined) {
        this.#page = next
        this.#offset = 0
      } else {
        this.isWaiting = true
        this.#replay.wanted(this)
        return
      }
    }
  }

  /** Gives a chunk that nobody else will read. */
  pass(chunk: Buffer): void {
    this.at += chunk.byteLength
    this.isWaiting = this.push(chunk)
  }

  override _read(): void {
    // While it waits, whatever comes is pushed without being asked for.
    if (!this.isWaiting) this.pump()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.isWaiting = false
    this.#replay.dropped(this)
    callback(error)
  }
}

function ignore(): void {}
