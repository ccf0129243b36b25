/** `respond`: a fixed answer, made once at load. */
import { section, z } from '../../config/schema.ts'
import type { Feature, Problem } from '../../core/feature.ts'
import { fieldNameFault, fieldValueFault } from '../../core/field-rules.ts'
import { type HeaderList, headerValue } from '../../core/headers.ts'
import type { Reply } from '../../core/reply.ts'

export interface RespondConfig {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const schema: z.ZodType<RespondConfig> = section({
  status: z
    .int({ error: 'is not a status: write a number from 200 to 599' })
    .min(200, { error: 'is not a final status: write a number from 200 to 599' })
    .max(599, { error: 'is not a status: write a number from 200 to 599' })
    .describe('Status of the answer.')
    .default(200),
  headers: z
    .record(
      z.string(),
      z.string({ error: 'is not a header value: write text, in quotes where it looks like a number' }),
    )
    .describe('Its header fields. Content-Type is text/plain where there is a body and this does not say otherwise.')
    .default({}),
  body: z.string({ error: 'is not text: quote it' }).describe('Its body, sent as UTF-8.').default(''),
}).describe('Answers with a fixed response, instead of an upstream.')

export const respond: Feature<RespondConfig | undefined> = {
  key: 'respond',
  route: schema,
  answers: true,
  metrics: [],
  check(config) {
    return config === undefined ? [] : check(config)
  },
  build(config) {
    if (config === undefined) return undefined
    const reply = replyOf(config)
    return { stage: { name: 'respond', admit: () => reply } }
  },
}

function check(config: RespondConfig): Problem[] {
  const problems: Problem[] = []
  for (const [name, value] of Object.entries(config.headers)) {
    const path = ['respond', 'headers', name]
    const nameFault = fieldNameFault(name, 'response')
    const valueFault = fieldValueFault(value)
    if (nameFault !== undefined) problems.push({ path, message: nameFault })
    if (valueFault !== undefined) problems.push({ path, message: valueFault })
  }
  // RFC 9110 §15.3.5, §15.3.6 and §15.4.5: these have no content.
  if (config.body !== '' && [204, 205, 304].includes(config.status)) {
    problems.push({ path: ['respond', 'body'], message: `cannot be sent with status ${config.status}: leave it out` })
  }
  return problems
}

/** Shared by every exchange: the pipeline copies the fields, and leaves the body out where HEAD asks for none. */
function replyOf(config: RespondConfig): Reply {
  const headers: HeaderList = Object.entries(config.headers).flat()
  if (config.body === '') return { status: config.status, headers, body: undefined }
  if (headerValue(headers, 'content-type') === undefined) headers.push('Content-Type', 'text/plain; charset=utf-8')
  return { status: config.status, headers, body: new TextEncoder().encode(config.body) }
}
