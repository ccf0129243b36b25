/** What of an answer is stored beside its body, or the one reason why nothing is. */
import { type HeaderList, headerValue } from '../../core/headers.ts'
import type { RequestHead, ResponseHead } from '../../core/message.ts'
import type { CachePolicy } from './contract.ts'
import { requestDirectives, responseDirectives } from './policy/directives.ts'
import { initialAge, lifetimeOf, shortened } from './policy/freshness.ts'
import { labelsOf } from './policy/groups.ts'
import { isDeceptive } from './policy/guard.ts'
import { queryLabelOf } from './policy/key.ts'
import { type Refusal, storable } from './policy/storable.ts'
import { isAboutAnother, updatedHeaders } from './policy/validate.ts'
import { selectingKey, varyNames } from './policy/vary.ts'
import type { NewAnswer, StoredAnswer } from './store/memory.ts'

export type Description = Omit<NewAnswer, 'shared' | 'bodyBytes' | 'trailers'>

export type Refused = Refusal | 'type-mismatch' | 'too-large'

export interface Asked {
  readonly request: RequestHead
  readonly key: string
  readonly partition: string
}

/** Wall clock. */
export interface Times {
  readonly requestedAtMs: number
  readonly receivedAtMs: number
}

/** What a new answer is stored as, or why it is not. */
export function describe(
  res: ResponseHead,
  { request, key, partition }: Asked,
  policy: CachePolicy,
  times: Times,
): Description | Refused {
  const { directives, isTargeted } = responseDirectives(res.headers)
  const lifetime = lifetimeOf(res.status, res.headers, directives, isTargeted, times.receivedAtMs, policy.lifetime)
  const answer = { status: res.status, headers: res.headers, directives, lifetime }
  const asked = requestDirectives(request.headers)
  const verdict = storable(request.method, request.headers, asked, answer, policy.ignoresOrigin)
  if (!verdict.store) return verdict.because
  if (isDeceptive(request.path, res.headers, lifetime.from)) return 'type-mismatch'
  const length = headerValue(res.headers, 'content-length')
  if (length !== undefined && Number(length) > policy.maxObjectBytes) return 'too-large'
  const names = varyNames(res.headers)
  return {
    key,
    partition,
    status: res.status,
    reason: res.reason,
    headers: keptHeaders(res.headers, directives.withheld),
    directives,
    lifetimeMs: shortened(lifetime.lifetimeMs, policy.jitter, policy.random()),
    initialAgeMs: initialAge(res.headers, times.requestedAtMs, times.receivedAtMs),
    receivedAtMs: times.receivedAtMs,
    isInvalidated: false,
    varyNames: names,
    selecting: selectingKey(names, request.headers),
    tags: labels(res.headers, request, key, policy),
    fetchMs: times.receivedAtMs - times.requestedAtMs,
  }
}

/** What is to be done with a stored answer, and what to give to those who waited for word about it. */
export type Update = {
  readonly answer: NewAnswer
} & (
  | { readonly verdict: 'keep' | 'leave' }
  /** With what came, it is for the one who asked alone. */
  | { readonly verdict: 'drop'; readonly because: Refused }
)

/**
 * What a stored answer becomes by a 304 (RFC 9111 §4.3.4) or the answer to a HEAD (§4.3.5). The fields that came may
 * forbid what those that were stored allowed: the whole is judged like a new answer.
 */
export function updated(
  stored: StoredAnswer,
  res: ResponseHead,
  asked: Asked,
  policy: CachePolicy,
  times: Times,
): Update {
  if (isAboutAnother(stored.headers, res.headers)) return { verdict: 'leave', answer: stored }
  const headers = updatedHeaders(stored.headers, res.headers)
  const described = describe({ ...res, status: stored.status, reason: stored.reason, headers }, asked, policy, times)
  const initialAgeMs = initialAge(res.headers, times.requestedAtMs, times.receivedAtMs)
  if (typeof described === 'string') {
    const answer = { ...stored, headers: keptHeaders(headers, []), initialAgeMs, receivedAtMs: times.receivedAtMs }
    // RFC 9111 §3.5: what a client with credentials is told is for it alone, and no word on what others are given.
    if (described === 'authorization') return { verdict: 'leave', answer }
    return { verdict: 'drop', because: described, answer }
  }
  const answer = { ...stored, ...described, initialAgeMs, fetchMs: stored.fetchMs }
  const isSameVariant = described.varyNames.join() === stored.varyNames.join()
  if (isSameVariant) return { verdict: 'keep', answer: { ...answer, selecting: stored.selecting } }
  return { verdict: 'keep', answer }
}

function labels(headers: HeaderList, request: RequestHead, key: string, policy: CachePolicy): readonly string[] {
  const own = labelsOf(headers, policy.tagsField, request.authority)
  const query = queryLabelOf(key)
  return query === undefined ? own : [...own, query]
}

/** RFC 9111 §3.1, §5.2.2.4: without what belongs to this connection or may not be reused, and without Age. */
function keptHeaders(headers: HeaderList, withheld: readonly string[]): HeaderList {
  const kept: HeaderList = []
  for (let i = 0; i < headers.length; i += 2) {
    const lower = (headers[i] as string).toLowerCase()
    if (lower === 'age' || lower === 'proxy-authentication-info' || withheld.includes(lower)) continue
    kept.push(headers[i] as string, headers[i + 1] as string)
  }
  return kept
}
