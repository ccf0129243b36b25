/** Reading a configuration for a command: what is wrong is shown as it stands in the file, and ends the command. */
import { existsSync } from 'node:fs'
import { type PositionedProblem, renderProblems } from '../config/problems.ts'
import { type GatewayConfig, type Loaded, load } from '../configuration.ts'
import type { Context } from './context.ts'
import { Failure } from './failure.ts'

/** A file that has no errors. */
export interface Usable extends Loaded {
  readonly config: GatewayConfig
}

const smallest = `routes:
  - upstream: http://localhost:3000`

/** @throws Failure when there is no such file, or when it has errors; they have been printed then */
export async function loadForUse(file: string, context: Context): Promise<Usable> {
  if (!existsSync(file)) throw new Failure(missing(file))
  const loaded = await load(file, context.environment)
  printProblems(loaded.problems, context)
  const { config } = loaded
  if (config === undefined) throw new Failure(summary(file, loaded.problems))
  return { ...loaded, config }
}

/** Warnings and errors, on standard error. */
export function printProblems(problems: readonly PositionedProblem[], { output }: Context): void {
  if (problems.length > 0) output.error(renderProblems(problems))
}

/** `gateway.yaml: 2 errors, 1 warning` */
export function summary(file: string, problems: readonly PositionedProblem[]): string {
  const warnings = problems.filter((problem) => problem.severity === 'warning').length
  const errors = problems.length - warnings
  const counts = [counted(errors, 'error'), ...(warnings === 0 ? [] : [counted(warnings, 'warning')])]
  return `${file}: ${counts.join(', ')}`
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

export function missing(file: string): string {
  return `there is no ${file} here. \`gateway demo\` shows a gateway at work; the smallest file is

${smallest.replaceAll(/^/gm, '    ')}
`
}
