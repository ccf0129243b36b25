/**
 * The grammars that field values share: lists with quoted strings (RFC 9110 §5.6), dates (§5.6.7), delta-seconds
 * (RFC 9111 §1.2.2), and the dictionaries of structured fields (RFC 9651 §3.2). Pure; no time of its own.
 */

/** Members of a comma-separated list, trimmed, empty ones dropped; commas inside quoted strings don't split. */
export function splitList(value: string): string[] {
  if (!value.includes('"')) {
    const members: string[] = []
    for (const member of value.split(',')) {
      const trimmed = member.trim()
      if (trimmed !== '') members.push(trimmed)
    }
    return members
  }
  return splitQuoted(value)
}

function splitQuoted(value: string): string[] {
  const members: string[] = []
  let start = 0
  let isQuoted = false
  for (let i = 0; i <= value.length; i++) {
    const char = value[i]
    if (isQuoted && char === '\\') i++
    else if (char === '"') isQuoted = !isQuoted
    else if (i === value.length || (char === ',' && !isQuoted)) {
      const trimmed = value.slice(start, i).trim()
      if (trimmed !== '') members.push(trimmed)
      start = i + 1
    }
  }
  // An escape or an open quote ran over the end: what is left is one member.
  if (start < value.length && (isQuoted || value.endsWith('\\'))) members.push(value.slice(start).trim())
  return members
}

/** The content of a quoted string without its quotes and escapes, or the text itself where it is a token. */
export function unquote(text: string): string {
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return text
  return text.slice(1, -1).replace(/\\(.)/g, '$1')
}

/** RFC 9111 §1.2.2: values too large to hold count as 2^31. */
const LARGEST_DELTA_SECONDS = 2 ** 31

/** A non-negative whole number of seconds, or undefined. */
export function deltaSeconds(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined
  return Math.min(Number(text), LARGEST_DELTA_SECONDS)
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const imfFixdate = /^(?:mon|tue|wed|thu|fri|sat|sun), (\d{2}) ([a-z]{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) gmt$/i
const rfc850 = /^(?:mon|tues|wednes|thurs|fri|satur|sun)day, (\d{2})-([a-z]{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) gmt$/i
const asctime = /^(?:mon|tue|wed|thu|fri|sat|sun) ([a-z]{3}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/i

/**
 * An HTTP date in milliseconds since the epoch, or undefined when it is not exactly one of the three forms of
 * RFC 9110 §5.6.7 (any case).
 * @param nowMs resolves two-digit years: more than 50 years ahead means the century before
 */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  let match = imfFixdate.exec(text)
  if (match !== null) return utc(match[3], match[2], match[1], match[4], match[5], match[6])
  match = asctime.exec(text)
  if (match !== null) return utc(match[6], match[1], match[2], match[3], match[4], match[5])
  match = rfc850.exec(text)
  if (match === null) return undefined
  const thisYear = 1970 + Math.floor(nowMs / 31_556_952_000)
  let year = Math.floor(thisYear / 100) * 100 + Number(match[3])
  if (year > thisYear + 50) year -= 100
  return utc(String(year), match[2], match[1], match[4], match[5], match[6])
}

type Part = string | undefined

function utc(year: Part, month: Part, day: Part, hour: Part, minute: Part, second: Part): number | undefined {
  const monthIndex = months.indexOf(String(month).toLowerCase())
  const [d, h, m, s] = [Number(day), Number(hour), Number(minute), Number(second)]
  if (monthIndex < 0 || d < 1 || d > 31 || h > 23 || m > 59 || s > 60) return undefined
  return Date.UTC(Number(year), monthIndex, d, h, m, s)
}

/** The preferred form of a date (RFC 9110 §5.6.7). */
export function formatHttpDate(epochMs: number): string {
  return new Date(epochMs).toUTCString()
}

/** A bare item of a structured field; tokens and strings are both text. */
export type BareItem = number | boolean | string

const dictionaryKey = /^[a-z*][a-z0-9_.*-]*/
const integer = /^-?\d{1,15}(?![\d.])/
const decimal = /^-?\d{1,12}\.\d{1,3}(?!\d)/
const text = /^"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"/
const token = /^[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*/
const truth = /^\?([01])/

/**
 * A dictionary of bare items (RFC 9651 §4.2.2), parameters dropped; undefined when it doesn't parse, in which case
 * the whole field must be ignored. A member whose value is an inner list is kept as true.
 */
export function parseDictionary(value: string): Map<string, BareItem> | undefined {
  const members = new Map<string, BareItem>()
  let rest = value.trim()
  while (rest !== '') {
    const key = dictionaryKey.exec(rest)?.[0]
    if (key === undefined) return undefined
    rest = rest.slice(key.length)
    let item: BareItem = true
    if (rest.startsWith('=')) {
      const parsed = parseBareItem(rest.slice(1))
      if (parsed === undefined) return undefined
      ;[item, rest] = parsed
    }
    const afterParameters = skipParameters(rest)
    if (afterParameters === undefined) return undefined
    members.delete(key)
    members.set(key, item)
    rest = afterParameters.replace(/^[ \t]+/, '')
    if (rest === '') break
    if (!rest.startsWith(',')) return undefined
    rest = rest.slice(1).replace(/^[ \t]+/, '')
    if (rest === '') return undefined
  }
  return members
}

function parseBareItem(rest: string): [BareItem, string] | undefined {
  let match = decimal.exec(rest) ?? integer.exec(rest)
  if (match !== null) return [Number(match[0]), rest.slice(match[0].length)]
  match = text.exec(rest)
  if (match !== null) return [(match[1] as string).replace(/\\(.)/g, '$1'), rest.slice(match[0].length)]
  match = token.exec(rest)
  if (match !== null) return [match[0], rest.slice(match[0].length)]
  match = truth.exec(rest)
  if (match !== null) return [match[1] === '1', rest.slice(match[0].length)]
  return undefined
}

function skipParameters(value: string): string | undefined {
  let rest = value
  while (rest.startsWith(';')) {
    rest = rest.slice(1).replace(/^ +/, '')
    const key = dictionaryKey.exec(rest)?.[0]
    if (key === undefined) return undefined
    rest = rest.slice(key.length)
    if (!rest.startsWith('=')) continue
    const parsed = parseBareItem(rest.slice(1))
    if (parsed === undefined) return undefined
    rest = parsed[1]
  }
  return rest
}
