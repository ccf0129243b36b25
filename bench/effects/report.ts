/** The result as Markdown: a row per promise, with what each contender did, and whether the gateway kept it. */
import { machine, peerVersions } from '../report.ts'
import type { ContenderName, Figures, Row, Scenario } from './scenario.ts'
import type { Measured } from './stage.ts'

export interface Outcome {
  readonly scenario: Scenario
  readonly name: ContenderName
  readonly measured?: Measured
  /** Why nothing was measured. */
  readonly why?: string
}

export interface EffectsRun {
  readonly scenarios: readonly Scenario[]
  readonly peers: readonly ContenderName[]
  readonly outcomes: readonly Outcome[]
  readonly date: Date
}

/** Beyond this, the load or the backends were held up so much that latencies are not the contender's alone. */
const MAX_LAG_MS = 10

const titles: Record<ContenderName, string> = {
  nginx: 'nginx',
  haproxy: 'HAProxy',
  varnish: 'Varnish',
  gateway: 'this gateway',
}

export function report(run: EffectsRun): string {
  // Who has a means for none of them has no column.
  const peers = run.peers.filter((name) =>
    run.scenarios.some((scenario) => scenario.configurations[name] !== undefined),
  )
  const head = ['scenario', ...peers.map((name) => titles[name]), 'target', 'met']
  const rows = run.scenarios.flatMap((scenario) => scenario.rows.map((row) => cells(run, peers, scenario, row)))
  const line = (texts: readonly string[]) => `| ${texts.join(' | ')} |`
  const rule = head.map((_, column) => (column === 0 ? '---' : '--:'))
  const lines = [line(head), line(rule), ...rows.map(line), '']
  if (run.outcomes.some(isHeldUp)) {
    lines.push(
      `\\* load or backends were held up by more than ${MAX_LAG_MS} ms (p99): measure again on a quieter machine.`,
    )
  }
  for (const { scenario, name, why } of run.outcomes) {
    if (why !== undefined && scenario.configurations[name] !== undefined)
      lines.push(`Not measured: ${scenario.name} with ${titles[name]}: ${why}`)
  }
  lines.push(`Measured ${run.date.toISOString().slice(0, 16).replace('T', ' ')} UTC. ${machine()}. ${peerVersions()}.`)
  return `${lines.join('\n')}\n`
}

export function json(run: EffectsRun): string {
  const results = run.outcomes.map(({ scenario, name, measured, why }) => ({
    scenario: scenario.name,
    contender: name,
    ...(measured !== undefined && {
      figures: measured.figures,
      failures: measured.failures,
      lagP99Ms: measured.lagP99Ms,
      rows: scenario.rows.map((row) => ({
        title: row.title,
        target: row.target,
        isMet: isMet(run, scenario, row, measured.figures),
      })),
    }),
    ...(why !== undefined && { why }),
  }))
  return JSON.stringify({ date: run.date, machine: machine(), versions: peerVersions(), results }, undefined, 2)
}

function cells(run: EffectsRun, peers: readonly ContenderName[], scenario: Scenario, row: Row): string[] {
  const outcomeOf = (name: ContenderName) => run.outcomes.find((o) => o.scenario === scenario && o.name === name)
  const shown = peers.map((name) => {
    const outcome = outcomeOf(name)
    if (outcome?.measured === undefined) return ''
    return row.show(outcome.measured.figures) + (isHeldUp(outcome) ? '\\*' : '')
  })
  return [row.title, ...shown, row.target, verdict(run, row, outcomeOf('gateway'))]
}

function verdict(run: EffectsRun, row: Row, outcome: Outcome | undefined): string {
  if (outcome?.measured === undefined || row.target === '') return ''
  const met = isMet(run, outcome.scenario, row, outcome.measured.figures)
  if (met === undefined) return ''
  if (met) return 'yes'
  return isHeldUp(outcome) ? 'unclear\\*' : '**no**'
}

/** Undefined: the peer that is the target was not measured. */
function isMet(run: EffectsRun, scenario: Scenario, { peer, ...row }: Row, figures: Figures): boolean | undefined {
  if (peer === undefined) return row.isMet(figures)
  const ofPeer = run.outcomes.find((o) => o.scenario === scenario && o.name === peer)?.measured?.figures
  return ofPeer === undefined ? undefined : row.isMet(figures, ofPeer)
}

function isHeldUp({ measured }: Outcome): boolean {
  return measured !== undefined && measured.lagP99Ms > MAX_LAG_MS
}
