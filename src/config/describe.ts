/** The schema as others read it: JSON Schema for editors, and the reference page for people. */
import { z } from 'zod'

export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly examples?: readonly unknown[]
  readonly pattern?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
  readonly additionalProperties?: JsonSchema | boolean
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly allOf?: readonly JsonSchema[]
  readonly not?: unknown
}

/** JSON Schema (2020-12) of what an operator may write. */
export function jsonSchema(schema: z.ZodType): JsonSchema {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Record<
    string,
    unknown
  >
  return { $schema, title: 'latency gateway configuration', ...rest } as JsonSchema
}

/** A Markdown reference: a section per top-level key, a row per key below it. */
export function referencePage(schema: z.ZodType, intro: string): string {
  const root = jsonSchema(schema)
  const sections = Object.entries(root.properties ?? {}).map(([key, inner]) => section(key, inner))
  return `${intro.trim()}\n\n${sections.join('\n')}`
}

function section(key: string, schema: JsonSchema): string {
  const rows: string[] = []
  collect(schema, '', rows)
  const about = schema.description === undefined ? '' : `${schema.description}\n\n`
  const simple = `Type: ${typeOf(schema)}.${schema.default === undefined ? '' : ` Default: ${written(schema.default)}.`}\n`
  const table =
    rows.length === 0 ? simple : `| key | type | default | meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`
  return `## ${key}\n\n${about}${table}`
}

function collect(schema: JsonSchema, prefix: string, rows: string[]): void {
  for (const form of formsOf(schema)) {
    if (form.items !== undefined) collect(form.items, `${prefix}[]`, rows)
    if (typeof form.additionalProperties === 'object') collectKey('NAME', form.additionalProperties, prefix, rows, true)
    for (const [key, inner] of Object.entries(form.properties ?? {})) collectKey(key, inner, prefix, rows)
  }
}

function collectKey(key: string, schema: JsonSchema, prefix: string, rows: string[], isOpen = false): void {
  if (schema.not !== undefined && schema.description === undefined) return
  const path = `${prefix}${prefix === '' ? '' : '.'}${key}`
  const isLeafOfRecord = isOpen && formsOf(schema).every((form) => form.properties === undefined)
  if (!isLeafOfRecord) {
    const cells = [
      `\`${path}\``,
      typeOf(schema),
      schema.default === undefined ? '' : written(schema.default),
      schema.description ?? '',
    ]
    rows.push(`| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`)
  }
  collect(schema, path, rows)
}

function formsOf(schema: JsonSchema): JsonSchema[] {
  const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]
  return inner.length === 0 ? [schema] : inner.flatMap(formsOf)
}

const quantities: readonly { readonly pattern: RegExp; readonly noun: string }[] = [
  { pattern: /\(ms\|s\|m\|h\)\$$/, noun: 'duration' },
  { pattern: /KiB/, noun: 'size' },
  { pattern: /\\\/\(ms/, noun: 'rate' },
  { pattern: /%\$$/, noun: 'share' },
]

function typeOf(schema: JsonSchema): string {
  const names = formsOf(schema).map((form) => {
    if (form.const !== undefined) return `\`${form.const}\``
    if (form.enum !== undefined) return form.enum.map((value) => `\`${value}\``).join(', ')
    if (form.type === 'array') return `list of ${form.items === undefined ? 'values' : typeOf(form.items)}`
    if (form.type === 'object') return 'mapping'
    if (form.type === 'string')
      return quantities.find(({ pattern }) => pattern.test(form.pattern ?? ''))?.noun ?? 'text'
    if (form.type === 'boolean') return '`true`, `false`'
    if (form.type === 'integer') return 'whole number'
    return typeof form.type === 'string' ? form.type : 'value'
  })
  return [...new Set(names)].join(' or ')
}

function written(value: unknown): string {
  if (typeof value === 'string') return value === '' ? '`""`' : `\`${value}\``
  return `\`${JSON.stringify(value)}\``
}
