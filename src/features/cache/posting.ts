/**
 * A POST whose answer is the new state of its own target: with explicit freshness and a Content-Location that names the
 * target, later GETs are answered from it (RFC 9110 §9.3.3). Each POST goes to the origin, and is shared with nobody.
 */
import type { BodySource } from '../../core/body.ts'
import type { GatewayError } from '../../core/errors.ts'
import { type HeaderList, headerValue } from '../../core/headers.ts'
import type { RequestHead, ResponseHead } from '../../core/message.ts'
import type { Cancel, Reader } from '../../core/origin.ts'
import type { Cache, UnderWay } from './contract.ts'
import { addCacheStatus } from './deliver.ts'
import { invalidate } from './passing.ts'
import { resolveReference } from './policy/invalidate.ts'

/** Whether the answer says that it is what a GET of the request's target would give. */
export function isOfTarget(request: RequestHead, headers: HeaderList): boolean {
  const location = headerValue(headers, 'content-location')
  if (location === undefined) return false
  const named = resolveReference(request, location)
  const own = resolveReference(request, '')
  return named !== undefined && named.path === own?.path && named.query === own.query
}

/** Passes the answer on; where `keep` returns a fetch for its head, through that, which keeps it on the way. */
export class Posting implements Reader {
  readonly #cache: Cache
  readonly #request: RequestHead
  readonly #to: Reader
  readonly #keep: (res: ResponseHead) => UnderWay | undefined
  #next: Reader
  #leave: Cancel | undefined = undefined

  constructor(cache: Cache, request: RequestHead, to: Reader, keep: (res: ResponseHead) => UnderWay | undefined) {
    this.#cache = cache
    this.#request = request
    this.#to = to
    this.#keep = keep
    this.#next = to
  }

  /** Gives the answer up, beside what obtains it. */
  readonly cancel: Cancel = (why) => this.#leave?.(why)

  interim(status: number, headers: HeaderList): void {
    this.#to.interim(status, headers)
  }

  head(res: ResponseHead, source: BodySource): void {
    invalidate(this.#cache, this.#request, res)
    const fetching = this.#keep(res)
    if (fetching === undefined) {
      this.#note(res, '')
    } else {
      this.#next = fetching.fill
      this.#leave = fetching.fill.join({
        to: this.#to,
        request: this.#request,
        isOwn: true,
        receive: (own, ownSource) => {
          this.#note(own, '; stored')
          this.#to.head(own, ownSource)
        },
        // Nobody else reads the answer to a POST.
        alone: () => {},
      })
    }
    this.#next.head(res, source)
  }

  write(chunk: Uint8Array): boolean {
    return this.#next.write(chunk)
  }

  end(trailers?: HeaderList): void {
    this.#next.end(trailers)
  }

  fail(why: GatewayError): void {
    this.#next.fail(why)
  }

  #note(res: ResponseHead, stored: string): void {
    if (this.#cache.policy.statusField) addCacheStatus(res.headers, `fwd=method; fwd-status=${res.status}${stored}`)
  }
}
