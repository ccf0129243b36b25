/**
 * `npm run bench:payload`: what compression saves and costs, beside nginx and Caddy in one run; what it means for a page
 * on a slow link; and whether the event loop stays free under it.
 *
 *   --seconds N   length of each measurement (2)      --write FILE   also write the report there
 *   --only a,b    these parts of costs, pages and loop
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findCommand, isPinned, stopAll } from '../processes.ts'
import { median } from '../report.ts'
import { type Body, bodies } from './bodies.ts'
import { answer, load } from './load.ts'
import { pageTimeMs } from './page-time.ts'
import { gateway, type Peer, startOrigin, starts } from './peers.ts'

const CONNECTIONS = 16
/** More than there are threads to compress on, and few enough that the event loop is not at its limit by itself. */
const BUSY_CONNECTIONS = 8
/** The event loop's delay is sampled 50 times a second: in one round a single sample would decide the 99th percentile. */
const LOOP_ROUNDS = 5
const CACHED_ROUNDS = 5
const line = { bitsPerSecond: 10e6, roundTripMs: 40 }

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seconds: { type: 'string', default: '2' }, write: { type: 'string' }, only: { type: 'string' } },
  })
  const missing = ['wrk', 'nginx'].filter((name) => findCommand(name) === undefined)
  if (missing.length > 0) throw new Error(`not installed: ${missing.join(', ')}`)
  const wanted = values.only?.split(',') ?? ['costs', 'pages', 'loop']
  const seconds = Number(values.seconds)
  if (!Number.isInteger(seconds) || seconds < 1) throw new Error('--seconds: not a whole number above 0')
  const folder = mkdtempSync(join(tmpdir(), 'gateway-payload-'))
  // nginx started by root reads files as somebody else.
  chmodSync(folder, 0o755)
  try {
    const origin = await startOrigin(folder)
    const parts: string[] = []
    if (wanted.includes('costs')) parts.push(await costs(folder, origin, seconds))
    const alone = await gateway(folder, origin)
    if (wanted.includes('pages')) parts.push(await pages(alone))
    if (wanted.includes('loop')) parts.push(await loop(alone, seconds))
    await alone.process.stop()
    const pinning = isPinned ? 'proxy on one core, load and origin on another' : 'nothing pinned to cores'
    const text = `${parts.join('\n\n')}\n\nMeasured ${new Date().toISOString().slice(0, 16)} UTC; ${CONNECTIONS} connections; ${pinning}; Node ${process.versions.node}.\n`
    console.log(`\n${text}`)
    if (values.write !== undefined) writeFileSync(values.write, text)
  } finally {
    stopAll()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Bytes on the wire and CPU per request, for each body, peer and coding. */
async function costs(folder: string, origin: number, seconds: number): Promise<string> {
  const head = [
    '',
    'coding',
    'dynamic, bytes',
    'CPU µs',
    'cold in cache, CPU µs',
    'cached, bytes',
    'CPU µs',
    'of uncoded',
  ]
  const rowsOf = new Map(bodies.map((body) => [body, [[`**${body.title}**`, '', '', '', '', '', '', '']]]))
  for (const start of starts) {
    const peer = await start(folder, origin)
    for (const [body, rows] of rowsOf) {
      progress(`${peer.title}, ${body.title}`)
      rows.push(...(await peerRows(peer, body, seconds)))
    }
    await peer.process.stop()
  }
  const rows = [...rowsOf.values()].flat()
  return `### Bytes on the wire and CPU per request\n\n${table(head, rows)}`
}

async function peerRows(peer: Peer, { name }: Body, seconds: number): Promise<string[][]> {
  const names = ['identity', ...peer.codings]
  const cached = `/cached/${name}`
  const dynamic = `/dynamic/${name}`
  const sizeOf = async (path: string, coding: string) => {
    const got = await answer(peer.port, path, coding)
    return got.coding === coding ? String(got.bytes) : `${got.bytes} (${got.coding})`
  }
  const rows: string[][] = []
  for (const accept of names) {
    const row = [peer.title, accept === 'identity' ? 'none' : accept, await sizeOf(dynamic, accept)]
    row.push(written(await cpuMicros(peer, { path: dynamic, accept, seconds, isCold: false })))
    const cold = { path: `${cached}?${accept}-`, accept, seconds, isCold: true }
    row.push(peer.isCaching ? written(await cpuMicros(peer, cold)) : '')
    rows.push(row)
  }
  if (!peer.isCaching) return rows.map((row) => [...row, '', '', ''])
  const costs = await cachedCosts(peer, cached, names, seconds)
  const [uncoded = []] = costs
  for (const [index, row] of rows.entries()) {
    const own = costs[index] ?? []
    const ratios = own.map((cost, round) => cost / (uncoded[round] ?? Number.NaN))
    row.push(await sizeOf(cached, names[index] ?? ''), written(median(own)), median(ratios).toFixed(2))
  }
  return rows
}

/**
 * What a cached answer costs in each coding, by round. One after another in each round, so that what the machine does
 * meanwhile hits all alike; before them, the background gets time to make better what is asked for often.
 */
async function cachedCosts(peer: Peer, path: string, names: readonly string[], seconds: number): Promise<number[][]> {
  const costs: number[][] = names.map(() => [])
  for (let round = -1; round < CACHED_ROUNDS; round++) {
    for (const [index, accept] of names.entries()) {
      const cost = await cpuMicros(peer, { path, accept, seconds, isCold: false })
      if (round >= 0) costs[index]?.push(cost)
    }
  }
  return costs
}

interface Measured {
  readonly path: string
  readonly accept: string
  readonly seconds: number
  readonly isCold: boolean
}

async function cpuMicros(peer: Peer, asking: Measured): Promise<number> {
  const before = peer.process.cpuSeconds()
  const { requests } = await load({ port: peer.port, connections: CONNECTIONS, ...asking })
  return ((peer.process.cpuSeconds() - before) * 1e6) / requests
}

/** A page with its bundle and three lists, over a slow line. */
async function pages(peer: Peer): Promise<string> {
  progress('a page on a slow link')
  const parts = ['page.html', 'bundle.js', 'list.json?1', 'list.json?2', 'list.json?3']
  const rows: string[][] = []
  for (const where of ['cached', 'dynamic']) {
    for (const coding of ['identity', ...peer.codings]) {
      const paths = parts.map((part) => `/${where}/${part}`)
      const times: number[] = []
      for (let round = 0; round < 3; round++) times.push(await pageTimeMs(line, peer.port, paths, coding))
      rows.push([where, coding === 'identity' ? 'none' : coding, median(times).toFixed(0)])
    }
  }
  const what = `100 kB page, 1 MB bundle and three 12 kB lists, ${line.bitsPerSecond / 1e6} Mbit/s, ${line.roundTripMs} ms round trip`
  return `### Time of a page, ms (${what})\n\n${table(['', 'coding', 'ms'], rows)}`
}

/** The delay of the event loop, and of plain requests, while as much is compressed as can be. */
async function loop(peer: Peer, seconds: number): Promise<string> {
  progress('the event loop')
  const codings = ['identity', ...peer.codings]
  const kinds = ['page.html', 'bundle.js'].flatMap((body) => codings.map((coding) => ({ body, coding })))
  const loads: BusyLoad[] = [{ body: '', coding: '' }, ...kinds].map((kind) => ({ ...kind, rounds: [] }))
  // All of them in each round, so that what the machine does meanwhile hits all alike.
  for (let round = 0; round < LOOP_ROUNDS; round++) {
    for (const each of loads) each.rounds.push(await loopRound(peer, each, seconds))
  }
  const rows = loads.map(({ body, coding, rounds }) => {
    const uncoded = loads.find((other) => other.coding === 'identity' && other.body === body)?.rounds
    const ratio = median(
      rounds.map(({ plainP99Ms }, round) => plainP99Ms / (uncoded?.[round]?.plainP99Ms ?? Number.NaN)),
    )
    return [
      coding === 'identity' ? 'none' : coding,
      body,
      body === '' ? '' : median(rounds.map(({ perSecond }) => perSecond)).toFixed(0),
      `≤ ${p99Ms(rounds.map(({ delays }) => delays)).toFixed(1)}`,
      median(rounds.map(({ plainP50Ms }) => plainP50Ms)).toFixed(2),
      median(rounds.map(({ plainP99Ms }) => plainP99Ms)).toFixed(2),
      body === '' ? '' : ratio.toFixed(2),
    ]
  })
  const head = [
    'load',
    `${BUSY_CONNECTIONS} connections ask for`,
    'answers/s',
    'event loop p99 ms',
    'plain p50 ms',
    'plain p99 ms',
    'of uncoded',
  ]
  return `### Under full compression load\n\n${table(head, rows)}`
}

interface BusyLoad {
  /** What is asked for, and in which coding; '' for nothing. */
  readonly body: string
  readonly coding: string
  readonly rounds: LoopRound[]
}

interface LoopRound {
  readonly perSecond: number
  readonly plainP50Ms: number
  readonly plainP99Ms: number
  /** Of the event loop: how many were no longer than so many seconds. */
  readonly delays: ReadonlyMap<number, number>
}

async function loopRound(peer: Peer, { body, coding }: BusyLoad, seconds: number): Promise<LoopRound> {
  const before = await eventLoopBuckets(peer)
  const asking = {
    port: peer.port,
    path: `/dynamic/${body}`,
    accept: coding,
    connections: BUSY_CONNECTIONS,
    isCold: false,
  }
  const loading = body === '' ? undefined : load({ ...asking, seconds: seconds + 1 })
  const probe = { port: peer.port, path: '/plain/list.json', accept: 'identity', connections: 1, isCold: false }
  const plain = await load({ ...probe, seconds })
  const after = await eventLoopBuckets(peer)
  const full = await loading
  const delays = new Map([...after].map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)]))
  return { perSecond: full?.perSecond ?? 0, plainP50Ms: plain.p50Ms, plainP99Ms: plain.p99Ms, delays }
}

/** Counts of the histogram's buckets so far, by upper bound in seconds. */
async function eventLoopBuckets({ admin }: Peer): Promise<Map<number, number>> {
  const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text()
  const lines = text.matchAll(/^nodejs_eventloop_delay_seconds_bucket\{.*le="([^"]+)".*\} (\d+)/gm)
  return new Map(
    [...lines].map(([, bound, count]) => [bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound), Number(count)]),
  )
}

/** The bucket in which the 99th percentile of all that was counted lies: its upper bound. */
function p99Ms(rounds: readonly ReadonlyMap<number, number>[]): number {
  const bounds = [...(rounds[0]?.keys() ?? [])]
  const counts = bounds.map((bound) => ({ bound, count: rounds.reduce((sum, of) => sum + (of.get(bound) ?? 0), 0) }))
  const total = counts.at(-1)?.count ?? 0
  return (counts.find(({ count }) => count >= total * 0.99)?.bound ?? Number.NaN) * 1000
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [row(head), row(head.map((_, column) => (column < 2 ? '---' : '--:'))), ...rows.map(row)].join('\n')
}

function written(micros: number): string {
  return micros.toFixed(micros < 100 ? 1 : 0)
}

function progress(what: string): void {
  process.stderr.write(`${what}\n`)
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
