/**
 * Cookies of a request (RFC 6265 §4.2.1), read as leniently as browsers and backends do (§5.2), from every line of the
 * field: HTTP/2 clients split it (RFC 9113 §8.2.3), and backends take the lines together.
 *
 * A name may come more than once, and backends differ in which one they take (§4.2.2): so there is no "the value" here.
 */
import { type HeaderList, isNamed } from './headers.ts'

/** Calls `see` with each value of the cookie `name`, in order, until it says true. Returns whether it did. */
export function someCookie(headers: HeaderList, name: string, see: (value: string) => boolean): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    if (isNamed(headers[i] as string, 'cookie') && someIn(headers[i + 1] as string, name, see)) return true
  }
  return false
}

/** Whether the request has a cookie of that name. */
export function hasCookie(headers: HeaderList, name: string): boolean {
  return someCookie(headers, name, () => true)
}

/** Every value of the cookie `name`, in order. */
export function cookieValues(headers: HeaderList, name: string): string[] {
  const values: string[] = []
  someCookie(headers, name, (value) => {
    values.push(value)
    return false
  })
  return values
}

/** Every value of the cookie `name` as one text, for keys: equal exactly when all of them are; undefined where there is none. */
export function cookieText(headers: HeaderList, name: string): string | undefined {
  const values = cookieValues(headers, name)
  // No value holds a `;`: it ends one.
  return values.length === 0 ? undefined : values.join(';')
}

/** Searches for the name, since lines are long and mostly about others' cookies. */
function someIn(line: string, name: string, see: (value: string) => boolean): boolean {
  for (let at = line.indexOf(name); at >= 0; at = line.indexOf(name, at + 1)) {
    if (!beginsPair(line, at)) continue
    let equals = at + name.length
    while (line[equals] === ' ' || line[equals] === '\t') equals++
    if (line[equals] !== '=') continue
    const end = line.indexOf(';', equals)
    if (see(line.slice(equals + 1, end < 0 ? line.length : end).trim())) return true
  }
  return false
}

/** Whether a pair begins here: only white space stands between this place and a `;` or the beginning. */
function beginsPair(line: string, at: number): boolean {
  let before = at - 1
  while (line[before] === ' ' || line[before] === '\t') before--
  return before < 0 || line[before] === ';'
}
