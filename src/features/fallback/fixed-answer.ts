/** The fixed answer of a fallback, made at load as far as it is the same for every exchange. */
import type { GatewayError } from '../../core/errors.ts'
import type { Exchange } from '../../core/exchange.ts'
import { type HeaderList, hasHeader, headerValue } from '../../core/headers.ts'
import type { Reply } from '../../core/reply.ts'
import { compileTemplate, type Text } from '../../core/template.ts'
import type { FixedAnswer } from './schema.ts'

const encoder = new TextEncoder()

/** @returns the reply to one exchange; `why` may add fields, such as Retry-After, to an answer that is an error itself */
export function compileAnswer({ status, headers, body }: FixedAnswer): (x: Exchange, why?: GatewayError) => Reply {
  const fields = Object.entries(headers).map(([name, value]) => [name, compileTemplate(value)] as const)
  const list: HeaderList = fields.flatMap(([name]) => [name, ''])
  const added: HeaderList = []
  if (body !== '' && headerValue(list, 'content-type') === undefined) {
    added.push('Content-Type', 'text/plain; charset=utf-8')
  }
  // It stands in for an answer that will be there again in a moment: nobody may keep it.
  if (!hasHeader(list, 'cache-control')) added.push('Cache-Control', 'no-store')
  const template = compileTemplate(body)
  const content = typeof template === 'string' ? encoder.encode(template) : template
  return (x, why) => {
    const bytes = typeof content === 'function' ? encoder.encode(content(x)) : content
    const sent: HeaderList = fields.flatMap(([name, value]) => [name, textOf(value, x)])
    sent.push(...added)
    if (status >= 500 && why !== undefined) addMissing(sent, why.headers)
    if (hasContent(status)) sent.push('Content-Length', String(bytes.byteLength))
    return { status, headers: sent, body: bytes.byteLength === 0 ? undefined : bytes }
  }
}

function textOf(text: Text, x: Exchange): string {
  return typeof text === 'string' ? text : text(x)
}

function addMissing(list: HeaderList, more: readonly string[]): void {
  for (let i = 0; i < more.length; i += 2) {
    const name = more[i] as string
    if (!hasHeader(list, name.toLowerCase())) list.push(name, more[i + 1] as string)
  }
}

/** RFC 9110 §6.4.1. */
function hasContent(status: number): boolean {
  return status !== 204 && status !== 304
}
