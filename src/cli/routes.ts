/** `gateway routes`: the routes in the order in which they match, with where they lead and what they do on the way. */
import type { RouteSummary } from '../generation.ts'
import type { Context } from './context.ts'
import { loadForUse } from './loading.ts'
import { compiled } from './offline.ts'
import { table } from './output.ts'

export interface RoutesOptions {
  readonly config: string
  readonly json?: true
}

export async function routes(options: RoutesOptions, context: Context): Promise<number> {
  const { output } = context
  const { config } = await loadForUse(options.config, context)
  const summaries = await compiled(config, (generation) => generation.routes())
  if (options.json) {
    output.json({ routes: summaries })
    return 0
  }
  const [head = '', ...rows] = table(
    ['NAME', 'MATCH', 'TARGET', 'STAGES'],
    summaries.map((route) => [route.name, route.match, target(route), route.stages.join(' ')]),
  )
  output.line(output.paint('bold', head))
  for (const row of rows) output.line(row)
  return 0
}

/** `shop`, `shop 90% + shop-next 10%`, or `-` where the gateway answers itself. */
function target({ upstream }: RouteSummary): string {
  const [only] = upstream
  if (only === undefined) return '-'
  if (upstream.length === 1) return only.to
  const total = upstream.reduce((sum, { weight }) => sum + weight, 0)
  return upstream.map(({ to, weight }) => `${to} ${Math.round((100 * weight) / total)}%`).join(' + ')
}
