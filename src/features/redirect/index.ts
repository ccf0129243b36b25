/** `redirect`: answers with another address, which may be made of the client's host, path, query and captures. */
import { section, z } from '../../config/schema.ts'
import type { Feature } from '../../core/feature.ts'
import { compileLocation, targetFault } from './location.ts'

export interface RedirectConfig {
  readonly to: string
  readonly status: number
  /** Whether it was written as a mere string: where problems point. */
  readonly isShort: boolean
}

const target = z.string({ error: 'is not a URL: write for example https://{host}{path}' })
const statuses = [301, 302, 303, 307, 308] as const

const schema: z.ZodType<RedirectConfig> = z
  .union([
    target,
    section({
      to: target.describe(
        'Address to go to. Placeholders: {scheme}, {host} (without port), {path}, {query} (with its `?`) and captures of the path. The query is appended unless this holds `?`, `#` or {query}.',
      ),
      status: z
        .literal(statuses, { error: `is not a redirect: use one of ${statuses.join(', ')}` })
        .describe(
          '308 and 307 keep the method, 301, 302 and 303 may turn it into GET; 308 and 301 are remembered by clients.',
        )
        .default(308),
    }),
  ])
  .describe('Answers with a redirect, instead of an upstream; `redirect: URL` is short for {to: URL}.')
  .transform((value) =>
    typeof value === 'string' ? { to: value, status: 308, isShort: true } : { ...value, isShort: false },
  )

export const redirect: Feature<RedirectConfig | undefined> = {
  key: 'redirect',
  route: schema,
  answers: true,
  metrics: [],
  check(config, _top, route) {
    if (config === undefined) return []
    const message = targetFault(config.to, route.pattern)
    return message === undefined ? [] : [{ path: config.isShort ? ['redirect'] : ['redirect', 'to'], message }]
  },
  build(config) {
    if (config === undefined) return undefined
    const { status } = config
    const location = compileLocation(config.to)
    return {
      stage: { name: 'redirect', admit: (x) => ({ status, headers: ['Location', location(x)], body: undefined }) },
    }
  },
}
