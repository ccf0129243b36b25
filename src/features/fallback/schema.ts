/** The words of `fallback`, and what they may say. */
import { section, size, z } from '../../config/schema.ts'
import { danglingReference, upstreamReference } from '../../config/upstream-reference.ts'
import type { Path, Problem } from '../../core/feature.ts'
import { fieldNameFault, fieldValueFault } from '../../core/field-rules.ts'
import { templateFault } from '../../core/template.ts'

/** The answer when nothing else can be had. */
export interface FixedAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface FallbackConfig {
  readonly upstream: string | undefined
  readonly answer: FixedAnswer | undefined
  /** Whether a request that got no answer at all is helped. */
  readonly onFailure: boolean
  readonly statuses: readonly number[]
  readonly maxBodyBytes: number
}

/** Nothing that a client can choose freely: the text may be shown in a browser. */
const placeholders = ['request_id', 'route', 'host', 'client_ip']
const named = placeholders.map((name) => `{${name}}`).join(', ')

const notAStatus = 'is not a status: write a number from 200 to 599'
const notACause = 'is no reason for a fallback: write `failure` or a status from 500 to 599'

const cause = z.union(
  [z.literal('failure'), z.int({ error: notACause }).min(500, { error: notACause }).max(599, { error: notACause })],
  { error: notACause },
)

const spelledOut = section({
  upstream: upstreamReference()
    .describe(
      'Another upstream to ask, with the same edits and policies: a name, or a URL. Only idempotent requests, and those that surely were not sent before.',
    )
    .optional(),
  status: z
    .int({ error: notAStatus })
    .min(200, { error: notAStatus })
    .max(599, { error: notAStatus })
    .describe(
      'Status of the fixed answer that comes last; 503 where only `body` or `headers` are given. One below 400 is for safe methods only.',
    )
    .optional(),
  headers: z
    .record(
      z.string(),
      z.string({ error: 'is not a header value: write text, in quotes where it looks like a number' }),
    )
    .describe(
      `Header fields of the fixed answer. Placeholders: ${named}. Cache-Control is no-store where this does not say otherwise.`,
    )
    .optional(),
  body: z
    .string({ error: 'is not text: quote it' })
    .describe(`Body of the fixed answer, sent as UTF-8. Placeholders: ${named}.`)
    .optional(),
  on: z
    .array(cause)
    .min(1, { error: 'is empty: leave it out, or write `failure` or a status from 500 to 599' })
    .describe(
      'What calls for it: failure (no answer could be had), and statuses of the upstream’s own answers, such as 503.',
    )
    .default(['failure']),
  replay: size()
    .prefault('64KiB')
    .describe('How much of a request’s body is remembered for the other upstream; with a larger one, it is not asked.'),
})
  .check((ctx) => {
    const { upstream, status, headers, body } = ctx.value
    if (upstream !== undefined || status !== undefined || headers !== undefined || body !== undefined) return
    const message = 'has nothing to fall back on: give it `upstream`, `status` or `body`'
    ctx.issues.push({ code: 'custom', input: ctx.value, message })
  })
  .transform(({ upstream, status, headers, body, on, replay }): FallbackConfig => {
    const isFixed = status !== undefined || headers !== undefined || body !== undefined
    return {
      upstream,
      answer: isFixed ? { status: status ?? 503, headers: headers ?? {}, body: body ?? '' } : undefined,
      onFailure: on.includes('failure'),
      statuses: on.filter((cause) => cause !== 'failure'),
      maxBodyBytes: replay,
    }
  })

export const fallbackSchema: z.ZodType<FallbackConfig | false> = z
  .union([z.literal(false), spelledOut])
  .describe(
    'What to do when no answer can be had: ask another upstream, give a fixed answer, or the one and then the other. A stale stored answer comes first. False: nothing.',
  )

export function checkFallback(config: FallbackConfig, upstreams: readonly string[]): Problem[] {
  const problems: Problem[] = []
  const report = (message: string | undefined, ...path: Path) => {
    if (message !== undefined) problems.push({ path: ['fallback', ...path], message })
  }
  const { upstream, answer } = config
  if (upstream !== undefined) problems.push(...danglingReference(upstream, upstreams, ['fallback', 'upstream']))
  if (answer === undefined) return problems
  for (const [name, value] of Object.entries(answer.headers)) {
    report(fieldNameFault(name, 'response'), 'headers', name)
    report(fieldValueFault(value) ?? templateFault(value, placeholders), 'headers', name)
  }
  report(templateFault(answer.body, placeholders), 'body')
  // RFC 9110 §15.3.5, §15.3.6 and §15.4.5: these have no content.
  if (answer.body !== '' && [204, 205, 304].includes(answer.status)) {
    report(`cannot be sent with status ${answer.status}: leave it out`, 'body')
  }
  return problems
}
