/** Readers for what the cache lets through: they note what an answer means for what is stored, and keep none of it. */
import type { BodySource } from '../../core/body.ts'
import type { GatewayError } from '../../core/errors.ts'
import { type HeaderList, headerValue } from '../../core/headers.ts'
import type { RequestHead, ResponseHead } from '../../core/message.ts'
import type { Reader } from '../../core/origin.ts'
import type { Cache } from './contract.ts'
import { addCacheStatus } from './deliver.ts'
import { updated } from './description.ts'
import { invalidatedGroups } from './policy/groups.ts'
import { invalidated } from './policy/invalidate.ts'
import type { StoredAnswer } from './store/memory.ts'

/** Passes everything on, and shows the head to `see` first. */
export class Passing implements Reader {
  readonly #to: Reader
  readonly #see: (res: ResponseHead) => void

  constructor(to: Reader, see: (res: ResponseHead) => void) {
    this.#to = to
    this.#see = see
  }

  interim(status: number, headers: HeaderList): void {
    this.#to.interim(status, headers)
  }

  head(res: ResponseHead, source: BodySource): void {
    this.#see(res)
    this.#to.head(res, source)
  }

  write(chunk: Uint8Array): boolean {
    return this.#to.write(chunk)
  }

  end(trailers?: HeaderList): void {
    this.#to.end(trailers)
  }

  fail(why: GatewayError): void {
    this.#to.fail(why)
  }
}

/** For answers that only get a Cache-Status. */
export function bypassing(cache: Cache, to: Reader, because: string): Reader {
  if (!cache.policy.statusField) return to
  return new Passing(to, (res) =>
    addCacheStatus(res.headers, `fwd=bypass; fwd-status=${res.status}; detail=${because}`),
  )
}

/** For unsafe methods: what they changed is no longer true (RFC 9111 §4.4). */
export function invalidating(cache: Cache, request: RequestHead, to: Reader): Reader {
  return new Passing(to, (res) => {
    invalidate(cache, request, res)
    if (cache.policy.statusField) addCacheStatus(res.headers, `fwd=method; fwd-status=${res.status}`)
  })
}

/** Drops what the answer to an unsafe request shows to be no longer true. */
export function invalidate(
  cache: Pick<Cache, 'policy' | 'invalidate'>,
  request: RequestHead,
  { status, headers }: ResponseHead,
): void {
  const targets = invalidated(request, status, headers)
  const keys = targets.map(({ path, query }) => cache.policy.keyOfTarget(request.authority, path, query))
  const labels = invalidatedGroups(status, headers, request.authority)
  if (keys.length + labels.length > 0) cache.invalidate(keys, labels)
}

/** For HEAD: its fields bring a stored GET answer up to date, or show that it is no longer true (RFC 9111 §4.3.5). */
export function headUpdating(cache: Cache, request: RequestHead, stored: StoredAnswer | undefined, to: Reader): Reader {
  const requestedAtMs = cache.clock.wall()
  return new Passing(to, (res) => {
    if (stored !== undefined && res.status === 200) update(cache, request, stored, res, requestedAtMs)
    if (cache.policy.statusField) addCacheStatus(res.headers, `fwd=method; fwd-status=${res.status}`)
  })
}

function update(
  cache: Cache,
  request: RequestHead,
  stored: StoredAnswer,
  res: ResponseHead,
  requestedAtMs: number,
): void {
  const differs = (name: 'etag' | 'last-modified') => {
    const value = headerValue(res.headers, name)
    return value !== undefined && value !== (headerValue(stored.headers, name) ?? value)
  }
  const length = headerValue(res.headers, 'content-length')
  const isOther = length !== undefined && Number(length) !== stored.bodyBytes
  if (isOther || differs('etag') || differs('last-modified')) {
    cache.store.replace(stored, { ...stored, isInvalidated: true })
    return
  }
  const asked = { request: { ...request, method: 'GET' }, key: stored.key, partition: stored.partition }
  const update = updated(stored, res, asked, cache.policy, { requestedAtMs, receivedAtMs: cache.clock.wall() })
  if (update.verdict === 'keep') cache.store.replace(stored, update.answer)
  if (update.verdict === 'drop') cache.store.delete(stored)
}
