/**
 * `npm run bench:cache-memory`: what a cache with a budget takes when far more distinct keys are asked for than fit, and
 * whether making room ever holds up the event loop. Peers with the same budget stand beside it.
 *
 *   --keys N    distinct keys (2000000)      --peers a,b   these of nginx, haproxy, varnish, gateway
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { command } from '../effects/configurations.ts'
import { type ContenderName, contenderNames, programs } from '../effects/scenario.ts'
import { caches } from '../effects/scenarios/caching.ts'
import { findCommand, freePort, onCore, Running, stopAll } from '../processes.ts'
import { machine, peerVersions } from '../report.ts'
import { parseReport } from '../wrk.ts'

const BODY_BYTES = 4096
const BUDGET_BYTES = 256 * 2 ** 20
/** 1.5 times the budget, and what a Node process with code and connections takes anyway. */
const LIMIT_BYTES = 1.5 * BUDGET_BYTES + 100e6
const LONGEST_PAUSE_SECONDS = 0.05
/** Of wrk's script: nine of ten requests are for a new key. */
const REQUESTS_PER_KEY = 10 / 9
const CONNECTIONS = 16
const LOOK_EVERY_MS = 200
/** Code that runs for the first time is compiled on the way, which is none of the cache's doing. */
const WARM_UP_REQUESTS = 2000

interface Measured {
  readonly startBytes: number
  readonly peakBytes: number
  readonly perSecond: number
  /** Answers that were no good, and connections that broke. */
  readonly failed: number
  /** Of the gateway alone: moments at which a task would have waited longer than allowed. */
  readonly pauses?: number
  readonly hitRatio?: number
  readonly objects?: number
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { keys: { type: 'string', default: '2000000' }, peers: { type: 'string' } } })
  const keys = Number(values.keys)
  if (!Number.isInteger(keys) || keys < 1) throw new Error('--keys: not a whole number above 0')
  const wanted = values.peers?.split(',') ?? contenderNames
  for (const name of ['wrk', 'nginx']) if (findCommand(name) === undefined) throw new Error(`not installed: ${name}`)
  const folder = mkdtempSync(join(tmpdir(), 'gateway-cache-memory-'))
  chmodSync(folder, 0o755)
  try {
    const origin = await startOrigin(folder)
    const rows: string[] = []
    for (const name of contenderNames) {
      if (!wanted.includes(name) || (name !== 'gateway' && findCommand(programs[name]) === undefined)) continue
      process.stderr.write(`${name}\n`)
      rows.push(row(name, await measure(name, folder, origin, keys)))
    }
    console.log(`\n${keys} distinct keys of ${BODY_BYTES} bytes, a budget of ${BUDGET_BYTES / 2 ** 20} MiB\n`)
    console.log(
      `| | resident at first | at most | answers/s | failed | moments held up > 50 ms | hits of a hot tenth | objects |`,
    )
    console.log(`| --- | --: | --: | --: | --: | --: | --: | --: |\n${rows.join('\n')}`)
    console.log(`\nTarget: at most ${mebibytes(LIMIT_BYTES)}, no pause above 50 ms. ${machine()}. ${peerVersions()}.`)
  } finally {
    stopAll()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measure(name: ContenderName, folder: string, origin: number, keys: number): Promise<Measured> {
  const own = mkdtempSync(join(folder, `${name}-`))
  const endpoints = [{ host: '127.0.0.1', port: origin }]
  const site = { folder: own, port: await freePort(), index: 0, admin: await freePort(), endpoints, services: {} }
  const file = join(own, name === 'gateway' ? 'gateway.yaml' : `${name}.conf`)
  writeFileSync(file, caches[name]?.(site) ?? '')
  const running = new Running('proxy', command(name, site, file))
  await running.listening(site.port)
  const startBytes = running.residentBytes()
  let peakBytes = startBytes
  const look = setInterval(() => {
    peakBytes = Math.max(peakBytes, running.residentBytes())
  }, LOOK_EVERY_MS)
  await load(site.port, WARM_UP_REQUESTS, 'warm')
  const before = name === 'gateway' ? await told(site.admin) : undefined
  const begin = performance.now()
  const requests = Math.ceil(keys * REQUESTS_PER_KEY)
  const failed = await load(site.port, requests, 'key')
  const seconds = (performance.now() - begin) / 1000
  clearInterval(look)
  const measured = { startBytes, peakBytes, perSecond: requests / seconds, failed }
  const after = before === undefined ? undefined : await told(site.admin)
  await running.stop()
  if (before === undefined || after === undefined) return measured
  const { objects } = after
  return {
    ...measured,
    objects,
    pauses: after.pauses - before.pauses,
    hitRatio: (after.hits - before.hits) / (requests / 10),
  }
}

/** What the gateway says of itself, since it started. */
async function told(admin: number): Promise<{ pauses: number; hits: number; objects: number }> {
  const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text()
  const read = (name: string) => Number(new RegExp(`^${name}[^\\n]* (\\S+)$`, 'm').exec(text)?.[1] ?? 0)
  const delays = 'nodejs_eventloop_delay_seconds'
  return {
    pauses: read(`${delays}_count`) - read(`${delays}_bucket\\{[^\\n]*le="${LONGEST_PAUSE_SECONDS}"`),
    hits: read('gateway_cache_requests_total\\{[^\\n]*result="hit"'),
    objects: read('gateway_cache_objects'),
  }
}

/** How many were not answered well. */
async function load(port: number, requests: number, name: string): Promise<number> {
  const script = fileURLToPath(new URL('distinct.lua', import.meta.url))
  const size = ['--threads', '1', '--connections', String(CONNECTIONS), '--duration', '3600s', '--timeout', '10s']
  const url = `http://127.0.0.1:${port}/`
  const [program, args] = onCore('load', ['wrk', ...size, '--script', script, url, '--', String(requests), name])
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let report = ''
  child.stdout.on('data', (chunk: Buffer) => {
    report += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    if (chunk.includes('all answered')) child.kill('SIGINT')
  })
  await once(child, 'close')
  return parseReport(report).errors
}

/** Answers every path alike, from memory. */
async function startOrigin(folder: string): Promise<number> {
  const port = await freePort()
  const file = join(folder, 'origin.conf')
  writeFileSync(
    file,
    `
daemon off;
worker_processes 1;
pid ${folder}/origin.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path ${folder}/origin-body;
  proxy_temp_path ${folder}/origin-proxy;
  fastcgi_temp_path ${folder}/origin-fastcgi;
  uwsgi_temp_path ${folder}/origin-uwsgi;
  scgi_temp_path ${folder}/origin-scgi;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    add_header Cache-Control "max-age=3600";
    set $quarter "${'x'.repeat(BODY_BYTES / 4)}";
    location / { return 200 "$quarter$quarter$quarter$quarter"; }
  }
}
`,
  )
  const program = findCommand('nginx') ?? 'nginx'
  await new Running('load', [program, '-e', 'stderr', '-p', folder, '-c', file]).listening(port)
  return port
}

function row(name: ContenderName, of: Measured): string {
  const { pauses, hitRatio, objects } = of
  const cells = [
    name,
    mebibytes(of.startBytes),
    mebibytes(of.peakBytes),
    of.perSecond.toFixed(0),
    String(of.failed),
    pauses === undefined ? '' : String(pauses),
    hitRatio === undefined ? '' : `${(100 * hitRatio).toFixed(1)} %`,
    objects === undefined ? '' : String(objects),
  ]
  return `| ${cells.join(' | ')} |`
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    stopAll()
    process.exit(1)
  })
}

main().catch((error: unknown) => {
  stopAll()
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
