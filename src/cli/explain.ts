/** `gateway explain METHOD URL`: which route, why not the earlier ones, what is sent where or answered. */
import { errorTable } from '../core/errors.ts'
import type { HeaderList } from '../core/headers.ts'
import type { Refusal } from '../net/policy/guard.ts'
import type { Context } from './context.ts'
import { type Explanation, explained } from './explanation.ts'
import { loadForUse } from './loading.ts'
import { compiled } from './offline.ts'
import type { Output } from './output.ts'
import { readRequest } from './request-line.ts'

export interface ExplainOptions {
  readonly config: string
  readonly header: readonly string[]
  readonly json?: true
}

export async function explain(method: string, url: string, options: ExplainOptions, context: Context): Promise<number> {
  const { output } = context
  const { config } = await loadForUse(options.config, context)
  const typed = readRequest(method.toUpperCase(), url, options.header, config)
  if ('refused' in typed) {
    printRefusal(typed, options.json === true, output)
    return 0
  }
  const explanation = await compiled(config, (generation) => explained(typed, generation))
  if (options.json) output.json(forScripts(explanation))
  else print(explanation, output)
  return 0
}

function printRefusal(refusal: Refusal, isJson: boolean, output: Output): void {
  const { status, title } = errorTable[refusal.refused]
  if (isJson) output.json({ refused: { status, code: refusal.refused, detail: refusal.detail } })
  else output.line(`refused with ${status} ${title}: ${refusal.detail} (${refusal.refused})`)
}

function forScripts({ answer, sent, ...rest }: Explanation): unknown {
  return {
    ...rest,
    ...(answer === undefined ? {} : { answer: { ...answer, headers: pairs(answer.headers) } }),
    ...(sent === undefined ? {} : { sent: { ...sent, headers: pairs(sent.headers) } }),
  }
}

function pairs(headers: HeaderList): [name: string, value: string][] {
  const list: [string, string][] = []
  for (let i = 0; i < headers.length; i += 2) list.push([headers[i] as string, headers[i + 1] as string])
  return list
}

function print(explanation: Explanation, output: Output): void {
  const { request, passed, route, stages, answer, upstream, sent } = explanation
  const title = (text: string) => output.line(output.paint('bold', text))
  title('Request')
  output.line(`  ${request.method} ${request.path}${request.query}  on host ${request.host}`)
  title('Route')
  for (const { route: name, because } of passed) output.line(output.paint('dim', `  ${name}  no: ${because}`))
  output.line(route === undefined ? output.paint('red', '  none matches') : `  ${output.paint('green', route)}  yes`)
  if (stages.length > 0) {
    title('Stages, in this order')
    for (const stage of stages) output.line(`  ${stage.name}  ${output.paint('dim', stage.phases.join(', '))}`)
  }
  if (answer !== undefined) {
    title('Answered by the gateway')
    output.line(`  ${answer.status}`)
    printFields(answer.headers, output)
    if (answer.body !== '') output.line(`  ${answer.body.trimEnd().replaceAll('\n', '\n  ')}`)
  }
  if (sent === undefined || answer !== undefined) return
  title('Sent upstream')
  output.line(`  ${sent.method} ${sent.target} HTTP/1.1`)
  printFields(sent.headers, output)
  title('To')
  for (const { to, share, endpoints } of upstream) {
    output.line(`  ${to}${upstream.length > 1 ? ` ${Math.round(share * 100)}%` : ''}`)
    for (const endpoint of endpoints) output.line(`    ${endpoint}`)
  }
}

function printFields(headers: HeaderList, output: Output): void {
  for (const [name, value] of pairs(headers)) output.line(`  ${name}: ${value}`)
}
