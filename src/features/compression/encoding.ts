/**
 * One body becoming another, and those who read it. Usually one client feeds it and reads it; where a cache gives the
 * same object to several, they share one: whoever comes first with the next bytes feeds it, all read the same result,
 * each at its own pace, and anyone may leave.
 *
 *   source ─▶ Reading ─ offer ─▶ Encoding ─▶ gate ─▶ coder ─▶ pieces ─▶ every Reading ─▶ its client
 */
import { asGatewayError, GatewayError } from '../../core/errors.ts'
import { joined } from '../../core/pieces.ts'
import type { Coder } from './codec.ts'
import { type Gate, PIECE_BYTES } from './gate.ts'
import { type Read, Reading } from './reading.ts'

/** What is made, and how. */
export interface Recipe {
  coder(): Coder
  /** For a whole body of at most `nowBytes`: done on the spot. */
  readonly now: ((body: Uint8Array) => Uint8Array) | undefined
  readonly nowBytes: number
  /** Length of the body to come, where it is known for sure. */
  readonly lengthBytes: number | undefined
  /** Whether clients get what there is as soon as the source has no more for the moment. */
  readonly flushes: boolean
  /** Input per piece of work. */
  readonly pieceBytes: number
  /** Memory that the coder takes while it is open. */
  readonly coderBytes: number
}

export interface EncodingEvents {
  /** All of it is made. `whole` is the result, where it was retained. */
  made(bytesIn: number, bytesOut: number, whole: Uint8Array | undefined): void
  /** It can't be made, or nobody wants it any more. */
  over(): void
}

/** Input that may wait for the coder, and output for the client that feeds it, before the source is held back. */
const HIGH_WATER_BYTES = 2 * PIECE_BYTES

export class Encoding implements Read {
  readonly #recipe: Recipe
  readonly #gate: Gate
  readonly #events: EncodingEvents
  readonly #readers = new Set<Reading>()
  #coder: Coder | undefined = undefined
  /** Input that waits. */
  #queue: Uint8Array[] = []
  #queuedBytes = 0
  #inputBytes = 0
  #isInputOver = false
  #isScheduled = false
  /** Waits at the gate or runs. */
  #isWorking = false
  #isRunning = false
  #isUnflushed = false
  /** Output from `#dropped` on; all of it while it is retained. */
  #pieces: Uint8Array[] = []
  #dropped = 0
  #outputBytes = 0
  #retainBytes: number
  #state: 'open' | 'made' | 'over' = 'open'

  /** @param retainBytes how much output is kept for others and for the result; 0: none */
  constructor(recipe: Recipe, gate: Gate, events: EncodingEvents, retainBytes: number) {
    this.#recipe = recipe
    this.#gate = gate
    this.#events = events
    this.#retainBytes = retainBytes
  }

  /** Whether another reader would still get everything. */
  get isJoinable(): boolean {
    return this.#state !== 'over' && this.#dropped === 0 && this.#retainBytes > 0
  }

  get isMade(): boolean {
    return this.#state === 'made'
  }

  get isFull(): boolean {
    return this.#queuedBytes >= HIGH_WATER_BYTES && this.#state === 'open'
  }

  join(): Reading {
    const reading = new Reading(this)
    this.#readers.add(reading)
    return reading
  }

  leave(reading: Reading): void {
    this.#readers.delete(reading)
    if (this.#readers.size > 0) this.#drop()
    // With all the input here and a use for the result, the rest is worth making.
    else if (this.#state === 'open' && !(this.#isInputOver && this.#retainBytes > 0)) this.#end('over')
  }

  /** Nobody needs the result any more. */
  giveUp(): void {
    if (this.#state === 'open') this.#end('over')
  }

  /** Takes the bytes from offset `at` on, as far as they are new. */
  offer(at: number, bytes: Uint8Array): void {
    const known = this.#inputBytes - at
    if (known >= bytes.byteLength || this.#isInputOver || this.#state !== 'open') return
    const fresh = known > 0 ? bytes.subarray(known) : bytes
    this.#inputBytes += fresh.byteLength
    this.#queue.push(fresh)
    this.#queuedBytes += fresh.byteLength
    if (this.#inputBytes === this.#recipe.lengthBytes) this.#isInputOver = true
    this.#schedule()
  }

  /** There is no more than what was offered. */
  inputOver(): void {
    if (this.#isInputOver) return
    this.#isInputOver = true
    this.#schedule()
  }

  /** The piece at `index` counted from the start, or undefined when it has not come yet. */
  piece(index: number): Uint8Array | undefined {
    return this.#pieces[index - this.#dropped]
  }

  /** In a moment: what comes in the same turn, often the end, is then worked in together. */
  #schedule(): void {
    if (this.#isScheduled || this.#isWorking) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      this.#work()
    })
  }

  #work(): void {
    if (this.#isWorking || this.#state !== 'open') return
    const { now, nowBytes, flushes, pieceBytes } = this.#recipe
    const isUntouched = this.#coder === undefined
    if (now !== undefined && isUntouched && this.#isInputOver && this.#inputBytes <= nowBytes) {
      this.#takeAtOnce(now)
      return
    }
    if (!this.#isWanted()) return
    if (!this.#isInputOver) {
      // Where nobody waits for less than all of it, whole pieces are fewer.
      if (!flushes && this.#queuedBytes < pieceBytes) return
      if (this.#queue.length === 0 && !this.#isUnflushed) return
    }
    this.#isWorking = true
    this.#gate.enter(() => this.#run())
  }

  /** Output is made no faster than the fastest reader takes it; without readers, for what is kept of it. */
  #isWanted(): boolean {
    if (this.#readers.size === 0) return true
    for (const reading of this.#readers) if (!reading.isBlocked) return true
    return false
  }

  #takeAtOnce(now: (body: Uint8Array) => Uint8Array): void {
    try {
      const result = now(joined(this.#queue, this.#queuedBytes))
      this.#queue = []
      this.#queuedBytes = 0
      this.#took([result])
      this.#end('made')
    } catch (thrown) {
      this.#broke(asGatewayError(thrown))
    }
  }

  /** One piece of work, on the thread pool. What there is to do is decided only now: more may have come. */
  #run(): void {
    if (this.#state !== 'open') {
      this.#gate.leave()
      return
    }
    const isFlush = this.#queue.length === 0 && !this.#isInputOver
    const piece = isFlush ? undefined : this.#take()
    const isLast = this.#isInputOver && this.#queue.length === 0
    const done = (failure: Error | undefined, output: readonly Uint8Array[]) => {
      if (!this.#isRunning) return
      this.#isRunning = this.#isWorking = false
      this.#gate.leave()
      if (failure !== undefined) {
        this.#broke(failure)
        return
      }
      this.#isUnflushed = piece !== undefined
      this.#took(output)
      if (isLast) this.#end('made')
      else this.goOn()
    }
    this.#isRunning = true
    try {
      if (this.#coder === undefined) {
        this.#coder = this.#recipe.coder()
        this.#gate.openBytes += this.#recipe.coderBytes
      }
      if (piece === undefined) this.#coder.flush(done)
      else this.#coder.push(piece, isLast, done)
    } catch (thrown) {
      done(asGatewayError(thrown), [])
    }
  }

  /** Works on, if there is something to do, and asks for more where there is room for it. */
  goOn(): void {
    this.#work()
    if (this.#queuedBytes >= HIGH_WATER_BYTES) return
    for (const reading of [...this.#readers]) reading.more()
  }

  /** The next input, small pieces joined and large ones split. */
  #take(): Uint8Array {
    const limit = this.#recipe.pieceBytes
    const first = this.#queue[0]
    if (first === undefined) return nothing
    if (first.byteLength > limit) {
      this.#queue[0] = first.subarray(limit)
      this.#queuedBytes -= limit
      return first.subarray(0, limit)
    }
    let count = 0
    let bytes = 0
    for (const piece of this.#queue) {
      if (count > 0 && bytes + piece.byteLength > limit) break
      bytes += piece.byteLength
      count++
    }
    this.#queuedBytes -= bytes
    const taken = this.#queue.splice(0, count)
    return count === 1 ? first : joined(taken, bytes)
  }

  #took(output: readonly Uint8Array[]): void {
    for (const piece of output) {
      if (piece.byteLength === 0) continue
      this.#pieces.push(piece)
      this.#outputBytes += piece.byteLength
    }
    if (this.#outputBytes > this.#retainBytes) this.#retainBytes = 0
    for (const reading of [...this.#readers]) reading.pump()
    this.#drop()
  }

  /** Lets go of what nobody will read again. */
  #drop(): void {
    if (this.#retainBytes > 0 || this.#pieces.length === 0) return
    let slowest = Number.POSITIVE_INFINITY
    for (const reading of this.#readers) slowest = Math.min(slowest, reading.next)
    const count = Math.min(slowest - this.#dropped, this.#pieces.length)
    if (count <= 0) return
    this.#pieces.splice(0, count)
    this.#dropped += count
  }

  #end(state: 'made' | 'over'): void {
    this.#state = state
    // A coder that is destroyed in the middle of its work does not call back.
    if (this.#coder !== undefined) {
      this.#coder.destroy()
      this.#coder = undefined
      this.#gate.openBytes -= this.#recipe.coderBytes
    }
    if (this.#isRunning) {
      this.#isRunning = false
      this.#gate.leave()
    }
    if (state === 'made') {
      const whole = this.#retainBytes > 0 ? joined(this.#pieces, this.#outputBytes) : undefined
      this.#events.made(this.#inputBytes, this.#outputBytes, whole)
    }
    this.#events.over()
    for (const reading of [...this.#readers]) {
      reading.pump()
      reading.more()
    }
  }

  #broke(failure: Error): void {
    const why = failure instanceof GatewayError ? failure : new GatewayError('internal', `zlib: ${failure.message}`)
    this.#end('over')
    for (const reading of [...this.#readers]) reading.broke(why)
  }
}

const nothing = new Uint8Array(0)
