/**
 * Host and port as a request names them (RFC 9110 §4.2, RFC 3986 §3.2), read more strictly than the grammar allows: no
 * user information, no percent-encoding, no empty labels or ports, since each of these has been read in two ways.
 */

export interface Authority {
  /** Lower case, with the port as sent. */
  readonly authority: string
  /** Lower case, without port, brackets and final dot: what routes match. */
  readonly host: string
}

const MAX_LENGTH = 255 + 6
const name = /^(?=[a-z0-9_])[a-z0-9_-]*(?:\.[a-z0-9_-]+)*$/
const isLower = /^[a-z0-9._-]+$/

/** Undefined when it is not exactly a host with an optional port. */
export function parseAuthority(text: string): Authority | undefined {
  if (text.length === 0 || text.length > MAX_LENGTH) return undefined
  const authority = isLower.test(text) ? text : text.toLowerCase()
  if (authority.charCodeAt(0) === 0x5b) return parseBracketed(authority)
  const colon = authority.indexOf(':')
  let host = authority
  if (colon >= 0) {
    if (!isPort(authority, colon + 1)) return undefined
    host = authority.slice(0, colon)
  }
  // `example.com.` is the same host as `example.com`: one of them must not slip past a route for the other.
  if (host.endsWith('.')) host = host.slice(0, -1)
  return name.test(host) ? { authority, host } : undefined
}

/** RFC 3986 §3.2.2: IP-literal. Zones (RFC 6874) mean nothing on another machine and are refused. */
function parseBracketed(authority: string): Authority | undefined {
  const end = authority.indexOf(']')
  if (end < 0) return undefined
  const host = authority.slice(1, end)
  const isWhole = end === authority.length - 1
  if (!isWhole && !(authority[end + 1] === ':' && isPort(authority, end + 2))) return undefined
  return isIPv6(host) ? { authority, host } : undefined
}

/** The rest of `text`: 1 to 65535, in five digits at most. Read digit by digit, since every request comes by here. */
function isPort(text: string, from: number): boolean {
  const digits = text.length - from
  if (digits < 1 || digits > 5) return false
  let port = 0
  for (let i = from; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return false
    port = port * 10 + digit
  }
  return port > 0 && port <= 65535
}

/** RFC 4291 §2.2, with an IPv4 address at the end allowed. `text` is lower case. */
export function isIPv6(text: string): boolean {
  if (text.length < 2 || text.length > 45) return false
  const halves = text.split('::')
  if (halves.length > 2) return false
  let groups = 0
  for (let h = 0; h < halves.length; h++) {
    const half = halves[h] as string
    if (half === '') continue
    const parts = half.split(':')
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i] as string
      const isLast = h === halves.length - 1 && i === parts.length - 1
      if (/^[0-9a-f]{1,4}$/.test(part)) groups++
      else if (isLast && isIPv4(part)) groups += 2
      else return false
    }
  }
  return halves.length === 2 ? groups < 8 : groups === 8
}

export function isIPv4(text: string): boolean {
  const parts = text.split('.')
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)
}
