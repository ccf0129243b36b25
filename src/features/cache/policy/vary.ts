/**
 * Selecting among stored variants (RFC 9111 §4.1). Selecting fields are compared in a normal form: lines joined, spaces
 * around commas gone; languages and codings in lower case and in order of preference, since their order of writing
 * means nothing (RFC 9110 §12.5.4, §12.5.3).
 */
import { splitList } from '../../../core/fields.ts'
import { type HeaderList, joinedValue } from '../../../core/headers.ts'

/** Names that Vary lists, lower case, sorted, each once. */
export function varyNames(response: HeaderList): string[] {
  const vary = joinedValue(response, 'vary')
  return vary === undefined ? [] : [...new Set(splitList(vary.toLowerCase()))].sort()
}

/** The request's values for these names, as one text that is equal exactly when all of them match. */
export function selectingKey(names: readonly string[], request: HeaderList): string {
  let key = ''
  for (const name of names) key += `${name}\n${normalValue(name, request)}\n`
  return key
}

function normalValue(name: string, request: HeaderList): string {
  const value = joinedValue(request, name)
  // An absent field matches only an absent one.
  if (value === undefined) return '\u0000'
  if (name === 'accept-language' || name === 'accept-encoding') return preferences(value).map(written).join(',')
  return splitList(value).join(',')
}

interface Preference {
  readonly value: string
  readonly weight: number
}

const written = ({ value, weight }: Preference) => (weight === 1 ? value : `${value};q=${weight}`)

function preferences(field: string): Preference[] {
  return splitList(field.toLowerCase())
    .map((member): Preference => {
      const [value = '', ...parameters] = member.split(';').map((part) => part.trim())
      const weight = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1)
      return { value, weight: Number.isFinite(weight) ? weight : 0 }
    })
    .sort((a, b) => b.weight - a.weight || (a.value < b.value ? -1 : 1))
}

/**
 * Whether a variant in one language is what the client wants most, although another client asked for it in other words:
 * its Content-Language is the one language of highest weight (RFC 9111 §4.1 leaves negotiation to the cache).
 */
export function suitsLanguage(request: HeaderList, response: HeaderList): boolean {
  const accepted = joinedValue(request, 'accept-language')
  const language = joinedValue(response, 'content-language')
  if (accepted === undefined || language === undefined || language.includes(',')) return false
  const [first, second] = preferences(accepted)
  if (first === undefined || first.value !== language.trim().toLowerCase() || first.weight === 0) return false
  return second === undefined || second.weight < first.weight
}
