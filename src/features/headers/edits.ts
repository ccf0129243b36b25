/** Header edits, settled at load: a list of operations, each one scan of the header section, none when it only adds. */
import type { Exchange } from '../../core/exchange.ts'
import { type HeaderList, isNamed, removeHeader } from '../../core/headers.ts'
import { compileTemplate, type Text } from '../../core/template.ts'
import { type HeadersConfig, lines } from './schema.ts'

interface Line {
  readonly name: string
  readonly lower: string
  readonly text: Text
}

export type Edit = (x: Exchange, headers: HeaderList) => void

/** Removes, then sets, then adds; undefined when there is nothing to do. */
export function compileEdits(config: HeadersConfig): Edit | undefined {
  const removed = [...new Set(config.remove.map((name) => name.toLowerCase()))]
  const set = Object.entries(config.set).map(([name, text]) => line(name, text))
  const added = Object.entries(config.add).flatMap(([name, texts]) => lines(texts).map((text) => line(name, text)))
  if (removed.length + set.length + added.length === 0) return undefined
  return (x, headers) => {
    for (let i = 0; i < removed.length; i++) removeHeader(headers, removed[i] as string)
    for (let i = 0; i < set.length; i++) setLine(headers, set[i] as Line, x)
    for (let i = 0; i < added.length; i++) {
      const { name, text } = added[i] as Line
      headers.push(name, typeof text === 'string' ? text : text(x))
    }
  }
}

function line(name: string, text: string): Line {
  return { name, lower: name.toLowerCase(), text: compileTemplate(text) }
}

/** One line, where the field's first line stood or at the end. */
function setLine(headers: HeaderList, { name, lower, text }: Line, x: Exchange): void {
  const value = typeof text === 'string' ? text : text(x)
  let kept = 0
  let isSet = false
  for (let i = 0; i < headers.length; i += 2) {
    if (isNamed(headers[i] as string, lower)) {
      if (isSet) continue
      isSet = true
      headers[kept] = name
      headers[kept + 1] = value
    } else if (kept !== i) {
      headers[kept] = headers[i] as string
      headers[kept + 1] = headers[i + 1] as string
    }
    kept += 2
  }
  if (kept !== headers.length) headers.length = kept
  if (!isSet) headers.push(name, value)
}
