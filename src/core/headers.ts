/**
 * Header sections as they travel: one flat list of names and values in wire order and case,
 * `[name, value, name, value, …]`, from parser to writer. Names compare without regard to case (RFC 9110 §5.1).
 */

export type HeaderList = string[]

/** Whether `name` is `lower` in any case. `lower` must be lower case. */
export function isNamed(name: string, lower: string): boolean {
  return name.length === lower.length && (name === lower || name.toLowerCase() === lower)
}

/**
 * Fields that messages have once (RFC 9110 §5.3: singletons), or that are refused, or void, when they come twice. Only these
 * may be read by their first line; whatever may come on several lines is read whole.
 */
export type SingleField =
  | 'age'
  | 'content-length'
  | 'content-location'
  | 'content-type'
  | 'date'
  | 'etag'
  | 'host'
  | 'if-modified-since'
  | 'if-range'
  | 'last-modified'
  | 'location'
  | 'retry-after'
  | 'sec-websocket-key'
  | 'x-forwarded-host'
  | 'x-request-id'

/** The first line of a field that messages have once, or undefined. All others: `joinedValue`, `headerValues`, `hasHeader`. */
export function headerValue(list: HeaderList, lower: SingleField): string | undefined {
  for (let i = 0; i < list.length; i += 2) {
    if (isNamed(list[i] as string, lower)) return list[i + 1] as string
  }
  return undefined
}

/** Every line of a field joined with `, ` (RFC 9110 §5.3), or undefined where there is none. */
export function joinedValue(list: HeaderList, lower: string): string | undefined {
  let joined: string | undefined
  for (let i = 0; i < list.length; i += 2) {
    if (!isNamed(list[i] as string, lower)) continue
    joined = joined === undefined ? (list[i + 1] as string) : `${joined}, ${list[i + 1]}`
  }
  return joined
}

/** Whether there is a line of that field. `lower` must be lower case. */
export function hasHeader(list: HeaderList, lower: string): boolean {
  for (let i = 0; i < list.length; i += 2) if (isNamed(list[i] as string, lower)) return true
  return false
}

/** Every value of a field, a line each, in order. */
export function headerValues(list: HeaderList, lower: string): string[] {
  const values: string[] = []
  for (let i = 0; i < list.length; i += 2) {
    if (isNamed(list[i] as string, lower)) values.push(list[i + 1] as string)
  }
  return values
}

/** Removes every line of a field, in place. Returns whether there was one. */
export function removeHeader(list: HeaderList, lower: string): boolean {
  let kept = 0
  for (let i = 0; i < list.length; i += 2) {
    if (isNamed(list[i] as string, lower)) continue
    if (kept !== i) {
      list[kept] = list[i] as string
      list[kept + 1] = list[i + 1] as string
    }
    kept += 2
  }
  const removed = kept !== list.length
  list.length = kept
  return removed
}

/** Sets a field to one line, in place: where its first line stood, or at the end. */
export function setHeader(list: HeaderList, name: string, value: string): void {
  const lower = name.toLowerCase()
  for (let i = 0; i < list.length; i += 2) {
    if (!isNamed(list[i] as string, lower)) continue
    list[i] = name
    list[i + 1] = value
    removeAfter(list, lower, i + 2)
    return
  }
  list.push(name, value)
}

function removeAfter(list: HeaderList, lower: string, from: number): void {
  let kept = from
  for (let i = from; i < list.length; i += 2) {
    if (isNamed(list[i] as string, lower)) continue
    list[kept] = list[i] as string
    list[kept + 1] = list[i + 1] as string
    kept += 2
  }
  list.length = kept
}

/**
 * Whether a field concerns one connection only and must not be forwarded (RFC 9110 §7.6.1). Content-Length is
 * end-to-end; Trailer is kept, since trailers are passed on. TE is dropped: this hop speaks for itself.
 */
export function isHopByHop(name: string): boolean {
  switch (name.length) {
    case 2:
      return isNamed(name, 'te')
    case 7:
      return isNamed(name, 'upgrade')
    case 10:
      return isNamed(name, 'connection') || isNamed(name, 'keep-alive')
    case 16:
      return isNamed(name, 'proxy-connection')
    case 17:
      return isNamed(name, 'transfer-encoding')
    case 18:
      return isNamed(name, 'proxy-authenticate')
    case 19:
      return isNamed(name, 'proxy-authorization')
    default:
      return false
  }
}

/**
 * What `Connection` may not take away although it names it (RFC 9110 §7.6.1: never a field for all recipients): fields that
 * carry framing, routing, identity or conditions, and whatever restricts how an answer may be used. A client could otherwise
 * have us drop our own X-Forwarded-For, and a backend its Vary, on the way. One list for both directions.
 */
const notConnectionOptions = new Set([
  'close',
  'keep-alive',
  'upgrade',
  'host',
  'content-length',
  'transfer-encoding',
  'cache-control',
  'cdn-cache-control',
  'surrogate-control',
  'pragma',
  'expires',
  'age',
  'date',
  'vary',
  'no-vary-search',
  'etag',
  'last-modified',
  'authorization',
  'www-authenticate',
  'cookie',
  'set-cookie',
  'content-type',
  'content-encoding',
  'content-range',
  'content-security-policy',
  'strict-transport-security',
  'x-content-type-options',
  'x-frame-options',
  'range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'expect',
  'origin',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'x-request-id',
  'via',
])

/** Lower-case names that a `Connection` field nominates as hop-by-hop, or undefined when it names none. */
export function connectionOptions(list: HeaderList): string[] | undefined {
  let names: string[] | undefined
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] as string
    if (name.length !== 10 || !isNamed(name, 'connection')) continue
    const value = list[i + 1] as string
    if (value === 'keep-alive' || value === 'close') continue
    for (const member of value.toLowerCase().split(',')) {
      const option = member.trim()
      if (option === '' || notConnectionOptions.has(option)) continue
      names ??= []
      names.push(option)
    }
  }
  return names
}

/** A copy without hop-by-hop fields, those that `Connection` names, and those that `isDropped` says. */
export function endToEnd(list: HeaderList, isDropped?: (name: string) => boolean): HeaderList {
  const named = connectionOptions(list)
  const kept: HeaderList = []
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] as string
    if (isHopByHop(name)) continue
    if (isDropped?.(name)) continue
    if (named?.includes(name.toLowerCase())) continue
    kept.push(name, list[i + 1] as string)
  }
  return kept
}
