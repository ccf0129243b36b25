/** From a file to a checked configuration: read, merge, replace, validate, check, with every problem at its place. */
import type { z } from 'zod'
import type { Path, Problem } from '../core/feature.ts'
import { type JsonSchema, jsonSchema } from './describe.ts'
import type { Environment } from './environment.ts'
import { readMerged } from './include.ts'
import { explained, type Found } from './issues.ts'
import { keyPlace, type Located, placeOf, plain } from './located.ts'
import { isConsequence, partial } from './partial.ts'
import { type PositionedProblem, positioned, sorted } from './problems.ts'

export interface LoadOptions<T> {
  readonly file: string
  readonly schema: z.ZodType<T>
  readonly environment: Environment
  /** Keys that the whole must have, in whichever file: without them it is empty, or the beginning of a file. */
  readonly required?: readonly RequiredKey[]
  /** Keys of later versions: using one is said to be so. */
  readonly reserved?: readonly string[]
  /**
   * Rules across keys. With `isWhole` false, some values were wrong and are left out: what is then said of how keys go
   * together must hold whatever they are.
   */
  readonly check?: (config: T, isWhole: boolean) => Problem[]
}

export interface RequiredKey {
  readonly key: string
  /** What to write. */
  readonly fix: string
}

export interface Loading<T> {
  /** Undefined when a problem is an error. */
  readonly config: T | undefined
  readonly problems: PositionedProblem[]
  /** Absolute paths of every file read and folder searched: what to watch. */
  readonly files: string[]
  /** Of what those held: see fingerprint.ts. */
  readonly fingerprint: string
  /** What was written, merged and replaced; undefined when a file could not be parsed. */
  readonly raw: unknown
}

/** Never throws for what a file may hold: everything becomes a problem. */
export async function loadConfiguration<T>(options: LoadOptions<T>): Promise<Loading<T>> {
  const { root, problems, files, fingerprint } = await readMerged(options.file, options.environment)
  if (root === undefined) return { config: undefined, problems: sorted(problems), files, fingerprint, raw: undefined }
  const raw = plain(root)
  const { config, found } = validate(raw, options)
  const read = new Set(problems.map(placeKey))
  // A value that could not be read is not judged as well.
  const judged = [...found, ...missing(root, options.required)]
    .map((one) => positioned(placeFor(root, one), one))
    .filter((one) => !read.has(placeKey(one)))
  const all = sorted([...problems, ...judged])
  const isWrong = all.some(({ severity }) => severity === 'error')
  return { config: isWrong ? undefined : config, problems: all, files, fingerprint, raw }
}

function missing(root: Located, required: readonly RequiredKey[] = []): Found[] {
  if (root.kind !== 'map') return []
  return required
    .filter(({ key }) => !root.entries.has(key))
    .map(({ key, fix }) => ({ path: [key], message: 'is missing', fix }))
}

function validate<T>(raw: unknown, options: LoadOptions<T>): { config: T | undefined; found: Found[] } {
  const { schema, check, reserved = [] } = options
  const result = schema.safeParse(raw, { reportInput: true })
  if (result.success) return { config: result.data, found: check?.(result.data, true) ?? [] }
  const vocabulary = { keysAt: (path: Path) => keysAt(jsonSchema(schema), path), reserved: new Set(reserved) }
  const found = explained(result.error.issues, [], vocabulary)
  const rest = check === undefined ? undefined : partial(raw, schema)
  if (check === undefined || rest === undefined) return { config: undefined, found }
  const wrong = found.map(({ path }) => path)
  const beside = check(rest, false).filter(({ path }) => !isConsequence(path, wrong))
  return { config: undefined, found: [...found, ...beside] }
}

function placeKey({ file, line, column }: PositionedProblem): string {
  return `${file}:${line}:${column}`
}

function placeFor(root: Located, found: Found) {
  return (found.isAboutKey === true ? keyPlace(root, found.path) : undefined) ?? placeOf(root, found.path)
}

/** Every key that the schema allows at a path, whichever form the value has. */
function keysAt(schema: JsonSchema, path: Path): string[] {
  let forms: JsonSchema[] = alternatives(schema)
  for (const step of path) {
    forms = forms.flatMap((form) => {
      const next = typeof step === 'number' ? form.items : (form.properties?.[step] ?? form.additionalProperties)
      return next === undefined || typeof next === 'boolean' ? [] : alternatives(next)
    })
  }
  return [...new Set(forms.flatMap((form) => Object.keys(form.properties ?? {})))]
}

function alternatives(schema: JsonSchema): JsonSchema[] {
  const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])]
  return [schema, ...inner.flatMap(alternatives)]
}
