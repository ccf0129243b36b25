/**
 * `npm run effects`: what users notice when endpoints are slow, dead or overloaded, behind nginx, HAProxy and this
 * gateway, each configured as well as it can be; Varnish, too, where the cache matters.
 *
 *   --only a,b        these scenarios       --peers a,b      these of nginx, haproxy, varnish, gateway
 *   --seconds N       length of each main phase (8–10)      --json    figures instead of the table
 *   --write FILE      also write the report there           --list    name the scenarios
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { allGone, findCommand, stopAll } from '../processes.ts'
import { json, type Outcome, report } from './report.ts'
import { type ContenderName, contenderNames, programs, type Scenario } from './scenario.ts'
import { scenarios } from './scenarios/index.ts'
import { measure } from './stage.ts'

const interruption = new AbortController()

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      peers: { type: 'string' },
      seconds: { type: 'string' },
      json: { type: 'boolean', default: false },
      write: { type: 'string' },
      list: { type: 'boolean', default: false },
    },
  })
  if (values.list) {
    for (const { name, about } of scenarios) console.log(`${name.padEnd(22)}${about}`)
    return
  }
  const wanted = chosen(scenarios, values.only, '--only')
  const peers = chosen(
    contenderNames.map((name) => ({ name })),
    values.peers,
    '--peers',
  ).map(({ name }) => name)
  const seconds = values.seconds === undefined ? undefined : atLeastOne(values.seconds)
  const folder = mkdtempSync(join(tmpdir(), 'gateway-effects-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const outcomes: Outcome[] = []
  for (const scenario of wanted) {
    for (const name of peers) {
      outcomes.push(await outcomeOf(scenario, name, seconds, folder))
      // What was stopped was not measured; the signal's handler sees to the end.
      if (interruption.signal.aborted) return
    }
  }
  const run = { scenarios: wanted, peers, outcomes, date: new Date() }
  const text = report(run)
  console.log(values.json ? json(run) : `\n${text}`)
  if (values.write !== undefined) writeFileSync(values.write, text)
}

async function outcomeOf(
  scenario: Scenario,
  name: ContenderName,
  seconds: number | undefined,
  folder: string,
): Promise<Outcome> {
  const said = { scenario, name }
  if (scenario.configurations[name] === undefined) return { ...said, why: 'has no means for this' }
  if (name !== 'gateway' && findCommand(programs[name]) === undefined) return { ...said, why: 'not installed' }
  progress(`${scenario.name}: ${name}`)
  try {
    const measured = await measure(scenario, name, seconds ?? scenario.seconds, folder)
    const figures = Object.entries(measured.figures).map(([key, value]) => `${key} ${Number(value.toFixed(3))}`)
    progress(`  ${figures.join(', ')} (held up ${measured.lagP99Ms.toFixed(1)} ms)`)
    for (const [phase, failed] of Object.entries(measured.failures)) {
      const kinds = Object.entries(failed).map(([kind, times]) => `${kind} ${times}×`)
      progress(`  failed in ${phase}: ${kinds.join(', ')}`)
    }
    return { ...said, measured }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    progress(`  ${why}`)
    return { ...said, why: why.split('\n', 1)[0]?.replace(/^nothing listens on port \d+: (\S*:)?/, '') ?? why }
  }
}

function chosen<T extends { readonly name: string }>(all: readonly T[], only: string | undefined, option: string): T[] {
  if (only === undefined) return [...all]
  const names = only.split(',')
  const unknown = names.filter((name) => !all.some((one) => one.name === name))
  if (unknown.length > 0) {
    throw new Error(`${option}: no ${unknown.join(', ')}; there are ${all.map(({ name }) => name).join(', ')}`)
  }
  return all.filter(({ name }) => names.includes(name))
}

function atLeastOne(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error(`--seconds: not a whole number above 0: ${text}`)
  return value
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    interruption.abort()
    stopAll()
    // They remove files of their own. The helpers end by themselves with this process.
    await allGone()
    process.exit(1)
  })
}

main().catch((error: unknown) => {
  stopAll()
  progress(`effects: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
})
