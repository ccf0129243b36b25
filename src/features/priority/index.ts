/**
 * `priority`: how important a route's requests are, where not all can be served: who waits first in an upstream's queue,
 * and who is shed last. A client may say so itself only by a header that the route names, and only where it is believed.
 */
import { section, z } from '../../config/schema.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { Feature } from '../../core/feature.ts'
import { joinedValue } from '../../core/headers.ts'
import { priorities } from '../../core/priority.ts'
import type { Stage } from '../../core/stage.ts'

const word = z.enum(priorities, { error: `must be one of ${priorities.join(', ')}` })

const byHeader = section({
  header: z
    .string()
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: 'is not a field name' })
    .describe('Field that says it: critical, high, normal or low.'),
  default: word.default('normal').describe('Where the field is absent, not one of these words, or not believed.'),
  anyone: z
    .boolean()
    .default(false)
    .describe('Whether every client is believed; false: only the listener’s `trusted_proxies` are.'),
})

export const prioritySchema = z
  .union([word.transform((own) => ({ header: '', default: own, anyone: false })), byHeader], {
    error: `must be one of ${priorities.join(', ')}, or {header: NAME}`,
  })
  .describe('Who is served first and shed last when not all can be served: critical, high, normal or low.')

export type PriorityConfig = z.output<typeof prioritySchema>

class PriorityStage implements Stage {
  readonly name = 'priority'
  readonly #default: number
  readonly #header: string
  readonly #isAnyoneBelieved: boolean

  constructor(config: PriorityConfig) {
    this.#default = priorities.indexOf(config.default)
    this.#header = config.header.toLowerCase()
    this.#isAnyoneBelieved = config.anyone
  }

  admit(x: Exchange): undefined {
    x.priority = this.#default
    if (this.#header === '' || !(this.#isAnyoneBelieved || x.peer.trusted)) return
    const asked = joinedValue(x.request.headers, this.#header)
    const index = asked === undefined ? -1 : (priorities as readonly string[]).indexOf(asked.trim().toLowerCase())
    if (index >= 0) x.priority = index
  }
}

export const priority: Feature<PriorityConfig> = {
  key: 'priority',
  route: prioritySchema as unknown as z.ZodType<PriorityConfig>,
  inherits: true,
  metrics: [],
  build(config) {
    return config === undefined ? undefined : { stage: new PriorityStage(config) }
  },
}
