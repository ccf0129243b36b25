/** Edits of a header section, as configured: what may be named and what a value may hold. */
import { section, z } from '../../config/schema.ts'
import type { Path, Problem } from '../../core/feature.ts'
import { fieldNameFault, fieldValueFault } from '../../core/field-rules.ts'
import { captureNames, reservedNames, templateFault } from '../../core/template.ts'

export type Message = 'request' | 'response'

export interface HeadersConfig {
  readonly set: Readonly<Record<string, string>>
  readonly add: Readonly<Record<string, string | readonly string[]>>
  readonly remove: readonly string[]
}

const placeholders = reservedNames.map((name) => `{${name}}`).join(', ')

const value = z.string({
  error: (issue) =>
    typeof issue.input === 'number' || typeof issue.input === 'boolean'
      ? `is the ${typeof issue.input} ${issue.input}: quote it, "${issue.input}"`
      : 'is not a header value',
})

export function headersSchema(message: Message): z.ZodType<HeadersConfig | false> {
  const edits = section({
    set: z
      .record(z.string(), value)
      .describe(
        `Fields to send with just this value, in place of any that came. Placeholders: ${placeholders} and captures of the path.`,
      )
      .default({}),
    add: z
      .record(z.string(), z.union([value, z.array(value)]))
      .describe('Fields to send beside any that came; a list adds a line for each value.')
      .default({}),
    remove: z.array(z.string()).describe('Fields to drop; comes before `set` and `add`.').default([]),
  })
  const where = message === 'request' ? 'on its way upstream' : 'on its way to the client'
  return z
    .union([z.literal(false), edits])
    .describe(`Edits of the ${message}’s header section ${where}; false: none.`) as z.ZodType<HeadersConfig | false>
}

/** Names, values and placeholders. Paths begin with `key`. */
export function checkHeaders(config: HeadersConfig, message: Message, key: string, pattern: string): Problem[] {
  const problems: Problem[] = []
  const allowed = [...reservedNames, ...captureNames(pattern)]
  const report = (fault: string | undefined, ...path: Path) => {
    if (fault !== undefined) problems.push({ path: [key, ...path], message: fault })
  }
  for (const [name, text] of Object.entries(config.set)) {
    report(fieldNameFault(name, message), 'set', name)
    report(fieldValueFault(text) ?? templateFault(text, allowed), 'set', name)
  }
  for (const [name, texts] of Object.entries(config.add)) {
    report(fieldNameFault(name, message), 'add', name)
    for (const text of lines(texts)) report(fieldValueFault(text) ?? templateFault(text, allowed), 'add', name)
  }
  for (const [i, name] of config.remove.entries()) report(fieldNameFault(name, message), 'remove', i)
  return [...problems, ...contradictions(config, key)]
}

export function lines(texts: string | readonly string[]): readonly string[] {
  return typeof texts === 'string' ? [texts] : texts
}

/** RFC 9110 §5.1: names are the same in any case. */
function contradictions(config: HeadersConfig, key: string): Problem[] {
  const problems: Problem[] = []
  const set = Object.keys(config.set).map((name) => name.toLowerCase())
  for (const [i, name] of Object.keys(config.set).entries()) {
    if (set.indexOf(name.toLowerCase()) === i) continue
    problems.push({ path: [key, 'set', name], message: 'is set twice: case makes no difference in header names' })
  }
  for (const [i, name] of config.remove.entries()) {
    if (!set.includes(name.toLowerCase())) continue
    problems.push({
      path: [key, 'remove', i],
      message: 'is also set, which already replaces what came: remove it here',
    })
  }
  return problems
}
