/** Media types that are worth compressing, as patterns: `text/*`, `application/*+json`, `application/json`. */

/** What compresses well: text, its kin, and the few binary formats that are not compressed by themselves. */
export const defaultTypes: readonly string[] = [
  'text/*',
  'application/json',
  'application/javascript',
  'application/x-javascript',
  'application/xml',
  'application/x-ndjson',
  'application/yaml',
  'application/sql',
  'application/wasm',
  'application/x-protobuf',
  'application/vnd.ms-fontobject',
  '*/*+json',
  '*/*+xml',
  'font/otf',
  'font/ttf',
  'image/bmp',
  'image/x-icon',
  'image/vnd.microsoft.icon',
]

const REMEMBERED = 256

/** Compiles patterns; the answers for the Content-Type texts met so far are remembered. */
export function compileTypes(patterns: readonly string[]): (contentType: string) => boolean {
  const tests = patterns.map((pattern) => new RegExp(`^${pattern.split('*').map(escaped).join('[^/;]*')}$`))
  const known = new Map<string, boolean>()
  return (contentType) => {
    const before = known.get(contentType)
    if (before !== undefined) return before
    const type = mediaType(contentType)
    // gRPC frames compress themselves, message by message; parts of a multipart answer keep their own ranges.
    const suits = !/^(?:application\/grpc|multipart\/byteranges)/.test(type) && tests.some((test) => test.test(type))
    if (known.size >= REMEMBERED) known.clear()
    known.set(contentType, suits)
    return suits
  }
}

/** Without parameters, in lower case. */
export function mediaType(contentType: string): string {
  const end = contentType.indexOf(';')
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
