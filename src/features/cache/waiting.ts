/** A client that waits for a fetching, its own or another's: what becomes of its wait is told to it here. */
import { type BodySource, wholeBody } from '../../core/body.ts'
import type { Exchange } from '../../core/exchange.ts'
import { type HeaderList, removeHeader } from '../../core/headers.ts'
import type { RequestHead, ResponseHead } from '../../core/message.ts'
import type { Cancel, Reader } from '../../core/origin.ts'
import type { Cache, UnderWay } from './contract.ts'
import { addCacheStatus } from './deliver.ts'
import type { Waiter } from './fill.ts'
import { isNotModified } from './policy/validate.ts'
import type { StoredAnswer } from './store/memory.ts'

export class Waiting implements Waiter {
  to: Reader
  readonly request: RequestHead
  readonly #x: Exchange
  readonly #cache: Cache
  readonly isOwn: boolean
  readonly #sinceMs: number
  readonly #fetching: UnderWay
  #cancel: Cancel = () => {}
  #retries: number

  constructor(
    cache: Cache,
    x: Exchange,
    to: Reader,
    fetching: UnderWay,
    request: RequestHead,
    options: WaitingOptions,
  ) {
    this.#cache = cache
    this.#x = x
    this.to = to
    this.request = request
    this.#fetching = fetching
    this.isOwn = !options.isCollapsed
    this.#retries = options.retries
    this.#sinceMs = cache.clock.now()
  }

  /** Gives up waiting or reading. */
  readonly cancel: Cancel = (why) => this.#cancel(why)

  join(): void {
    this.#cancel = this.#fetching.fill.join(this)
  }

  receive(res: ResponseHead, source: BodySource): void {
    const { headers, status } = res
    const fetching = this.#fetching
    // RFC 9111 §5.2.2.4, §5.2.2.7: they are not reused, and whoever joins reuses.
    if (!this.isOwn) for (const name of fetching.withheld) removeHeader(headers, name)
    this.#note(!this.isOwn ? 'collapsed' : fetching.isKept ? 'miss' : 'pass')
    if (this.#cache.policy.statusField) {
      addCacheStatus(headers, fetching.forwardStatus(status, !this.isOwn))
    }
    const { to } = this
    if (!isNotModified(this.request.headers, headers, status, this.#cache.clock.wall())) {
      this.#share()
      to.head(res, source)
      return
    }
    // The client has it already; the body still goes on to the store and to the others.
    this.to = discard
    to.head({ status: 304, reason: '', headers: headers.filter(pairsWithoutLength(headers)) }, wholeBody)
    to.end()
  }

  #share(): void {
    const { shared } = this.#fetching
    if (shared === undefined) return
    shared.hits++
    this.#x.stored = shared
  }

  alone(): void {
    if (this.#fetching.hasFailed && this.#retries > 0) this.#retries--
    const { key } = this.#fetching.lookup
    this.#cancel = this.#cache.refetch(this.#x, this.request, key, this.to, this.#retries)
  }

  /** Tries once more, together with the others. False when that was done already. */
  retry(): boolean {
    if (this.#retries <= 0) return false
    this.alone()
    return true
  }

  /** Answers from a stored answer. */
  give(answer: StoredAnswer, result: string, status: string): void {
    this.#note(result)
    this.#cancel = this.#cache.give(this.#x, this.request, this.to, answer, status)
  }

  #note(result: string): void {
    this.#cache.note(this.#x, result, this.isOwn ? 0 : this.#cache.clock.now() - this.#sinceMs)
  }
}

export interface WaitingOptions {
  /** Whether another's fetch is shared. */
  readonly isCollapsed: boolean
  /** How often a shared fetch that failed may be tried again. */
  readonly retries: number
}

const discard: Reader = {
  interim() {},
  head() {},
  write: () => true,
  end() {},
  fail() {},
}

function pairsWithoutLength(headers: HeaderList): (entry: string, index: number) => boolean {
  return (_entry, index) => (headers[index & ~1] as string).toLowerCase() !== 'content-length'
}
