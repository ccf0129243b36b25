/** Conditional requests: ours to the origin, clients' to us, and what a 304 brings (RFC 9110 §13, RFC 9111 §4.3). */
import { parseHttpDate, splitList } from '../../../core/fields.ts'
import {
  type HeaderList,
  hasHeader,
  headerValue,
  isHopByHop,
  joinedValue,
  removeHeader,
  setHeader,
} from '../../../core/headers.ts'
import { dateOf } from './freshness.ts'

const conditionals = ['if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since', 'if-range', 'range']

/** Whether the stored answer has anything to validate by. */
export function hasValidator(stored: HeaderList): boolean {
  return headerValue(stored, 'etag') !== undefined || headerValue(stored, 'last-modified') !== undefined
}

/** The client's header section with its own conditions and range replaced by those of the stored answer. */
export function conditionalHeaders(request: HeaderList, stored: HeaderList | undefined): HeaderList {
  const headers = request.slice()
  for (const name of conditionals) removeHeader(headers, name)
  if (stored === undefined) return headers
  const etag = headerValue(stored, 'etag')
  if (etag !== undefined) headers.push('If-None-Match', etag)
  const modified = headerValue(stored, 'last-modified')
  if (modified !== undefined) headers.push('If-Modified-Since', modified)
  return headers
}

/** Whether a request names what its client has, or wants no more than a part. */
export function isConditional(request: HeaderList): boolean {
  return conditionals.some((name) => hasHeader(request, name))
}

/** Whether the client already has this answer, so that a 304 will do (RFC 9110 §13.2.2). */
export function isNotModified(request: HeaderList, stored: HeaderList, status: number, nowMs: number): boolean {
  if (status !== 200 && status !== 203 && status !== 204) return false
  const noneMatch = joinedValue(request, 'if-none-match')
  if (noneMatch !== undefined) return matchesEtag(noneMatch, headerValue(stored, 'etag'))
  const since = headerValue(request, 'if-modified-since')
  const modified = headerValue(stored, 'last-modified')
  if (since === undefined || modified === undefined) return false
  const sinceMs = parseHttpDate(since, nowMs)
  const modifiedMs = parseHttpDate(modified, nowMs)
  return sinceMs !== undefined && modifiedMs !== undefined && modifiedMs <= sinceMs
}

/** RFC 9110 §13.1.2: `*`, or any member by weak comparison (§8.8.3.2). */
function matchesEtag(field: string, etag: string | undefined): boolean {
  if (etag === undefined) return field.trim() === '*'
  const opaque = withoutWeakness(etag)
  return splitList(field).some((member) => member === '*' || withoutWeakness(member) === opaque)
}

function withoutWeakness(etag: string): string {
  return etag.startsWith('W/') ? etag.slice(2) : etag
}

/**
 * Whether `If-Range` lets a range be answered from this answer (RFC 9110 §13.1.5): by strong comparison only.
 * @param receivedAtMs wall clock; stands in for a Date that the origin did not send (RFC 9110 §6.6.1)
 */
export function passesIfRange(request: HeaderList, stored: HeaderList, receivedAtMs: number): boolean {
  const condition = headerValue(request, 'if-range')
  if (condition === undefined) return true
  if (condition.startsWith('"')) return condition === headerValue(stored, 'etag')
  if (condition.startsWith('W/')) return false
  return condition === headerValue(stored, 'last-modified') && isStrongDate(stored, receivedAtMs)
}

/** RFC 9110 §8.8.2.2: a date is as good as a strong entity tag once the second that it names was over. */
function isStrongDate(stored: HeaderList, receivedAtMs: number): boolean {
  const modified = headerValue(stored, 'last-modified')
  const modifiedMs = modified === undefined ? undefined : parseHttpDate(modified, receivedAtMs)
  return modifiedMs !== undefined && dateOf(stored, receivedAtMs) - modifiedMs >= 1000
}

/** RFC 9111 §4.3.4: a strong entity tag that is not the stored one's is about another answer. */
export function isAboutAnother(stored: HeaderList, update: HeaderList): boolean {
  const [own, etag] = [headerValue(stored, 'etag'), headerValue(update, 'etag')]
  return own !== undefined && etag !== undefined && !etag.startsWith('W/') && withoutWeakness(own) !== etag
}

/** RFC 9111 §3.2: fields that describe the stored body's framing and form stay as they are. */
const framing = new Set(['content-length', 'content-encoding', 'content-range', 'transfer-encoding'])

/** Stored fields brought up to date by a 304 or a HEAD answer: every field that it carries replaces the stored one. */
export function updatedHeaders(stored: HeaderList, update: HeaderList): HeaderList {
  const headers = stored.slice()
  const replaced = new Set<string>()
  for (let i = 0; i < update.length; i += 2) {
    const name = update[i] as string
    const lower = name.toLowerCase()
    if (framing.has(lower) || isHopByHop(name)) continue
    if (replaced.has(lower)) {
      headers.push(name, update[i + 1] as string)
      continue
    }
    replaced.add(lower)
    setHeader(headers, name, update[i + 1] as string)
  }
  return headers
}
