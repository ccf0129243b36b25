/** Everything that is wrong with a configuration, each at its place in the file, in words an operator can act on. */
import type { Path } from '../core/feature.ts'
import type { Place } from './located.ts'
import { redactedLine } from './redact.ts'

export interface PositionedProblem {
  readonly file: string
  /** Both count from 1; the column in characters. */
  readonly line: number
  readonly column: number
  /** `routes[2].timeouts.connect`; '' for the file as a whole. */
  readonly path: string
  readonly message: string
  readonly fix?: string
  readonly severity: 'error' | 'warning'
  /** The line itself, and how many characters of it are meant. */
  readonly excerpt: { readonly text: string; readonly length: number }
}

export interface Wrong {
  readonly path: Path
  readonly message: string
  readonly fix?: string | undefined
  readonly severity?: 'error' | 'warning' | undefined
}

const LONGEST_EXCERPT = 160

export function positioned(place: Place, wrong: Wrong): PositionedProblem {
  const { source, start, end } = place
  const offset = Math.min(start, source.text.length)
  // From -1, lastIndexOf would look at the first character too.
  const lineStart = offset === 0 ? 0 : source.text.lastIndexOf('\n', offset - 1) + 1
  const lineEnd = source.text.indexOf('\n', offset)
  const text = source.text.slice(lineStart, lineEnd < 0 ? undefined : lineEnd).replace(/\r$/, '')
  const column = Math.min(offset - lineStart, text.length) + 1
  const length = Math.max(1, Math.min(end - start, text.length - column + 1))
  return {
    file: source.file,
    line: lineOf(source.text, lineStart),
    column,
    path: writtenPath(wrong.path),
    message: wrong.message,
    ...(wrong.fix === undefined ? {} : { fix: wrong.fix }),
    severity: wrong.severity ?? 'error',
    excerpt: { text: shown(text), length },
  }
}

/** Excerpts reach logs and terminals: no secrets, no control characters, and every column in its place. */
function shown(line: string): string {
  // Cut twice: searching is for short lines, and a secret that straddles the end must be seen whole to be known.
  const text = redactedLine(line.slice(0, 8 * LONGEST_EXCERPT)).slice(0, LONGEST_EXCERPT)
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]/g, '\ufffd')
}

/** A problem with a file as a whole, such as one that cannot be read. */
export function wholeFile(file: string, message: string, fix?: string): PositionedProblem {
  const excerpt = { text: '', length: 1 }
  return {
    file,
    line: 1,
    column: 1,
    path: '',
    message,
    ...(fix === undefined ? {} : { fix }),
    severity: 'error',
    excerpt,
  }
}

function lineOf(text: string, lineStart: number): number {
  let line = 1
  for (let i = text.indexOf('\n'); i >= 0 && i < lineStart; i = text.indexOf('\n', i + 1)) line++
  return line
}

/** `['routes', 2, 'match']` as `routes[2].match`. */
export function writtenPath(path: Path): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else text += `${text === '' ? '' : '.'}${/^[\w-]+$/.test(step) ? step : JSON.stringify(step)}`
  }
  return text
}

/** By file and position, each once. */
export function sorted(problems: readonly PositionedProblem[]): PositionedProblem[] {
  const seen = new Set<string>()
  return [...problems]
    .sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column))
    .filter((problem) => {
      const key = `${problem.file}:${problem.line}:${problem.column} ${problem.path} ${problem.message}`
      if (seen.has(key)) return false
      seen.add(key)
      return true
    })
}

/** For people: `file:line:column  path  what is wrong; what would be right`, the line, and a caret under the place. */
export function renderProblems(problems: readonly PositionedProblem[]): string {
  return problems.map(render).join('\n\n')
}

function render(problem: PositionedProblem): string {
  const { file, line, column, path, message, fix, severity, excerpt } = problem
  const kind = severity === 'warning' ? 'warning: ' : ''
  const parts = [`${file}:${line}:${column}`, path, `${kind}${message}${fix === undefined ? '' : `; ${fix}`}`]
  const head = parts.filter((part) => part !== '').join('  ')
  if (excerpt.text.trim() === '' || column > LONGEST_EXCERPT) return head
  const number = String(line)
  // Tabs stay tabs, so that the caret stands under its place whatever their width.
  const indent = excerpt.text.slice(0, column - 1).replace(/[^\t]/g, ' ')
  const caret = '^'.repeat(Math.min(excerpt.length, LONGEST_EXCERPT - column + 1))
  return `${head}\n  ${number} | ${excerpt.text}\n  ${' '.repeat(number.length)} | ${indent}${caret}`
}
