/** `gateway schema`: the JSON Schema of the configuration file, for editors. */
import { jsonSchema } from '../config/describe.ts'
import { rootSchema } from '../configuration.ts'
import type { Context } from './context.ts'

export function schema({ output }: Context): number {
  output.json(jsonSchema(rootSchema))
  return 0
}
