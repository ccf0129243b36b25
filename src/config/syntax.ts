/** What is wrong with the YAML of a file, said in an operator's words and shown where it began. */
import { type Document, isCollection, isScalar, type Node, visit, type YAMLError } from 'yaml'
import type { Source } from './located.ts'
import { type PositionedProblem, positioned } from './problems.ts'

interface Said {
  readonly message: string
  readonly fix?: string | undefined
  /** Where it began, when that is not where the parser gave up. */
  readonly opening?: number | undefined
}

/** More say no more about a file that isn't YAML. */
const MOST = 20

/** One problem a line: what follows the first is mostly its echo. */
export function syntaxProblems(document: Document, source: Source): PositionedProblem[] {
  const first = new Map<number, YAMLError>()
  for (const fault of [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0])) {
    const { line } = source.lines.linePos(fault.pos[0])
    if (first.size < MOST && !first.has(line)) first.set(line, fault)
  }
  return [...first.values()].map((fault) => {
    const { message, fix, opening } = said(fault, source.text, document)
    const start = opening ?? fault.pos[0]
    const end = Math.max(fault.pos[1], start + wordAt(source.text, start).length)
    return positioned({ source, start, end }, { path: [], message, fix })
  })
}

function said(fault: YAMLError, text: string, document: Document): Said {
  const [start] = fault.pos
  if (hasReferenceInFlow(text, start)) {
    return { message: 'is not valid YAML', fix: 'inside { } or [ ], put ${…} in quotes' }
  }
  if (/end with a [\]}]/.test(fault.message)) {
    return { message: 'is opened here and never closed', opening: openCollection(document, text, start) }
  }
  if (/closing ["']/i.test(fault.message)) {
    return { message: 'begins with a quote that is never closed', opening: openQuote(document, start) }
  }
  if (/without - indicator/.test(fault.message)) return misindented
  if (fault.code === 'BAD_SCALAR_START') {
    return { message: `begins with \`${text[start]}\`, which YAML reserves`, fix: 'put the text in quotes' }
  }
  return byCode[fault.code] ?? { message: `is not valid YAML: ${inOneLine(fault.message)}` }
}

const misindented: Said = {
  message: 'is not indented like what stands above it',
  fix: 'give all keys of a mapping, and all items of a list, the same indentation',
}

const byCode: Partial<Record<YAMLError['code'], Said>> = {
  DUPLICATE_KEY: { message: 'is given twice in the same mapping', fix: 'keep one of them' },
  TAB_AS_INDENT: { message: 'is indented with a tab', fix: 'indent with spaces' },
  BAD_INDENT: misindented,
  MULTIPLE_DOCS: { message: 'begins a second document', fix: 'keep one in each file, and name the files in `include`' },
  NON_STRING_KEY: { message: 'is not a key: a key is a text' },
  TAG_RESOLVE_FAILED: { message: 'is a tag that means nothing here', fix: 'remove it, or put the text in quotes' },
  BAD_COLLECTION_TYPE: { message: 'is a tag that means nothing here', fix: 'remove it' },
  BAD_DQ_ESCAPE: {
    message: 'is not an escape that YAML knows between double quotes',
    fix: 'write \'…\' instead of "…", or \\\\ for a backslash',
  },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'is a mapping inside a line that is one already',
    fix: 'put a text that holds `: ` in quotes, or begin a new line',
  },
  MULTILINE_IMPLICIT_KEY: { message: 'is not a key with its value', fix: 'write `key: value`' },
  RESOURCE_EXHAUSTION: { message: 'is nested too deeply' },
}

function inOneLine(message: string): string {
  const [line = ''] = message.split('\n', 1)
  return `${line.charAt(0).toLowerCase()}${line.slice(1)}`
}

/** `{token: ${TOKEN}}` without quotes: to YAML, a mapping in a mapping. */
function hasReferenceInFlow(text: string, at: number): boolean {
  const lineStart = text.lastIndexOf('\n', at - 1) + 1
  const line = text.slice(lineStart, text.indexOf('\n', lineStart) >>> 0)
  const unquoted = line.replaceAll(/"[^"]*"|'[^']*'/g, '')
  return unquoted.includes('${') && /[{[]/.test(unquoted.replaceAll('${', ''))
}

function openQuote(document: Document, before: number): number | undefined {
  return lastStart(document, before, (node) => isScalar(node) && (node.type ?? '').startsWith('QUOTE'))
}

function openCollection(document: Document, text: string, before: number): number | undefined {
  return lastStart(
    document,
    before,
    (node) => isCollection(node) && node.flow === true && !/[\]}]/.test(text[(node.range?.[1] ?? 0) - 1] ?? ''),
  )
}

function lastStart(document: Document, before: number, isWanted: (node: Node) => boolean): number | undefined {
  let found: number | undefined
  visit(document, {
    Node(_key, node) {
      const start = node.range?.[0]
      if (start !== undefined && start < before && isWanted(node)) found = start
    },
  })
  return found
}

function wordAt(text: string, start: number): string {
  return /^[\w.-]+/.exec(text.slice(start, start + 100))?.[0] ?? ''
}
