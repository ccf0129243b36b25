/** What a scenario is: backends that misbehave, the configurations that meet it best, a load, and the rows it fills. */
import type { Behaviour, Counts } from './backend.ts'
import type { LoadPlan, LoadResult } from './load.ts'

export const contenderNames = ['nginx', 'haproxy', 'varnish', 'gateway'] as const
export type ContenderName = (typeof contenderNames)[number]

/** What each is started as. */
export const programs: Readonly<Record<ContenderName, string>> = {
  nginx: 'nginx',
  haproxy: 'haproxy',
  varnish: 'varnishd',
  gateway: 'gateway',
}

export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Where a contender stands. */
export interface Site {
  /** A temporary folder of its own. */
  readonly folder: string
  readonly port: number
  /** Which of the instances that share the load. */
  readonly index: number
  /** For the gateway's admin listener. */
  readonly admin: number
  readonly endpoints: readonly Endpoint[]
  /** Ports of what the scenario started beside the backends. */
  readonly services: Readonly<Record<string, number>>
}

export interface BackendSpec {
  readonly host?: string
  /** The port of the backend before it: names in DNS are for addresses. */
  readonly samePort?: boolean
  readonly behaviour: Behaviour
}

/** The backends as the runner holds them, by their place in the scenario's list. */
export interface Backends {
  change(index: number, behaviour: Behaviour): Promise<void>
  up(index: number): Promise<void>
  down(index: number): Promise<void>
  counts(): Promise<readonly Counts[]>
}

/** What a scenario has for one contender. */
export interface Stage {
  readonly backends: Backends
  /** Where the contender's instances listen, on 127.0.0.1. */
  readonly ports: readonly number[]
  /** Length of the main phase. */
  readonly seconds: number
  /** Runs the load; what `during` names is done at that second of it. */
  load(plan: Omit<LoadPlan, 'ports' | 'startAt'>, during?: readonly Happening[]): Promise<LoadResult>
  /** Resident memory of the contender's processes. */
  residentBytes(): number
  isRunning(): boolean
}

export interface Happening {
  readonly atSecond: number
  act(): unknown
}

/** What was measured, by name: the numbers that rows show. NaN: there is no such number. */
export type Figures = Readonly<Record<string, number>>

export interface Row {
  readonly title: string
  readonly target: string
  /** Whose figures of the same run are the target; without them nothing can be said. */
  readonly peer?: ContenderName
  show(figures: Figures): string
  /** @param ofPeer figures of `peer`, where there is one */
  isMet(figures: Figures, ofPeer?: Figures): boolean
}

/** What services stand on. */
export interface Ground {
  readonly folder: string
  readonly endpoints: readonly Endpoint[]
  readonly backends: Backends
}

export interface RunningService {
  readonly port: number
  stop(): Promise<void>
}

/** What runs beside the backends: a DNS server, a Redis. */
export interface Service {
  readonly name: string
  start(ground: Ground): Promise<RunningService>
}

export interface Scenario {
  readonly name: string
  /** One sentence: what happens. */
  readonly about: string
  /** Length of the main phase, when --seconds does not say otherwise. */
  readonly seconds: number
  readonly backends: readonly BackendSpec[]
  readonly services?: readonly Service[]
  /** How many of each contender share the load. */
  readonly instances?: number
  /** Each contender's configuration; who has none is left out. */
  readonly configurations: Readonly<Partial<Record<ContenderName, (site: Site) => string>>>
  measure(stage: Stage): Promise<Figures>
  readonly rows: readonly Row[]
}
