/** The stages of one route that take part in a phase: what makes an absent feature cost nothing. */
import type { Phase, Stage } from './core/stage.ts'

export type { Stage } from './core/stage.ts'

export type Step<K extends Phase> = Stage & Required<Pick<Stage, K>>

export function having<K extends Phase>(stages: readonly Stage[], phase: K): Step<K>[] {
  return stages.filter((stage): stage is Step<K> => stage[phase] !== undefined)
}
