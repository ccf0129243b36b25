/** The configuration of routing: what a route matches, where it leads, and how the request is rewritten on the way. */
import { section, z } from '../config/schema.ts'
import { templateFault } from '../core/template.ts'
import { parseAuthority } from '../net/policy/authority.ts'
import { normalPath } from '../net/policy/path.ts'
import { parseCondition } from './condition.ts'
import { parseHost, parsePath } from './pattern.ts'

export interface MatchConfig {
  /** Empty: every host. */
  readonly host: readonly string[]
  readonly path: string | undefined
  /** Empty: every method. */
  readonly methods: readonly string[]
  readonly headers: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
}

/** A string that must pass a check, which says as the end of a sentence what is wrong. */
function text(fault: (value: string) => string | undefined, what: string): z.ZodString {
  return z.string({ error: (issue) => wrongType(issue.input, what) }).check((ctx) => {
    const message = fault(ctx.value)
    if (message !== undefined) ctx.issues.push({ code: 'custom', input: ctx.value, message, continue: true })
  })
}

/** Of numbers and booleans only values can be made by quoting. */
function wrongType(input: unknown, what: string): string {
  const isBare = typeof input === 'number' || typeof input === 'boolean'
  return isBare && what.startsWith('a value')
    ? `is the ${typeof input} ${input}: quote it, "${input}"`
    : `is not ${what}`
}

const faultOf = (parsed: unknown): string | undefined => (typeof parsed === 'string' ? parsed : undefined)

const pathText = text((value) => faultOf(parsePath(value)), 'a path pattern: write for example /catalog/**')
const hostText = text((value) => faultOf(parseHost(value)), 'a host name: write for example shop.example.com')
const methodText = text(methodFault, 'a method: write for example GET')
const conditionText = text((value) => faultOf(parseCondition('', value)), 'a value: write text, `*` or `~regex`')

function methodFault(method: string): string | undefined {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method)) return 'is not a method: write for example GET'
  if (method === 'CONNECT' || method === 'TRACE') return 'never reaches a route: the gateway refuses it'
  const upper = method.toUpperCase()
  return method !== upper && standardMethods.has(upper)
    ? `is not a method, since their case counts: write ${upper}`
    : undefined
}

const standardMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'QUERY'])

function matchedHeaderFault(name: string): string | undefined {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) return 'is not a header name: use letters, digits and `-`'
  return name.toLowerCase() === 'host' ? 'is matched with `host:`, beside `headers:`' : undefined
}

/** Problems with the keys of a record, each at its key. */
function checkNames(
  ctx: z.core.ParsePayload<Record<string, string>>,
  fault: (name: string) => string | undefined,
): void {
  for (const name of Object.keys(ctx.value)) {
    const message = fault(name)
    if (message !== undefined) ctx.issues.push({ code: 'custom', input: name, message, path: [name], continue: true })
  }
}

const spelledOut = section({
  host: z
    .union([hostText, z.array(hostText).min(1, { error: 'is empty: leave it out to match every host' })])
    .describe(
      'Host name or names, without port; `*.example.com` is every name below example.com, however deep, but not itself. Default: every host.',
    )
    .optional(),
  path: pathText
    .describe(
      'Path: exact, `*` one segment, `**` the rest (`/a/**` is `/a` and all below), `{id}` a named segment, `~^/v[12]/` a regular expression. Default: every path.',
    )
    .optional(),
  methods: z
    .array(methodText)
    .min(1, { error: 'is empty: leave it out to match every method' })
    .describe('Methods; GET does not stand for HEAD. Default: every method.')
    .optional(),
  headers: z
    .record(z.string(), conditionText)
    .check((ctx) => checkNames(ctx, matchedHeaderFault))
    .describe(
      'Header fields that must be there: a value, `*` for any, or `~regex` found in it; several lines are joined with `, `.',
    )
    .default({}),
  query: z
    .record(z.string(), conditionText)
    .describe(
      'Query parameters that must be there, decoded: a value, `*` for any, or `~regex` found in it; of several, one will do.',
    )
    .default({}),
})

type Spelled = z.output<typeof spelledOut>

/** `match: /catalog/**` or spelled out; every request without it. */
export const matchSchema = z
  .union([pathText, spelledOut])
  .describe(
    'Which requests the route is for: a path pattern, or conditions that must all hold. Default: every request.',
  )
  .prefault({})
  .transform((value): MatchConfig => {
    const spelled: Spelled = typeof value === 'string' ? { path: value, headers: {}, query: {} } : value
    const { host = [], path, methods = [], headers, query } = spelled
    return { host: typeof host === 'string' ? [host] : host, path, methods, headers, query }
  })

/** A route's name: what labels its metrics and log lines. Derived ones may hold slashes, so given ones may, too. */
export const routeNameSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$/, {
  error: 'is not a route name: use up to 100 letters, digits, `-`, `_`, `.` or `/`, with a letter or digit first',
})

export interface RewriteConfig {
  readonly strip_prefix?: string | undefined
  readonly path?: string | undefined
  /** `keep`, `upstream`, or a name. */
  readonly host: string
}

function prefixFault(prefix: string): string | undefined {
  if (!prefix.startsWith('/') || prefix === '/') return 'is not a prefix: write for example /catalog'
  if (prefix.endsWith('/')) return `ends with a slash: write ${prefix.replace(/\/+$/, '')}`
  if (/[*{}]/.test(prefix)) return 'is taken literally and can’t hold `*` or `{…}`'
  const normal = normalPath(prefix, 'keep')
  if (typeof normal !== 'string') return 'is not a path that can arrive'
  return normal === prefix ? undefined : `never arrives in this form: write ${normal}`
}

/** Captures are checked where the match is known: see rewrite.ts. */
function pathTemplateFault(template: string): string | undefined {
  if (!template.startsWith('/') && !template.startsWith('{path}')) return 'must begin with `/` or `{path}`'
  if (/[?#]/.test(template)) return 'holds `?` or `#`: the query is passed on as it came'
  if (/[^\x21-\x7e]/.test(template)) return 'holds a character that paths can’t: percent-encode it'
  const filled = template.replaceAll('{path}', '/x').replace(/\{[A-Za-z_][A-Za-z0-9_]*\}/g, 'x')
  const sample = filled.replace(/\/{2,}/g, '/')
  if (normalPath(sample, 'keep') === sample) return undefined
  return 'is not a normal path: no dot segments, no needless percent-encoding, nothing that could be read in two ways'
}

function rewrittenHostFault(host: string): string | undefined {
  if (host === 'keep' || host === 'upstream') return undefined
  if (templateFault(host, []) !== undefined) return 'is taken literally and can’t hold `{…}`'
  return parseAuthority(host) === undefined ? 'is neither `keep`, `upstream` nor a host name' : undefined
}

export const rewriteSchema: z.ZodType<RewriteConfig> = section({
  strip_prefix: text(prefixFault, 'a path')
    .describe('Taken off the path, on a segment boundary: with /catalog, /catalog/1 becomes /1.')
    .optional(),
  path: text(pathTemplateFault, 'a path')
    .describe('The path to send; {path} is the one that came, after strip_prefix, {name} a captured segment.')
    .optional(),
  host: text(rewrittenHostFault, 'a host name')
    .describe('Host to send: `keep` the client’s, `upstream` the endpoint’s own, or a name.')
    .default('keep'),
}).describe('Changes to the request on its way upstream.')

export interface SplitChoice {
  /** An upstream’s name, or a URL without path. */
  readonly to: string
  readonly weight: number
  readonly isUrl: boolean
}

export interface SplitConfig {
  readonly choices: readonly SplitChoice[]
  /** Whether it was written as a list: where problems point. */
  readonly isList: boolean
}

function targetFault(to: string): string | undefined {
  if (!to.includes('://')) {
    if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(to)) return undefined
    return /[:/]/.test(to)
      ? `is neither an upstream's name nor a URL: did you mean http://${to}?`
      : 'is not an upstream’s name: use letters, digits, `-`, `_` and `.`'
  }
  const match = /^https?:\/\/([^/?#]*)(.*)$/.exec(to)
  if (match === null) return 'is not a URL that can be used: begin it with http:// or https://'
  const [, authority = '', rest = ''] = match
  if (authority.includes('@')) return 'holds a user name: put credentials into `request_headers`'
  if (parseAuthority(authority) === undefined) return 'is not a URL: write for example http://localhost:3000'
  return rest === '' || rest === '/' ? undefined : 'has a path or query: put the path into `rewrite: {path: …}`'
}

const targetText = text(targetFault, 'an upstream’s name or a URL')

function choice(to: string, weight: number): SplitChoice {
  const isUrl = to.includes('://')
  return { to: isUrl && to.endsWith('/') ? to.slice(0, -1) : to, weight, isUrl }
}

const choices = z
  .array(
    section({
      to: targetText.describe('An upstream’s name, or a URL.'),
      weight: z
        .number({ error: 'is not a number: write for example 95' })
        .min(0, { error: 'is negative' })
        .max(1_000_000, { error: 'is larger than 1000000' })
        .describe('Its share of requests, relative to the sum of all weights; 0 for none.')
        .default(1),
    }),
  )
  .min(1, { error: 'is empty: give at least one upstream' })
  .check((ctx) => {
    const report = (message: string, path: (string | number)[] = []) =>
      ctx.issues.push({ code: 'custom', input: ctx.value, message, path, continue: true })
    for (const [i, { to }] of ctx.value.entries()) {
      if (ctx.value.findIndex((other) => other.to === to) < i) report(`names ${to} twice`, [i, 'to'])
    }
    if (ctx.value.every(({ weight }) => weight === 0)) report('has weight 0 only, so nothing could be chosen')
  })

/** `upstream: catalog`, `upstream: http://localhost:3000` or a weighted list. */
export const splitSchema = z
  .union([targetText, choices])
  .describe('Where requests go: an upstream’s name, a URL, or a list of these with weights.')
  .transform((value): SplitConfig => {
    if (typeof value === 'string') return { choices: [choice(value, 1)], isList: false }
    return { choices: value.map(({ to, weight }) => choice(to, weight)), isList: true }
  })
