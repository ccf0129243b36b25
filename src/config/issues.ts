/** What zod found wrong, said in an operator's words and at the right place. */
import type { z } from 'zod'
import type { Path } from '../core/feature.ts'
import { coreScalar } from './environment.ts'
import type { Wrong } from './problems.ts'
import { isSecretName } from './redact.ts'
import { didYouMean } from './suggest.ts'

type Issue = z.core.$ZodIssue

export interface Vocabulary {
  /** Keys that the schema knows at a path. */
  keysAt(path: Path): readonly string[]
  /** Keys of later versions: known, and not supported yet. */
  readonly reserved: ReadonlySet<string>
}

/** A problem, and whether it is about the key at the end of its path rather than the value. */
export interface Found extends Wrong {
  readonly isAboutKey?: boolean
}

export function explained(issues: readonly Issue[], at: Path, vocabulary: Vocabulary): Found[] {
  return issues.flatMap((issue) => explain(issue, at, vocabulary))
}

function explain(issue: Issue, at: Path, vocabulary: Vocabulary): Found[] {
  const path = [...at, ...(issue.path as (string | number)[])]
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(key, path, vocabulary))
    case 'invalid_union':
      return union(issue, path, vocabulary)
    case 'invalid_type':
      return [{ path, message: isOurs(issue.message) ? issue.message : wrongType(issue, path), fix: unquoted(issue) }]
    case 'invalid_value':
      return [isOurs(issue.message) ? { path, message: issue.message } : wrongValue(issue, path)]
    case 'invalid_key':
    case 'invalid_element':
      return explained(issue.issues, path, vocabulary).map((found) => ({
        ...found,
        path,
        isAboutKey: issue.code === 'invalid_key',
      }))
    case 'too_small':
      return [{ path, message: isOurs(issue.message) ? issue.message : `is too small: at least ${issue.minimum}` }]
    case 'too_big':
      return [{ path, message: isOurs(issue.message) ? issue.message : `is too large: at most ${issue.maximum}` }]
    default:
      return [{ path, message: isOurs(issue.message) ? issue.message : 'is not valid here' }]
  }
}

/** Messages of our schemas are ends of sentences; zod's own begin with a capital. */
function isOurs(message: string): boolean {
  return !/^(?:Invalid|Too|Unrecognized|Expected)/.test(message)
}

function unknownKey(key: string, path: Path, { keysAt, reserved }: Vocabulary): Found {
  const place = [...path, key]
  if (reserved.has(key)) {
    return { path: place, message: 'is not supported in this version', fix: 'remove it', isAboutKey: true }
  }
  const known = keysAt(path)
  const close = didYouMean(key, known)
  const fix =
    close === undefined
      ? known.length === 0
        ? undefined
        : `known keys: ${known.join(', ')}`
      : `did you mean \`${close}\`?`
  return { path: place, message: 'is not a known key', fix, isAboutKey: true }
}

const nouns: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping (key: value)',
  record: 'a mapping (key: value)',
  array: 'a list',
}

function wrongType(issue: Issue & { code: 'invalid_type' }, path: Path): string {
  const expected = nouns[issue.expected] ?? `a ${issue.expected}`
  if (issue.input === undefined) return `is missing: it must be ${expected}`
  const isSecret = isSecretName(String(path.at(-1)))
  const given = isSecret && typeof issue.input !== 'object' ? 'something else' : described(issue.input)
  return `is ${given}; it must be ${expected}`
}

/** `"8080"` where 8080 was meant. */
function unquoted({ input, expected }: Issue & { code: 'invalid_type' }): string | undefined {
  if (expected !== 'number' && expected !== 'int' && expected !== 'boolean') return undefined
  if (typeof input !== 'string' || typeof coreScalar(input) === 'string') return undefined
  return 'write it without quotes; a ${NAME} without quotes needs a line of its own'
}

function described(input: unknown): string {
  if (input === null) return 'empty'
  if (Array.isArray(input)) return 'a list'
  if (typeof input === 'object') return 'a mapping'
  if (typeof input === 'string')
    return `the text ${JSON.stringify(input.length > 40 ? `${input.slice(0, 40)}…` : input)}`
  // As the file has it.
  if (Number.isNaN(input)) return '.nan'
  return typeof input === 'number' && !Number.isFinite(input) ? `${input < 0 ? '-' : ''}.inf` : String(input)
}

function wrongValue(issue: Issue & { code: 'invalid_value' }, path: Path): Found {
  const allowed = issue.values.map(String)
  const close = typeof issue.input === 'string' ? didYouMean(issue.input, allowed) : undefined
  return {
    path,
    message: `is ${described(issue.input)}; it must be ${allowed.length === 1 ? allowed[0] : `one of ${allowed.join(', ')}`}`,
    fix: close === undefined ? undefined : `did you mean \`${close}\`?`,
  }
}

/** Of several forms that a value may have, the one that was meant: whose problems lie inside it, not in its kind. */
function union(issue: Issue & { code: 'invalid_union' }, path: Path, vocabulary: Vocabulary): Found[] {
  const branches = issue.errors
  const inner = branches.filter((branch) => branch.every((i) => i.path.length > 0 || i.code === 'unrecognized_keys'))
  const best = [...inner].sort((a, b) => a.length - b.length)[0]
  if (best !== undefined) return explained(best, path, vocabulary)
  if (isOurs(issue.message)) return [{ path, message: issue.message }]
  const roots = branches
    .flatMap((branch) => explained(branch, path, vocabulary))
    .filter((f) => f.path.length === path.length)
  const specific = roots.filter(({ message }) => !message.includes('; it must be '))
  if (specific.length > 0) return [specific[0] as Found]
  const wanted = [...new Set(roots.map(({ message }) => message.split('it must be ')[1] ?? message))]
  const [first] = roots
  if (first === undefined) return [{ path, message: 'has none of the forms it may have' }]
  return [
    { path, message: `${first.message.split('it must be ')[0]}it must be ${wanted.join(', or ')}`, fix: first.fix },
  ]
}
