/** What the commands print: lines, tables and colours, for people on a terminal and for scripts. */
import { styleText } from 'node:util'

export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan'

/** Where output goes. Tests and `--json` use the same one. */
export interface Output {
  line(text?: string): void
  json(value: unknown): void
  error(text: string): void
  /** The text in that style, where standard output is a terminal and NO_COLOR is not set. */
  paint(style: Style, text: string): string
  /** The same for standard error. */
  paintError(style: Style, text: string): string
}

export function terminalOutput(environment: Readonly<Record<string, string | undefined>>): Output {
  // https://no-color.org: any value but the empty one.
  const mayPaint = (environment.NO_COLOR ?? '') === '' && environment.TERM !== 'dumb'
  const painter = (isTerminal: boolean) => (style: Style, text: string) =>
    isTerminal && mayPaint ? styleText(style, text, { validateStream: false }) : text
  // A reader that goes away (`| head`) is no error of ours.
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
  return {
    line: (text = '') => process.stdout.write(`${text}\n`),
    json: (value) => process.stdout.write(`${JSON.stringify(value, null, 2)}\n`),
    error: (text) => process.stderr.write(`${text}\n`),
    paint: painter(process.stdout.isTTY === true),
    paintError: painter(process.stderr.isTTY === true),
  }
}

/** Columns as wide as their widest cell, the last one as it comes. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)))
  const last = head.length - 1
  const format = (row: readonly string[]) =>
    row.map((cell, column) => (column === last ? cell : cell.padEnd(widths[column] as number))).join('  ')
  return [head, ...rows].map((row) => format(row).trimEnd())
}
