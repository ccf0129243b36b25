/**
 * Conditions on values, of header fields and query parameters: `*` present with any value, `~…` a regular expression
 * found in it, anything else the exact value. A parameter is compared decoded; of several with one name any will do.
 */
import { compileRegex, type Regex } from './policy/regex.ts'

export interface Condition {
  /** As configured: a header's in lower case. */
  readonly name: string
  readonly text: string
  readonly regex: Regex | undefined
  readonly isPresence: boolean
}

/** The condition or, as a string, what is wrong with it. */
export function parseCondition(name: string, text: string): Condition | string {
  if (!text.startsWith('~')) return { name, text, regex: undefined, isPresence: text === '*' }
  const regex = compileRegex(text.slice(1))
  if (typeof regex === 'string') return `is not a regular expression that can be used: it ${regex}`
  return { name, text, regex, isPresence: false }
}

/** Whether a value that is there will do. */
export function accepts(condition: Condition, value: string): boolean {
  if (condition.isPresence) return true
  return condition.regex === undefined ? value === condition.text : condition.regex.test(value)
}

/** Whether a parameter of that name in `query` (with its `?`, or empty) will do. */
export function acceptsParameter(condition: Condition, query: string): boolean {
  return someParameter(query, condition.name, (value) => accepts(condition, value))
}

export function hasParameter(query: string, name: string): boolean {
  return someParameter(query, name, () => true)
}

function someParameter(query: string, name: string, isWanted: (value: string) => boolean): boolean {
  let start = 1
  while (start < query.length) {
    let end = query.indexOf('&', start)
    if (end < 0) end = query.length
    const equals = query.indexOf('=', start)
    const nameEnd = equals < 0 || equals > end ? end : equals
    if (isNamed(query, start, nameEnd, name) && isWanted(decoded(query.slice(nameEnd + 1, end)))) return true
    start = end + 1
  }
  return false
}

function isNamed(query: string, start: number, end: number, name: string): boolean {
  if (end - start < name.length) return false
  if (end - start === name.length && query.startsWith(name, start)) return !isEncoded(name)
  const written = query.slice(start, end)
  return isEncoded(written) && decoded(written) === name
}

function isEncoded(text: string): boolean {
  return text.includes('%') || text.includes('+')
}

/** As forms encode (`+` is a space); what is no valid encoding is taken as it stands. */
function decoded(text: string): string {
  if (!isEncoded(text)) return text
  const spaced = text.replaceAll('+', ' ')
  try {
    return decodeURIComponent(spaced)
  } catch {
    return spaced
  }
}
