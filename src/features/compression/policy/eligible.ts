/** Whether an answer may and should be compressed, whoever asks for it; and if not, for which one reason. */
import { type HeaderList, isNamed } from '../../../core/headers.ts'
import { listedCodings } from './negotiate.ts'
import { mediaType } from './types.ts'

/** Labels of gateway_compression_skipped_total. */
export const skips = [
  'not-accepted',
  'status',
  'partial',
  'encoded',
  'no-transform',
  'type',
  'size',
  'incompressible',
  'busy',
] as const
export type Skip = (typeof skips)[number]

/** What decides, in one pass over the header section. */
export interface Facts {
  type: string | undefined
  /** In usual names, members of all lines joined by `, `; undefined where there is none or only `identity`. */
  coding: string | undefined
  lengthBytes: number | undefined
  etag: string | undefined
  isPartial: boolean
  isFixed: boolean
  variesByCoding: boolean
}

export function factsOf(headers: HeaderList): Facts {
  const facts: Facts = {
    type: undefined,
    coding: undefined,
    lengthBytes: undefined,
    etag: undefined,
    isPartial: false,
    isFixed: false,
    variesByCoding: false,
  }
  for (let i = 0; i < headers.length; i += 2) note(facts, headers[i] as string, headers[i + 1] as string)
  return facts
}

function note(facts: Facts, name: string, value: string): void {
  // By length first: most fields are none of these.
  switch (name.length) {
    case 4:
      if (isNamed(name, 'etag')) facts.etag = value
      else if (isNamed(name, 'vary')) facts.variesByCoding ||= /(?:^|,)\s*(?:accept-encoding|\*)\s*(?:,|$)/i.test(value)
      return
    case 12:
      if (isNamed(name, 'content-type')) facts.type ??= value
      return
    case 13:
      // RFC 9111 §5.2.2.6 (MUST NOT transform the content)
      if (isNamed(name, 'cache-control')) facts.isFixed ||= /\bno-transform\b/i.test(value)
      else if (isNamed(name, 'content-range')) facts.isPartial = true
      return
    case 14:
      if (isNamed(name, 'content-length')) facts.lengthBytes = Number(value)
      return
    case 16:
      if (isNamed(name, 'content-encoding')) addCodings(facts, value)
  }
}

function addCodings(facts: Facts, value: string): void {
  for (const name of listedCodings(value)) facts.coding = facts.coding === undefined ? name : `${facts.coding}, ${name}`
}

export interface Rules {
  readonly minBytes: number
  readonly suits: (type: string) => boolean
}

/** Why not; undefined: compress it. An answer in a coding is judged by its type alone: `decode` may be needed for it. */
export function skipReason(status: number, facts: Facts, rules: Rules): Skip | undefined {
  // RFC 9110 §15.3.5, §15.3.6, §15.4.5: nothing to compress.
  if (status === 204 || status === 205 || status === 304) return 'status'
  if (status === 206 || facts.isPartial) return 'partial'
  if (facts.isFixed) return 'no-transform'
  if (facts.type === undefined || !rules.suits(facts.type)) return 'type'
  if (facts.coding !== undefined) return 'encoded'
  return facts.lengthBytes !== undefined && facts.lengthBytes < Math.max(1, rules.minBytes) ? 'size' : undefined
}

/**
 * Whether the answer to another request may come in a coding although this one has no body to code: a part of the whole,
 * or nothing but a confirmation. Of those not all is known, and a Vary too many does no harm.
 */
export function mayVary(status: number, facts: Facts, { suits }: Rules): boolean {
  if (facts.isFixed || (status !== 206 && status !== 304)) return false
  return facts.type === undefined || suits(facts.type) || mediaType(facts.type) === 'multipart/byteranges'
}

/** What a body in another form makes untrue: its length, its coding, its digests (RFC 9530, RFC 1864, RFC 3230), its ranges. */
export function isOfTheBytes(name: string): boolean {
  switch (name.length) {
    case 6:
      return isNamed(name, 'digest')
    case 11:
      return isNamed(name, 'content-md5') || isNamed(name, 'repr-digest')
    case 13:
      return isNamed(name, 'accept-ranges')
    case 14:
      return isNamed(name, 'content-length') || isNamed(name, 'content-digest')
    case 16:
      return isNamed(name, 'content-encoding')
    default:
      return false
  }
}

export interface NewForm {
  readonly coding: string | undefined
  /** Undefined where the origin's stays. */
  readonly etag: string | undefined
  /** Undefined where it is not known yet. */
  readonly lengthBytes: number | undefined
}

/** Edits a header section, in place, to describe the body in its new form. */
export function describe(headers: HeaderList, { coding, etag, lengthBytes }: NewForm): void {
  let kept = 0
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (isOfTheBytes(name)) continue
    headers[kept++] = name
    headers[kept++] =
      etag !== undefined && name.length === 4 && isNamed(name, 'etag') ? etag : (headers[i + 1] as string)
  }
  headers.length = kept
  if (coding !== undefined) headers.push('Content-Encoding', coding)
  if (lengthBytes !== undefined) headers.push('Content-Length', String(lengthBytes))
}
