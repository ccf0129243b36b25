/** Coders whose output begins with something of ours: a dictionary's header, or padding. */
import type { Coder, Done } from './codec.ts'
import type { Coding } from './policy/negotiate.ts'
import { hasHeader, padded } from './policy/padding.ts'

/** Puts bytes before everything. */
export class PrefixedCoder implements Coder {
  readonly #next: Coder
  #prefix: Uint8Array | undefined

  constructor(next: Coder, prefix: Uint8Array) {
    this.#next = next
    this.#prefix = prefix
  }

  push(piece: Uint8Array, isLast: boolean, done: Done): void {
    this.#next.push(piece, isLast, this.#prefixing(done))
  }

  flush(done: Done): void {
    this.#next.flush(this.#prefixing(done))
  }

  destroy(): void {
    this.#next.destroy()
  }

  #prefixing(done: Done): Done {
    const prefix = this.#prefix
    this.#prefix = undefined
    return prefix === undefined ? done : (failure, output) => done(failure, [prefix, ...output])
  }
}

/** Puts padding behind the header of its format. */
export class PaddingCoder implements Coder {
  readonly #next: Coder
  readonly #coding: Coding
  readonly #paddingBytes: number
  /** Output until the header is there; undefined once it has gone out. */
  #start: Uint8Array | undefined = new Uint8Array(0)

  constructor(next: Coder, coding: Coding, paddingBytes: number) {
    this.#next = next
    this.#coding = coding
    this.#paddingBytes = paddingBytes
  }

  push(piece: Uint8Array, isLast: boolean, done: Done): void {
    if (this.#start === undefined) this.#next.push(piece, isLast, done)
    else if (this.#coding !== 'br') this.#next.push(piece, isLast, this.#padding(done))
    else {
      this.#begin(done, (start) => {
        this.#next.push(piece, isLast, (failure, output) => done(failure, [start, ...output]))
      })
    }
  }

  flush(done: Done): void {
    if (this.#start === undefined) this.#next.flush(done)
    else if (this.#coding !== 'br') this.#next.flush(this.#padding(done))
    else this.#begin(done, (start) => done(undefined, [start]))
  }

  destroy(): void {
    this.#next.destroy()
  }

  /** Brotli: a flush of nothing brings its header to a whole byte. */
  #begin(done: Done, goOn: (start: Uint8Array) => void): void {
    this.#next.flush((failure, header) => {
      if (failure !== undefined) {
        done(failure, [])
        return
      }
      this.#start = undefined
      goOn(padded('br', Buffer.concat(header), this.#paddingBytes))
    })
  }

  #padding(done: Done): Done {
    return (failure, output) => {
      const start = Buffer.concat([this.#start as Uint8Array, ...output])
      if (failure !== undefined || !hasHeader(this.#coding, start)) {
        this.#start = start
        done(failure, [])
        return
      }
      this.#start = undefined
      done(undefined, [padded(this.#coding, start, this.#paddingBytes)])
    }
  }
}
