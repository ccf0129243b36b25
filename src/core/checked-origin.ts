/**
 * The origin protocol as a test wrapper: passes everything through and notes each breach of what core/origin.ts and
 * core/body.ts promise. `check()` throws them. Every origin's tests run under it.
 *
 * Pause, precisely: once `write` has returned false or the reader has called `pause()`, chunks may still come until
 * the current synchronous turn is over (they were in the same buffer); after that none until `resume()`.
 * `end` and `fail` carry no bytes and may come while paused. After Cancel or `abort()` nothing may come at all, not
 * even from inside that call.
 */
import type { BodySource } from './body.ts'
import { GatewayError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import type { HeaderList } from './headers.ts'
import type { RequestHead, ResponseHead } from './message.ts'
import type { Cancel, Origin, Reader } from './origin.ts'

export class CheckedOrigin implements Origin {
  readonly #inner: Origin
  readonly #readers: CheckedReader[] = []
  /** Every breach so far, in order. */
  readonly violations: string[] = []

  constructor(inner: Origin) {
    this.#inner = inner
  }

  /** Fetches that have neither ended, failed nor been given up. */
  get unfinished(): number {
    return this.#readers.filter((reader) => !reader.isOver).length
  }

  fetch(x: Exchange, req: RequestHead, to: Reader): Cancel {
    const number = this.#readers.length + 1
    const reader = new CheckedReader(to, (what) => this.violations.push(`fetch ${number}: ${what}`))
    this.#readers.push(reader)
    const cancel = reader.guard('fetch', () => this.#inner.fetch(x, req, reader))
    return (why) => {
      reader.givenUp('cancel')
      reader.guard('cancel', () => cancel(why))
    }
  }

  /** Throws when the protocol was broken; with `finished`, also when a fetch is still going on. */
  check(options: { finished?: boolean } = {}): void {
    const found = [...this.violations]
    if (options.finished === true && this.unfinished > 0) found.push(`${this.unfinished} fetches never ended`)
    if (found.length > 0) throw new Error(`the origin protocol was broken:\n  ${found.join('\n  ')}`)
  }
}

class CheckedReader implements Reader {
  readonly #to: Reader
  readonly #report: (what: string) => void
  #isHeadSeen = false
  /** How it ended: 'end', 'fail', 'cancel' or 'abort'. */
  #over: string | undefined = undefined
  #isPaused = false
  #isTurnOver = false

  constructor(to: Reader, report: (what: string) => void) {
    this.#to = to
    this.#report = report
  }

  get isOver(): boolean {
    return this.#over !== undefined
  }

  interim(status: number, headers: HeaderList): void {
    this.#mayCall('interim')
    if (this.#isHeadSeen) this.#report('interim after head')
    if (status < 102 || status > 199) this.#report(`interim with status ${status}`)
    this.#mustBeFlat('interim', headers)
    this.#to.interim(status, headers)
  }

  head(res: ResponseHead, source: BodySource): void {
    this.#mayCall('head')
    if (this.#isHeadSeen) this.#report('head twice')
    this.#isHeadSeen = true
    if (res.status < 200 || res.status > 999) this.#report(`head with status ${res.status}`)
    this.#mustBeFlat('head', res.headers)
    this.#to.head(res, {
      pause: () => {
        this.#pause()
        this.guard('pause', () => source.pause())
      },
      resume: () => {
        this.#isPaused = false
        this.guard('resume', () => source.resume())
      },
      abort: (why) => {
        this.givenUp('abort')
        this.guard('abort', () => source.abort(why))
      },
    })
  }

  write(chunk: Uint8Array): boolean {
    this.#mayCall('write')
    if (!this.#isHeadSeen) this.#report('write before head')
    if (chunk.byteLength === 0) this.#report('write of an empty chunk')
    if (this.#isPaused && this.#isTurnOver) this.#report('write while paused')
    const mayGoOn = this.#to.write(chunk)
    if (!mayGoOn) this.#pause()
    return mayGoOn
  }

  end(trailers?: HeaderList): void {
    this.#mayCall('end')
    if (!this.#isHeadSeen) this.#report('end before head')
    if (trailers !== undefined) this.#mustBeFlat('end', trailers)
    this.#over ??= 'end'
    this.#to.end(trailers)
  }

  fail(why: GatewayError): void {
    this.#mayCall('fail')
    if (!(why instanceof GatewayError)) this.#report(`fail with ${String(why)}, which is no GatewayError`)
    this.#over ??= 'fail'
    this.#to.fail(why)
  }

  givenUp(how: 'cancel' | 'abort'): void {
    this.#over ??= how
  }

  /** Runs what must not throw. */
  guard<T>(what: string, call: () => T): T {
    try {
      return call()
    } catch (thrown) {
      this.#report(`${what} threw ${String(thrown)}`)
      throw thrown
    }
  }

  #mayCall(what: string): void {
    if (this.#over !== undefined) this.#report(`${what} after ${this.#over}`)
  }

  #mustBeFlat(what: string, list: HeaderList): void {
    if (list.length % 2 !== 0) this.#report(`${what} with a header list of odd length`)
  }

  #pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#isTurnOver = false
    queueMicrotask(() => {
      this.#isTurnOver = true
    })
  }
}
