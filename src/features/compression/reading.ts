/** One client's part in an encoding (encoding.ts): feeds it with what its source brings, and reads from it at its own pace. */
import type { BodyFilter, BodySink, BodySource } from '../../core/body.ts'
import { wholeBody } from '../../core/body.ts'
import type { GatewayError } from '../../core/errors.ts'
import type { HeaderList } from '../../core/headers.ts'
import { isOfTheBytes } from './policy/eligible.ts'

/** An encoding, as its readers see it. */
export interface Read {
  readonly isMade: boolean
  /** Whether input should wait. */
  readonly isFull: boolean
  /** Takes the bytes from offset `at` on, as far as they are new. */
  offer(at: number, bytes: Uint8Array): void
  /** There is no more than what was offered. */
  inputOver(): void
  /** The piece at `index` counted from the start, or undefined when it has not come yet. */
  piece(index: number): Uint8Array | undefined
  /** Works on, if there is something to do, and asks for more where there is room for it. */
  goOn(): void
  leave(reading: Reading): void
}

/** One client's part in an encoding: a filter of its answer's body. */
export class Reading implements BodyFilter {
  readonly #encoding: Read
  #source: BodySource = wholeBody
  #to: BodySink | undefined = undefined
  #at = 0
  /** Index of the next piece to give. */
  next = 0
  #isSourceOver = false
  /** Its client takes no more for the moment. */
  isBlocked = false
  #isOver = false
  #isHeldBack = false
  #trailers: HeaderList | undefined = undefined

  constructor(encoding: Read) {
    this.#encoding = encoding
  }

  between(source: BodySource, next: BodySink): void {
    this.#source = source
    this.#to = next
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver) return true
    this.#encoding.offer(this.#at, chunk)
    this.#at += chunk.byteLength
    this.#isHeldBack = this.isBlocked || this.#encoding.isFull
    return !this.#isHeldBack
  }

  end(trailers?: HeaderList): void {
    if (this.#isOver) return
    this.#isSourceOver = true
    this.#trailers = trailers === undefined ? undefined : withoutDigests(trailers)
    this.#encoding.inputOver()
    this.pump()
  }

  fail(why: GatewayError): void {
    if (!this.#letGo()) return
    this.#to?.fail(why)
  }

  pause(): void {
    this.isBlocked = true
  }

  resume(): void {
    this.isBlocked = false
    this.pump()
    this.#encoding.goOn()
  }

  abort(why: GatewayError): void {
    if (this.#letGo()) this.#source.abort(why)
  }

  /** Gives what there is, as far as the client takes it. */
  pump(): void {
    const to = this.#to
    while (to !== undefined && !this.isBlocked && !this.#isOver) {
      const piece = this.#encoding.piece(this.next)
      if (piece === undefined) {
        if (this.#isSourceOver && this.#encoding.isMade && this.#letGo()) to.end(this.#trailers)
        return
      }
      this.next++
      if (!to.write(piece)) this.isBlocked = true
    }
  }

  /** There is room for input again. */
  more(): void {
    if (!this.#isHeldBack || this.isBlocked || this.#isOver || this.#encoding.isFull) return
    this.#isHeldBack = false
    this.#source.resume()
  }

  broke(why: GatewayError): void {
    if (!this.#letGo()) return
    if (!this.#isSourceOver) this.#source.abort(why)
    this.#to?.fail(why)
  }

  /** False when that was done before. */
  #letGo(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#encoding.leave(this)
    return true
  }
}

function withoutDigests(trailers: HeaderList): HeaderList | undefined {
  const kept = trailers.filter((_entry, index) => !isOfTheBytes(trailers[index & ~1] as string))
  return kept.length === 0 ? undefined : kept
}
