/** Load by wrk: 64 kept connections from one thread, and what its report says. */
import { spawn } from 'node:child_process'
import { onCore } from './processes.ts'

export interface Load {
  readonly requests: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers other than 2xx and 3xx, and connections that failed. */
  readonly errors: number
}

export const CONNECTIONS = 64

export async function load(port: number, seconds: number): Promise<Load> {
  const command = [
    'wrk',
    '--threads',
    '1',
    '--connections',
    String(CONNECTIONS),
    '--duration',
    `${seconds}s`,
    '--latency',
  ]
  const [program, args] = onCore('load', [...command, `http://127.0.0.1:${port}/`])
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let report = ''
  child.stdout.on('data', (chunk: Buffer) => {
    report += chunk.toString()
  })
  await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return parseReport(report)
}

export function parseReport(report: string): Load {
  const requests = Number(/(\d+) requests in/.exec(report)?.[1] ?? 0)
  if (requests === 0) throw new Error(`no request was answered:\n${report}`)
  const failed = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(report)?.slice(1) ?? []
  return {
    requests,
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(report)?.[1]),
    p50Ms: milliseconds(/^\s+50%\s+(\S+)/m.exec(report)?.[1]),
    p99Ms: milliseconds(/^\s+99%\s+(\S+)/m.exec(report)?.[1]),
    errors: [/Non-2xx or 3xx responses: (\d+)/.exec(report)?.[1], ...failed].reduce(
      (sum, n) => sum + Number(n ?? 0),
      0,
    ),
  }
}

function milliseconds(text = ''): number {
  const unit = { us: 0.001, ms: 1, s: 1000, m: 60_000 }[/[a-z]+$/.exec(text)?.[0] ?? ''] ?? Number.NaN
  return Number.parseFloat(text) * unit
}
