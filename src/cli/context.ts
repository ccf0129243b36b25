/** What every command is given: where to print, and the environment, which nothing else in the program reads. */
import type { Output } from './output.ts'

export interface Context {
  readonly output: Output
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly version: string
}
