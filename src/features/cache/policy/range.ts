/** Byte ranges of a whole stored body (RFC 9110 §14). */

export interface ByteRange {
  /** First and last byte, both included. */
  readonly first: number
  readonly last: number
}

export type Ranges =
  /** No range, or one that may be ignored: send the whole. */
  | { readonly kind: 'whole' }
  | { readonly kind: 'parts'; readonly parts: readonly ByteRange[] }
  | { readonly kind: 'unsatisfiable' }

/** More are taken for an attack (CVE-2011-3192) and answered with the whole. */
const MAX_PARTS = 16

const whole: Ranges = { kind: 'whole' }
const byteRange = /^(\d{0,15})-(\d{0,15})$/

/** @param lengthBytes of the whole body */
export function parseRange(field: string | undefined, lengthBytes: number): Ranges {
  if (field === undefined) return whole
  const match = /^bytes[ \t]*=(.*)$/i.exec(field)
  if (match === null) return whole
  const parts: ByteRange[] = []
  const members = (match[1] as string).split(',')
  if (members.length > MAX_PARTS) return whole
  for (const member of members) {
    // RFC 9110 §5.6.1.2: empty members of a list don't count.
    if (member.trim() === '') continue
    const range = byteRange.exec(member.trim())
    if (range === null || (range[1] === '' && range[2] === '')) return whole
    const part = resolve(range[1] as string, range[2] as string, lengthBytes)
    if (part === 'invalid') return whole
    if (part !== undefined) parts.push(part)
  }
  if (parts.length === 0) return members.every((member) => member.trim() === '') ? whole : { kind: 'unsatisfiable' }
  // RFC 9110 §14.2: overlaps cost more than the whole would.
  return overlap(parts) ? whole : { kind: 'parts', parts }
}

function resolve(first: string, last: string, lengthBytes: number): ByteRange | undefined | 'invalid' {
  if (first === '') {
    const suffix = Math.min(Number(last), lengthBytes)
    return suffix === 0 ? undefined : { first: lengthBytes - suffix, last: lengthBytes - 1 }
  }
  const from = Number(first)
  const to = last === '' ? lengthBytes - 1 : Math.min(Number(last), lengthBytes - 1)
  if (last !== '' && Number(last) < from) return 'invalid'
  return from >= lengthBytes ? undefined : { first: from, last: to }
}

function overlap(parts: readonly ByteRange[]): boolean {
  const sorted = [...parts].sort((a, b) => a.first - b.first)
  return sorted.some((part, i) => i > 0 && part.first <= (sorted[i - 1] as ByteRange).last)
}
