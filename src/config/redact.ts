/** A configuration that may be shown: as written, with everything secret replaced. */

const secretKey =
  /token|password|passwd|passphrase|pwd|secret|credential|api[_-]?key|private|authorization|signature|jwt|cookie$|(?:^|-)(?:auth|session)$/i
/** `user:password@` and `token@` in URLs. */
const credentials = /([a-z][a-z0-9+.-]*:\/\/)[^/\s]+@/gi
/** `?token=…` in URLs. */
const queryValue = /([?&])([^=&#\s]+)=([^&#\s]+)/g
/** The same in a line of YAML, where quotes and brackets may follow. */
const quotedQueryValue = /([?&][^=&#\s]+)=([^&#\s"'},\]]+)/g
/** The value of an Authorization field under whatever name. */
const scheme = /\b(basic|bearer|digest|negotiate) +[\w.~+/=-]{6,}/gi
const hidden = '***'

export function redacted(value: unknown): unknown {
  if (typeof value === 'string') return redactedText(value)
  if (Array.isArray(value)) return value.map(redacted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, isSecret(key, inner) ? hidden : redacted(inner)]),
  )
}

function redactedText(text: string): string {
  return text
    .replace(credentials, `$1${hidden}@`)
    .replace(queryValue, (match, sign: string, key: string) => (isSecretName(key) ? `${sign}${key}=${hidden}` : match))
    .replace(scheme, `$1 ${hidden}`)
}

/** Whether a value under this key is secret: a field, a setting, a parameter of a query. */
export function isSecretName(key: string): boolean {
  return secretKey.test(key)
}

/** Under such a key texts are secrets; a mapping (`sticky: {cookie: …}`) is looked into. */
function isSecret(key: string, value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0 && value.every((item) => isSecret(key, item))
  if (typeof value !== 'string' && typeof value !== 'number') return false
  return value !== '' && isSecretName(key)
}

const keyWithValue = /([\w-]+)(["']?\s*:\s+)("[^"]*"?|'[^']*'?|[^\s,{}[\]"'][^,}\]]*)/g
/** A reference to the environment shows no secret. */
const justReference = /^["']?\$\{\w+(?::-)?\}?["']?\s*$/

/** A line of a file, fit for a log: secrets become as many stars, so that every column keeps its place. */
export function redactedLine(line: string): string {
  const stars = (text: string) => '*'.repeat(text.length)
  return line
    .replace(credentials, (match, start: string) => `${start}${stars(match.slice(start.length, -1))}@`)
    .replace(quotedQueryValue, (match, name: string, value: string) =>
      isSecretName(name.slice(1)) ? `${name}=${stars(value)}` : match,
    )
    .replace(scheme, (match, name: string) => `${name} ${stars(match.slice(name.length + 1))}`)
    .replace(keyWithValue, (match, key: string, colon: string, value: string) =>
      isSecretName(key) && !justReference.test(value) ? `${key}${colon}${stars(value)}` : match,
    )
}
