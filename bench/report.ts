/** The result as Markdown: a table, and under it what is needed to judge it. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { type Contender, type Discipline, origin, yardsticks } from './contenders.ts'
import { findCommand, isPinned } from './processes.ts'
import { CONNECTIONS, type Load } from './wrk.ts'

export interface Sample extends Load {
  /** CPU time of the proxy's processes per request. NaN where there is no proxy. */
  readonly cpuMicros: number
}

export interface Result {
  readonly contender: Contender
  /** One per round. */
  readonly samples: readonly Sample[]
}

export interface Run {
  readonly results: readonly Result[]
  readonly missing: readonly Contender[]
  readonly rounds: number
  readonly seconds: number
  readonly date: Date
}

export function report(run: Run): string {
  const { rounds, seconds, date } = run
  const measured = [
    `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    `${CONNECTIONS} kept connections, 1 KiB answers`,
    `medians of ${rounds} interleaved rounds of ${seconds} s`,
    isPinned ? 'proxy on one core, load and origin on another' : 'nothing pinned to cores: compare with care',
  ].join('; ')
  const tables = disciplines.flatMap((discipline) => {
    const results = run.results.filter(({ contender }) => contender.discipline === discipline)
    return results.length === 0 ? [] : [table(results, discipline), '']
  })
  const lines = [...tables, `Measured ${measured}.`, `${machine()}.`, `${versions()}.`]
  if (run.missing.length > 0) {
    lines.push(`Not measured, since not installed: ${run.missing.map((one) => one.needs).join(', ')}.`)
  }
  return `${lines.join('\n')}\n`
}

const disciplines: readonly Discipline[] = ['proxy', 'memory']
const titles: Record<Discipline, string> = { proxy: 'what answers', memory: 'what answers, from memory' }

function table(results: readonly Result[], discipline: Discipline): string {
  const yardstick = results.find(({ contender }) => contender.name === yardsticks[discipline])
  const hasErrors = results.some(({ samples }) => samples.some(({ errors }) => errors > 0))
  const head = [
    titles[discipline],
    'CPU µs/request',
    'of bare',
    'p50 ms',
    'p99 ms',
    'requests/s',
    ...(hasErrors ? ['errors'] : []),
  ]
  const rows = results.map(({ contender, samples }) => {
    const middle = (key: keyof Sample, digits: number) => written(median(samples.map((sample) => sample[key])), digits)
    // Rounds are compared with themselves: a noisy one disturbs both sides alike.
    const ratios = samples.map(
      (sample, round) => sample.cpuMicros / (yardstick?.samples[round]?.cpuMicros ?? Number.NaN),
    )
    const errors = samples.reduce((sum, sample) => sum + sample.errors, 0)
    return [
      contender.title,
      middle('cpuMicros', 1),
      written(median(ratios), 2),
      middle('p50Ms', 2),
      middle('p99Ms', 2),
      middle('perSecond', 0),
      ...(hasErrors ? [String(errors)] : []),
    ]
  })
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n')
}

function written(value: number, digits: number): string {
  return Number.isNaN(value) ? '' : value.toFixed(digits)
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

export function machine(): string {
  const all = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  return `${all.length} × ${all[0]?.model.trim() || process.arch}, ${memory} GiB, Linux ${release()}`
}

function versions(): string {
  const parts = [
    peerVersions(),
    `undici ${packageVersion('undici')}`,
    `http-proxy-3 ${packageVersion('http-proxy-3')}`,
    ...versionOf('wrk', ['-v'], /^wrk (?:debian\/)?([\d.]+)/).map((version) => `wrk ${version}`),
  ]
  return `${parts.join(', ')}; origin: ${origin.title}`
}

/** Of Node and of the programs that are installed. */
export function peerVersions(): string {
  const parts = [
    `Node ${process.versions.node}`,
    ...versionOf('nginx', ['-v'], /nginx\/(\S+)/).map((version) => `nginx ${version}`),
    ...versionOf('haproxy', ['-v'], /version (\d[\d.]*)/).map((version) => `HAProxy ${version}`),
    ...versionOf('varnishd', ['-V'], /varnish-(\S+)/).map((version) => `Varnish ${version}`),
  ]
  return parts.join(', ')
}

function versionOf(command: string, args: string[], pattern: RegExp): string[] {
  const path = findCommand(command)
  if (path === undefined) return []
  const { stdout, stderr } = spawnSync(path, args, { encoding: 'utf8' })
  return [pattern.exec(stdout + stderr)?.[1] ?? '']
}

function packageVersion(name: string): string {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
