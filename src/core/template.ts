/**
 * Texts with placeholders, `https://{host}{path}`: read once at load, put together per exchange. A placeholder is a
 * name in braces; any other brace is text, so that JSON can stand in a header value. Besides the fixed names there are
 * those that the route's path pattern captures.
 */
import type { Exchange } from './exchange.ts'

/** The fixed placeholders and what stands for them. */
const values: Readonly<Record<string, (x: Exchange) => string>> = {
  client_ip: (x) => x.peer.client,
  request_id: (x) => x.id,
  host: (x) => x.request.host,
  path: (x) => x.request.path,
  query: (x) => x.request.query,
  method: (x) => x.request.method,
  scheme: (x) => x.request.scheme,
  route: (x) => x.route.name,
}

/** Names that captures can't have. */
export const reservedNames: readonly string[] = Object.keys(values)

export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'name'; readonly name: string }

export function templateParts(template: string): TemplatePart[] {
  const parts: TemplatePart[] = []
  let at = 0
  for (const match of template.matchAll(/\{([A-Za-z_][A-Za-z0-9_]*)\}/g)) {
    if (match.index > at) parts.push({ kind: 'text', text: template.slice(at, match.index) })
    parts.push({ kind: 'name', name: match[1] as string })
    at = match.index + match[0].length
  }
  if (at < template.length) parts.push({ kind: 'text', text: template.slice(at) })
  return parts
}

/** What is wrong with the placeholders of a template, as the end of a sentence about it. */
export function templateFault(template: string, allowed: readonly string[]): string | undefined {
  for (const part of templateParts(template)) {
    if (part.kind === 'text' || allowed.includes(part.name)) continue
    return `has the unknown placeholder {${part.name}}: known here are ${allowed.map((name) => `{${name}}`).join(' ')}`
  }
  return undefined
}

/** A text that is the same for every exchange, or how to make it for one. */
export type Text = string | ((x: Exchange) => string)

export function compileTemplate(template: string): Text {
  const parts = templateParts(template).map((part) => (part.kind === 'text' ? part.text : placeholder(part.name)))
  if (parts.every((part) => typeof part === 'string')) return template
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return only
  return (x) => {
    let text = ''
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i] as Text
      text += typeof part === 'string' ? part : part(x)
    }
    return text
  }
}

/** What stands for a placeholder; '' for a capture that took no part in the match. */
export function placeholder(name: string): (x: Exchange) => string {
  return Object.hasOwn(values, name) ? (values[name] as (x: Exchange) => string) : (x) => captured(x.captures, name)
}

export function captured(captures: readonly string[], name: string): string {
  for (let i = 0; i < captures.length; i += 2) {
    if (captures[i] === name) return captures[i + 1] as string
  }
  return ''
}

/** The names that a path pattern captures: of `{id}` segments, or of the groups of a `~` regular expression. */
export function captureNames(pattern: string): string[] {
  const named = pattern.startsWith('~') ? /\(\?<([A-Za-z_][A-Za-z0-9_]*)>/g : /\{([A-Za-z_][A-Za-z0-9_]*)\}/g
  return [...pattern.matchAll(named)].map((match) => match[1] as string)
}
