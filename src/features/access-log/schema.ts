/** `logs` at the top level, and `access_log: false` under a route (or `defaults`) for the requests of one route. */
import { duration, policy, section, share, size, z } from '../../config/schema.ts'
import { fieldNames } from './line.ts'

const headerToken = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/

/** `header:NAME`; the name in lower case in the parsed configuration. */
function headerSource(): z.ZodType<string, string> {
  return z
    .string()
    .regex(/^header:[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, {
      error: 'is not the source of a field: write for example `header:x-tenant`',
    })
    .transform((source) => source.slice('header:'.length).toLowerCase())
}

function extraFields(): z.ZodType<Record<string, string>, Record<string, string>> {
  const key = z.string().regex(/^[a-z][a-z0-9_]{0,62}$/, {
    error: 'is not a name for a field: use lower-case letters, digits and `_`, with a letter first',
  })
  return z.record(key, headerSource()).superRefine((fields, ctx) => {
    for (const name of Object.keys(fields)) {
      if (!fieldNames.has(name)) continue
      ctx.addIssue({ code: 'custom', path: [name], message: 'is a field that every line has: take another name' })
    }
  })
}

const rotate = policy({
  size: size().describe('Starts a new file when the current one is larger.').prefault('100MB'),
  every: duration({ minMs: 60_000 })
    .describe('Starts a new file also at multiples of this time, counted in UTC: `24h` is at midnight.')
    .optional(),
  keep: z
    .int({ error: 'is not a whole number' })
    .min(1, { error: 'must be at least 1' })
    .max(1000, { error: 'must be at most 1000' })
    .describe('How many older files stay, as FILE.1 (the latest) and so on.')
    .default(7),
})
  .describe('When a log file is replaced by a new one; false: never, or by a tool that sends SIGUSR2 afterwards.')
  .prefault(true)

const access = policy({
  sample: share()
    .describe('Share of requests that are logged. Failures, and answers with status 500 or above, always are.')
    .prefault('100%'),
  fields: extraFields()
    .describe(
      'More fields: their names, and the request header field each one holds, such as `tenant: header:x-tenant`.',
    )
    .prefault({}),
  query: z
    .boolean()
    .describe('Whether the query of the request, and of its Referer, is logged. Queries often hold secrets.')
    .default(false),
  file: z
    .string()
    .min(1, { error: 'is empty: give a path, or leave it out for standard output' })
    .describe('File to append to; standard output when absent.')
    .optional(),
  rotate,
})
  .describe('The access log: one JSON object a line for each request; false: none.')
  .prefault(true)

export const logsSchema = section({
  level: z
    .enum(['debug', 'info', 'warn', 'error'], { error: 'is not a level: one of debug, info, warn, error' })
    .describe('Least severe lines of the gateway’s own log that are written.')
    .default('info'),
  access,
  redact: z
    .array(z.string().regex(headerToken, { error: 'is not a header field name' }).toLowerCase())
    .describe('Header fields whose values are never logged.')
    .prefault(['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'x-api-key']),
})
  .describe('Logs.')
  .prefault({})

export const accessLogRouteSchema = z
  .boolean({ error: 'is neither true nor false' })
  .describe('Whether requests of this route are in the access log.')

export type LogsConfig = z.output<typeof logsSchema>
export type AccessConfig = Exclude<LogsConfig['access'], false>
export type RotateConfig = Exclude<AccessConfig['rotate'], false>
