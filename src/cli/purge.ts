/** `gateway purge`: removes stored answers of a running gateway, and of all that share its Redis. */
import { adminPlace, askAdmin } from './ask-admin.ts'
import type { Context } from './context.ts'
import { EXIT_USAGE, Failure } from './failure.ts'

export interface PurgeOptions {
  readonly config: string
  readonly admin?: string
  readonly prefix?: true
  readonly tag: readonly string[]
  readonly group: readonly string[]
  readonly all?: true
  readonly soft?: true
  readonly dryRun?: true
  readonly json?: true
}

interface Report {
  readonly matched: number
  readonly others: 'none' | 'sent' | 'queued'
}

export async function purge(urls: readonly string[], options: PurgeOptions, context: Context): Promise<number> {
  if (urls.length + options.tag.length + options.group.length === 0 && options.all !== true) {
    throw new Failure('nothing to purge: give a URL, --tag, --group or --all', EXIT_USAGE)
  }
  const place = await adminPlace(options.config, options.admin, context)
  const { status, body } = await askAdmin(place, 'POST', `/api/v1/cache/purge?${query(urls, options)}`)
  if (status !== 200) throw new Failure(refusal(status, body))
  const report = body as Report
  if (options.json) context.output.json(report)
  else context.output.line(sentence(report, options))
  return 0
}

function query(urls: readonly string[], options: PurgeOptions): URLSearchParams {
  const parameters = new URLSearchParams()
  for (const url of urls) parameters.append('url', url)
  for (const tag of options.tag) parameters.append('tag', tag)
  for (const group of options.group) parameters.append('group', group)
  if (options.prefix) parameters.append('prefix', 'true')
  if (options.all) parameters.append('all', 'true')
  if (options.soft) parameters.append('soft', 'true')
  if (options.dryRun) parameters.append('dry_run', 'true')
  return parameters
}

function refusal(status: number, body: unknown): string {
  const title = (body as { title?: unknown } | undefined)?.title
  if (status === 401) return 'the gateway wants a token: set GATEWAY_ADMIN_TOKEN'
  return typeof title === 'string' ? title : `the gateway answered ${status}`
}

function sentence({ matched, others }: Report, options: PurgeOptions): string {
  const answers = `${matched} stored answer${matched === 1 ? '' : 's'}`
  if (options.dryRun) return `${answers} would be ${options.soft ? 'marked stale' : 'removed'}`
  const elsewhere = {
    none: '',
    sent: '; other instances have been told',
    queued: '; other instances will be told when Redis is back',
  }
  return `${answers} ${options.soft ? 'marked stale' : 'removed'}${elsewhere[others]}`
}
