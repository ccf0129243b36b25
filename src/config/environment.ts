/**
 * `${NAME}` and `${NAME:-default}` in values, replaced after parsing, so that what comes from the environment can never
 * change the structure of the file. `$${` is a literal `${`.
 */

export type Environment = Readonly<Record<string, string | undefined>>

export interface Substituted {
  readonly text: string
  /** Names that are not set and have no default. */
  readonly unset: readonly string[]
  /** `${` without a name or an end. */
  readonly isMalformed: boolean
}

const reference = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g

export function substitute(text: string, environment: Environment): Substituted {
  const unset: string[] = []
  let isMalformed = false
  const replaced = text.replace(reference, (match, name: string | undefined, fallback: string | undefined) => {
    if (match === '$${') return '${'
    if (name === undefined) {
      isMalformed = true
      return match
    }
    // As in the shell, `:-` stands in for an empty value too.
    const value = environment[name]
    if (value !== undefined && (value !== '' || fallback === undefined)) return value
    if (fallback !== undefined) return fallback
    unset.push(name)
    return ''
  })
  return { text: replaced, unset, isMalformed }
}

/** Whether the whole text is one reference. */
export function isWholeReference(text: string): boolean {
  return /^\$\{[A-Za-z_][A-Za-z0-9_]*(?::-[^}]*)?\}$/.test(text)
}

/** What an unquoted scalar of the YAML core schema would be, for a value that is one reference: never a collection. */
export function coreScalar(text: string): string | number | boolean {
  if (/^[-+]?\d{1,15}$/.test(text) || /^[-+]?(?:\d+\.\d*|\.\d+)$/.test(text)) return Number(text)
  if (text === 'true') return true
  if (text === 'false') return false
  return text
}
