/**
 * `npm run bench`: what one request costs this gateway and its peers, side by side in one run.
 * CPU per request is the figure to compare: at saturation it decides throughput and, with it, the latencies.
 *
 *   --only a,b     these contenders        --seconds N   length of a round (5)
 *   --rounds N     rounds of each (3)      --write FILE  also write the report there
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Contender, contenders, origin, yardsticks } from './contenders.ts'
import { findCommand, freePort, Running, stopAll } from './processes.ts'
import { type Result, report, type Sample } from './report.ts'
import { load } from './wrk.ts'

interface Entrant {
  readonly contender: Contender
  readonly port: number
  /** Undefined for the origin itself. */
  readonly process: Running | undefined
  readonly samples: Sample[]
}

const WARM_UP_SECONDS = 2

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      seconds: { type: 'string', default: '5' },
      rounds: { type: 'string', default: '3' },
      write: { type: 'string' },
    },
  })
  if (findCommand('wrk') === undefined) throw new Error('wrk is not installed, and nothing else here makes the load')
  const [seconds, rounds] = [atLeastOne(values.seconds, '--seconds'), atLeastOne(values.rounds, '--rounds')]
  const wanted = chosen(values.only)
  const missing = wanted.filter(({ needs }) => needs !== undefined && findCommand(needs) === undefined)
  const folder = mkdtempSync(join(tmpdir(), 'gateway-bench-'))
  try {
    const entrants = await startAll(
      wanted.filter((contender) => !missing.includes(contender)),
      folder,
    )
    await measure(entrants, rounds, seconds)
    const results: Result[] = entrants
    const text = report({ results, missing, rounds, seconds, date: new Date() })
    console.log(`\n${text}`)
    if (values.write !== undefined) writeFileSync(values.write, text)
    for (const { process } of entrants.toReversed()) await process?.stop()
  } finally {
    stopAll()
    rmSync(folder, { recursive: true, force: true })
  }
}

function chosen(only: string | undefined): readonly Contender[] {
  if (only === undefined) return contenders
  const names = only.split(',')
  const unknown = names.filter((name) => !contenders.some((contender) => contender.name === name))
  if (unknown.length > 0) {
    throw new Error(`--only: no ${unknown.join(', ')}; there are ${contenders.map(({ name }) => name).join(', ')}`)
  }
  // The ratios need their yardsticks.
  const disciplines = new Set(contenders.filter(({ name }) => names.includes(name)).map(({ discipline }) => discipline))
  return contenders.filter(
    ({ name, discipline }) => names.includes(name) || (disciplines.has(discipline) && name === yardsticks[discipline]),
  )
}

async function startAll(wanted: readonly Contender[], folder: string): Promise<Entrant[]> {
  const originPort = await freePort()
  const command = await origin.command?.({ port: originPort, origin: 0, folder })
  await new Running('load', command ?? []).listening(originPort)
  const entrants: Entrant[] = []
  for (const contender of wanted) {
    if (contender.command === undefined) {
      entrants.push({ contender, port: originPort, process: undefined, samples: [] })
      continue
    }
    const port = await freePort()
    const process = new Running('proxy', await contender.command({ port, origin: originPort, folder }))
    await process.listening(port)
    entrants.push({ contender, port, process, samples: [] })
  }
  return entrants
}

/** Round by round, everyone in turn, so that whatever else the machine does falls on all alike. */
async function measure(entrants: readonly Entrant[], rounds: number, seconds: number): Promise<void> {
  progress(`warming up: ${entrants.length} × ${WARM_UP_SECONDS} s`)
  for (const { port } of entrants) await load(port, WARM_UP_SECONDS)
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round} of ${rounds}: ${entrants.length} × ${seconds} s`)
    for (const { port, process, samples } of entrants) {
      const before = process?.cpuSeconds() ?? Number.NaN
      const answered = await load(port, seconds)
      const used = (process?.cpuSeconds() ?? Number.NaN) - before
      samples.push({ ...answered, cpuMicros: (used * 1e6) / answered.requests })
    }
  }
}

function atLeastOne(text: string, option: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error(`${option}: not a whole number above 0: ${text}`)
  return value
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    stopAll()
    process.exit(1)
  })
}

main().catch((error: unknown) => {
  stopAll()
  progress(`bench: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
})
