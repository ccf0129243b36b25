/** A configuration that may be shown: as written, with everything secret replaced. */

const secretKey = /(?:token|password|passwd|secret|credential|api_?key|private|authorization|cookie$)/i
/** `user:password@` and `token@` in URLs. */
const credentials = /([a-z][a-z0-9+.-]*:\/\/)[^/@\s]+@/gi
const hidden = '***'

/** Fields whose values are secret wherever they are set: `request_headers: {set: {authorization: …}}`. */
const secretFields = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'x-api-key'])

export function redacted(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(credentials, `$1${hidden}@`)
  if (Array.isArray(value)) return value.map(redacted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, isSecret(key, inner) ? hidden : redacted(inner)]),
  )
}

/** Under such a key a text is a secret; a mapping or a list of names (`redact: [cookie]`, `sticky: {cookie: …}`) is looked into. */
function isSecret(key: string, value: unknown): boolean {
  if (typeof value !== 'string' && typeof value !== 'number') return false
  if (value === '') return false
  return secretKey.test(key) || secretFields.has(key.toLowerCase())
}
