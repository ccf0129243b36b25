/**
 * The header section of an answer: whether it can be read in one way only, and what of it is passed on. The parser
 * below accepts more than a proxy may pass on; whatever another recipient could read differently is refused here
 * (RFC 9112 §6.3, §2.2; RFC 9110 §5.5).
 */
import { endToEnd, type HeaderList, isNamed } from '../../core/headers.ts'
import type { ResponseHead } from '../../core/message.ts'

/** Names and values as bytes off the wire, in turns. */
export type RawFields = readonly { latin1Slice(): string }[]

/** The same as text, a character for each byte, without the white space that the parser leaves behind values. */
export function decodeFields(raw: RawFields): HeaderList {
  const list: HeaderList = new Array(raw.length)
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as RawFields[number]).latin1Slice()
    const value = (raw[i + 1] as RawFields[number]).latin1Slice()
    const last = value.charCodeAt(value.length - 1)
    list[i] = name
    // undici counts such a space as a digit of Content-Length: it must be seen, and refused, before the content comes.
    list[i + 1] = (last === 0x20 || last === 0x09) && !isLength(name) ? value.replace(/[ \t]+$/, '') : value
  }
  return list
}

/** What is wrong with names or values; undefined when nothing is. */
export function checkFields(list: HeaderList): string | undefined {
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] as string
    if (!isToken.test(name)) return `field name ${JSON.stringify(name)}`
    if (forbidden.test(list[i + 1] as string)) return `control character in ${name}`
  }
  return undefined
}

/** RFC 9110 §5.6.2 */
const isToken = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** RFC 9110 §5.5: CR, LF and NUL are dangerous, other controls invalid. */
const forbidden = /[\0-\x08\x0a-\x1f\x7f]/

/** The head to pass on; a string says why it is not a valid answer. */
export function readAnswer(status: number, reason: string, list: HeaderList): ResponseHead | string {
  // RFC 9110 §15: three digits, the first of them at least 1; we don't pass on what has no class.
  if (status < 100 || status > 999) return `status ${status}`
  if (status < 200) return `status ${status} in place of an answer`
  if (forbidden.test(reason)) return 'control character in the reason phrase'
  const fault = checkFields(list) ?? framingFault(list)
  if (fault !== undefined) return fault
  return { status, reason, headers: endToEnd(list, status === 204 ? isLength : undefined) }
}

/** RFC 9110 §8.6: no Content-Length in a 204 (MUST NOT); a client might wait for that many bytes. */
function isLength(name: string): boolean {
  return isNamed(name, 'content-length')
}

/** RFC 9112 §6.3: lengths that contradict each other, or that another reader might see differently. */
function framingFault(list: HeaderList): string | undefined {
  let length: string | undefined
  let coding: string | undefined
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] as string
    if (name.length === 14 && isNamed(name, 'content-length')) {
      if (length !== undefined) return 'Content-Length twice'
      length = list[i + 1] as string
      if (!isDecimal.test(length)) return `Content-Length ${JSON.stringify(length)}`
    } else if (name.length === 17 && isNamed(name, 'transfer-encoding')) {
      if (coding !== undefined) return 'Transfer-Encoding twice'
      coding = list[i + 1] as string
      // RFC 9112 §6.1: we ask for no other coding (no TE is ever sent), so there can't be one.
      if (coding.toLowerCase() !== 'chunked') return `Transfer-Encoding ${JSON.stringify(coding)}`
    }
  }
  return length !== undefined && coding !== undefined ? 'Content-Length beside Transfer-Encoding' : undefined
}

/** Up to 2^53: beyond it, readers begin to differ. */
const isDecimal = /^\d{1,15}$/

/** RFC 9110 §6.5.1: what a recipient would take for framing, routing or authentication can't come in trailers. */
const notInTrailers = new Set([
  'content-length',
  'content-encoding',
  'content-type',
  'content-range',
  'host',
  'set-cookie',
  'www-authenticate',
  'cache-control',
  'expires',
  'age',
  'vary',
  'location',
  'trailer',
])

/** The trailer section to pass on; undefined when nothing is left of it. */
export function trailersOf(list: HeaderList): HeaderList | undefined {
  if (list.length === 0) return undefined
  const kept = endToEnd(list, (name) => notInTrailers.has(name.toLowerCase()))
  return kept.length === 0 ? undefined : kept
}
