/** One scenario with one contender, from nothing to nothing: whatever it starts has ended when it returns. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, Running } from '../processes.ts'
import type { Counts } from './backend.ts'
import { Helper } from './calls.ts'
import { command } from './configurations.ts'
import type { LoadPlan, LoadResult } from './load.ts'
import type { Backends, ContenderName, Endpoint, Figures, Happening, Scenario, Site, Stage } from './scenario.ts'

export interface Measured {
  readonly figures: Figures
  /** How late the load sent, and the backends' timers ran: beyond a few milliseconds the latencies are not the contender's. */
  readonly lagP99Ms: number
  /** By phase: how requests failed, and how often. */
  readonly failures: Readonly<Record<string, Readonly<Record<string, number>>>>
}

/** For the load to draw up its schedule. */
const LEAD_MS = 200

/** What must end with the run, last begun first. */
class Ends {
  readonly #ends: (() => unknown)[] = []

  add(end: () => unknown): void {
    this.#ends.push(end)
  }

  async all(): Promise<void> {
    for (const end of this.#ends.splice(0).toReversed()) await end()
  }
}

export async function measure(
  scenario: Scenario,
  name: ContenderName,
  seconds: number,
  under: string,
): Promise<Measured> {
  const ends = new Ends()
  const folder = mkdtempSync(join(under, `${scenario.name}-`))
  try {
    const helper = started(new Helper('./backend.ts'), ends)
    const endpoints = await open(scenario, helper)
    const backends = control(helper)
    const services: Record<string, number> = {}
    for (const service of scenario.services ?? []) {
      const running = await service.start({ folder, endpoints, backends })
      ends.add(() => running.stop())
      services[service.name] = running.port
    }
    const contenders: Running[] = []
    const ports: number[] = []
    for (let i = 0; i < (scenario.instances ?? 1); i++) {
      const site = { folder, port: await freePort(), index: i, admin: await freePort(), endpoints, services }
      contenders.push(await start(scenario, name, site, ends))
      ports.push(site.port)
    }
    const load = started(new Helper('./load.ts'), ends)
    const stage = new RealStage(seconds, backends, load, ports, contenders)
    const figures = await scenario.measure(stage)
    const lagP99Ms = Math.max(stage.lagP99Ms, await helper.call<number>('lagP99Ms'))
    return { figures, lagP99Ms, failures: stage.failures }
  } finally {
    await ends.all()
  }
}

function started(helper: Helper, ends: Ends): Helper {
  ends.add(() => helper.stop())
  return helper
}

async function open(scenario: Scenario, backends: Helper): Promise<Endpoint[]> {
  const endpoints: Endpoint[] = []
  for (const { host = '127.0.0.1', samePort, behaviour } of scenario.backends) {
    const port = samePort === true ? (endpoints.at(-1)?.port ?? 0) : 0
    endpoints.push({ host, port: await backends.call('open', { host, port, behaviour }) })
  }
  return endpoints
}

function control(helper: Helper): Backends {
  return {
    change: (index, behaviour) => helper.call('change', { index, behaviour }),
    up: (index) => helper.call('up', index),
    down: (index) => helper.call('down', index),
    counts: () => helper.call<readonly Counts[]>('counts'),
  }
}

async function start(scenario: Scenario, name: ContenderName, site: Site, ends: Ends): Promise<Running> {
  const text = scenario.configurations[name]?.(site) ?? ''
  const file = join(site.folder, `${name}-${site.port}.${name === 'gateway' ? 'yaml' : 'conf'}`)
  writeFileSync(file, text)
  const running = new Running('any', command(name, site, file))
  ends.add(() => running.stop())
  await running.listening(site.port)
  return running
}

class RealStage implements Stage {
  readonly seconds: number
  readonly backends: Backends
  readonly ports: readonly number[]
  readonly #load: Helper
  readonly #contenders: readonly Running[]
  readonly failures: Record<string, Readonly<Record<string, number>>> = {}
  lagP99Ms = 0

  constructor(
    seconds: number,
    backends: Backends,
    load: Helper,
    ports: readonly number[],
    contenders: readonly Running[],
  ) {
    this.seconds = seconds
    this.backends = backends
    this.#load = load
    this.ports = ports
    this.#contenders = contenders
  }

  async load(plan: Omit<LoadPlan, 'ports' | 'startAt'>, during: readonly Happening[] = []): Promise<LoadResult> {
    await this.#load.call('ready')
    const whole: LoadPlan = { ...plan, ports: this.ports, startAt: Date.now() + LEAD_MS }
    const failures: unknown[] = []
    const timers = during.map(({ atSecond, act }) =>
      setTimeout(
        () => Promise.resolve(act()).catch((error: unknown) => failures.push(error)),
        LEAD_MS + atSecond * 1000,
      ),
    )
    try {
      const result = await this.#load.call<LoadResult>('run', whole)
      if (failures.length > 0) throw failures[0]
      // A load that sends everything at once is late by intent, and has no number for it; the backends have.
      if (!Number.isNaN(result.lagP99Ms)) this.lagP99Ms = Math.max(this.lagP99Ms, result.lagP99Ms)
      for (const [name, { failed }] of Object.entries(result.phases)) {
        if (Object.keys(failed).length > 0) this.failures[name] = failed
      }
      return result
    } finally {
      timers.forEach(clearTimeout)
    }
  }

  residentBytes(): number {
    return this.#contenders.reduce((sum, contender) => sum + contender.residentBytes(), 0)
  }

  isRunning(): boolean {
    return this.#contenders.every((contender) => contender.isRunning)
  }
}
