/** `gateway check`: every problem of a configuration, where it is and what would be right. */
import { load } from '../configuration.ts'
import type { Context } from './context.ts'
import { EXIT_FAILURE } from './failure.ts'
import { counted, printProblems, summary } from './loading.ts'

export interface CheckOptions {
  readonly config: string
  readonly json?: true
}

export async function check(options: CheckOptions, context: Context): Promise<number> {
  const { output } = context
  const loaded = await load(options.config, context.environment)
  const isRight = loaded.config !== undefined
  if (options.json) {
    output.json({ ok: isRight, files: loaded.files, problems: loaded.problems })
    return isRight ? 0 : EXIT_FAILURE
  }
  printProblems(loaded.problems, context)
  if (loaded.config === undefined) {
    output.error(summary(options.config, loaded.problems))
    return EXIT_FAILURE
  }
  const { listeners, routes, upstreams } = loaded.config
  const counts = [
    counted(listeners.length, 'listener'),
    counted(routes.length, 'route'),
    counted(Object.keys(upstreams).length, 'upstream'),
  ]
  output.line(`${output.paint('green', 'ok')} ${options.config}: ${counts.join(', ')}`)
  return 0
}
