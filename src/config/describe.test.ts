import t from 'tap'
import { rootSchema } from '../configuration.ts'
import { type JsonSchema, jsonSchema, referencePage } from './describe.ts'

function undescribed(schema: JsonSchema, path: string): string[] {
  const found: string[] = []
  for (const form of [schema, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) {
    if (form.items !== undefined) found.push(...undescribed(form.items, `${path}[]`))
    for (const [key, inner] of Object.entries(form.properties ?? {})) {
      if (inner.description === undefined && inner.not === undefined) found.push(`${path}.${key}`)
      found.push(...undescribed(inner, `${path}.${key}`))
    }
  }
  return found
}

t.test('every key says in a sentence what it does', async (t) => {
  t.same([...new Set(undescribed(jsonSchema(rootSchema), ''))], [])
})

t.test('the reference page has a section per top-level key', async (t) => {
  const page = referencePage(rootSchema, '# x')
  for (const key of Object.keys(jsonSchema(rootSchema).properties ?? {})) t.match(page, `## ${key}\n`)
})
