/**
 * The one normal form of a path: it decides the route and it is what is sent, so nothing can be matched as one path
 * and served as another. Dot segments are resolved after decoding (RFC 3986 §5.2.4), percent-encodings of unreserved
 * characters are decoded and others written in upper case (§6.2.2), characters that no path may hold are encoded,
 * slashes are merged. What a backend could still read in two ways is refused, with a reason.
 */

export type EncodedSlashes = 'refuse' | 'keep'

/** Why a path has no normal form. */
export interface PathRefusal {
  readonly because: 'percent' | 'control' | 'backslash' | 'slash' | 'parameter' | 'root' | 'hidden-dots' | 'character'
}

const PLAIN = 0
const SLASH = 1
const DOT = 2
const PARAMETER = 3
const OTHER = 4

/** RFC 3986 §3.3: pchar, with the few that need a look set apart. */
const classes = classify()
const unreserved = /[A-Za-z0-9._~-]/

/**
 * The normal form of `path`, which must start with `/`. A path that is already normal is returned as it is.
 * Idempotent. Never holds `//`, a dot segment, a backslash or a control character, encoded or not.
 */
export function normalPath(path: string, encodedSlashes: EncodedSlashes): string | PathRefusal {
  if (isPlainlyNormal(path)) return path
  const written = rewriteCharacters(path, encodedSlashes)
  return typeof written === 'string' ? resolveSegments(written) : written
}

/** No `%`, `//`, `/.`, `;` or other character that needs a closer look: nearly every path. */
function isPlainlyNormal(path: string): boolean {
  let before = PLAIN
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i)
    const kind = code < 128 ? (classes[code] as number) : OTHER
    if (kind >= PARAMETER || (kind !== PLAIN && before === SLASH)) return false
    before = kind
  }
  return true
}

/** Every character in its one spelling; segments are not looked at yet. */
function rewriteCharacters(path: string, encodedSlashes: EncodedSlashes): string | PathRefusal {
  let written = ''
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i)
    if (code === 0x25) {
      const value = hexPair(path, i + 1)
      if (value < 0) return { because: 'percent' }
      const decoded = rewriteEncoded(value, encodedSlashes)
      if (typeof decoded !== 'string') return decoded
      written += decoded
      i += 2
    } else if (code < 0x20 || code === 0x7f) {
      return { because: 'control' }
    } else if (code === 0x5c) {
      return { because: 'backslash' }
    } else if (code > 0x7f || code === 0x20 || code === 0x23 || code === 0x3f) {
      return { because: 'character' }
    } else {
      written += classes[code] === OTHER ? encode(code) : path.charAt(i)
    }
  }
  return written
}

function rewriteEncoded(value: number, encodedSlashes: EncodedSlashes): string | PathRefusal {
  if (value < 0x20 || value === 0x7f) return { because: 'control' }
  if (value === 0x5c) return { because: 'backslash' }
  if (value === 0x2f && encodedSlashes === 'refuse') return { because: 'slash' }
  const character = String.fromCharCode(value)
  return value < 128 && unreserved.test(character) ? character : encode(value)
}

/** RFC 3986 §5.2.4, on the decoded dots. */
function resolveSegments(path: string): string | PathRefusal {
  const segments = path.split('/')
  const kept: string[] = []
  let isDirectory = false
  for (let i = 1; i < segments.length; i++) {
    const segment = segments[i] as string
    isDirectory = true
    if (segment === '' || segment === '.') continue
    if (segment === '..') {
      if (kept.length === 0) return { because: 'root' }
      kept.pop()
      continue
    }
    const hidden = hiddenDots(segment)
    if (hidden !== undefined) return hidden
    kept.push(segment)
    isDirectory = false
  }
  if (kept.length === 0) return '/'
  return `/${kept.join('/')}${isDirectory ? '/' : ''}`
}

/**
 * Segments that are data by RFC 3986 but become dot segments in backends that strip path parameters (`..;x`: Tomcat,
 * Jetty), that decode `%2F` before they split, or that decode twice. `%252F` alone is data that people really use.
 */
function hiddenDots(segment: string): PathRefusal | undefined {
  let text = segment
  for (let depth = 0; depth < 4; depth++) {
    for (const part of text.split(/[/\\]|%(?:2f|5c)/i)) {
      const parameter = part.search(/;|%3b/i)
      const bare = parameter < 0 ? part : part.slice(0, parameter)
      if (bare === '.' || bare === '..') return { because: parameter < 0 ? 'hidden-dots' : 'parameter' }
      if (bare === '' && parameter === 0) return { because: 'parameter' }
    }
    if (!text.includes('%')) return undefined
    text = text.replace(/%([2-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  }
  return undefined
}

function hexPair(text: string, at: number): number {
  if (at + 1 >= text.length) return -1
  const high = hexDigit(text.charCodeAt(at))
  const low = hexDigit(text.charCodeAt(at + 1))
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

function encode(value: number): string {
  return `%${value < 16 ? '0' : ''}${value.toString(16).toUpperCase()}`
}

function classify(): Uint8Array {
  const table = new Uint8Array(128).fill(OTHER)
  for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~!$&'()*+,=:@") {
    table[character.charCodeAt(0)] = PLAIN
  }
  table['/'.charCodeAt(0)] = SLASH
  table['.'.charCodeAt(0)] = DOT
  table[';'.charCodeAt(0)] = PARAMETER
  return table
}
