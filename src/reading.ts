/**
 * Reading a configuration again while requests are served. Large ones are read, checked and validated on a thread of
 * their own: 2000 routes take a second, which nobody's request should wait for. What comes back is data, in pieces, and is
 * compiled here. Small ones are read in place: that costs less than a thread, which loads zod, yaml and every schema anew.
 */
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { deserialize, serialize } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { changedPaths } from './config/diff.ts'
import type { Environment } from './config/environment.ts'
import { type GatewayConfig, type Loaded, load } from './configuration.ts'
import type { UpstreamConfig } from './upstream/index.ts'

/** What was written in all files together, kept as bytes: it is looked at when somebody asks, and compared by the worker. */
export type Written = Uint8Array

export interface Reading extends Omit<Loaded, 'raw'> {
  /** Undefined as `config` is. */
  readonly written: Written | undefined
  /** Paths that differ from what was written before. */
  readonly changed: readonly string[]
}

/** What the worker is to do. */
export interface ReadingOrder {
  readonly file: string
  readonly environment: Environment
  readonly before: Written
}

/** What it found; the configuration follows in pieces. */
export interface Report extends Omit<Reading, 'config'> {
  readonly isRight: boolean
}

/** A part of a configuration: reading one out of a message takes a millisecond. */
export interface Piece {
  readonly head?: Omit<GatewayConfig, 'routes' | 'upstreams'>
  readonly routes?: GatewayConfig['routes']
  readonly upstreams?: readonly (readonly [string, UpstreamConfig])[]
}

/** Checked in less than 30 ms once the code is warm. */
const LARGE_BYTES = 8 * 1024
const ROUTES_PER_PIECE = 50
const UPSTREAMS_PER_PIECE = 50

/** @param files what was read the last time: whether all that is large */
export function readAgain(order: ReadingOrder, files: readonly string[]): Promise<Reading> {
  const isLarge = Math.max(order.before.byteLength, bytesIn(files)) > LARGE_BYTES
  return isLarge ? readApart(order) : readHere(order)
}

export function writtenOf(raw: unknown): Written {
  return serialize(raw)
}

export function writtenIn(written: Written): unknown {
  return deserialize(written)
}

async function readHere({ file, environment, before }: ReadingOrder): Promise<Reading> {
  const { raw, ...loaded } = await load(file, environment)
  if (loaded.config === undefined) return { ...loaded, written: undefined, changed: [] }
  return { ...loaded, written: writtenOf(raw), changed: changedPaths(writtenIn(before), raw) }
}

/** @throws when the worker fails */
export async function readApart({ file, environment, before }: ReadingOrder): Promise<Reading> {
  // In a checkout the sources run as they are; in the package they have been compiled.
  const entry = new URL(
    import.meta.url.endsWith('.ts') ? './reading-worker.ts' : './reading-worker.js',
    import.meta.url,
  )
  const workerData: ReadingOrder = { file, environment: { ...environment }, before }
  // What was preloaded into this thread is not for that one.
  const worker = new Worker(entry, { workerData, execArgv: [], env: {} })
  try {
    const { isRight, ...report } = await next<Report>(worker)
    if (!isRight) return { ...report, config: undefined }
    return { ...report, config: await assembled(worker) }
  } finally {
    await worker.terminate()
  }
}

async function assembled(worker: Worker): Promise<GatewayConfig> {
  let head: Piece['head']
  const routes: GatewayConfig['routes'][number][] = []
  const upstreams: Record<string, UpstreamConfig> = {}
  for (;;) {
    worker.postMessage('next')
    const piece = await next<Piece | undefined>(worker)
    if (piece === undefined) break
    head ??= piece.head
    routes.push(...(piece.routes ?? []))
    for (const [name, upstream] of piece.upstreams ?? []) upstreams[name] = upstream
  }
  if (head === undefined) throw new Error('the configuration was not handed over whole')
  return { ...head, routes, upstreams }
}

async function next<T>(worker: Worker): Promise<T> {
  const controller = new AbortController()
  const { signal } = controller
  const exited = once(worker, 'exit', { signal }).then(() => {
    throw new Error('reading the configuration ended early')
  })
  exited.catch(() => {})
  try {
    const [message] = await Promise.race([once(worker, 'message', { signal }), exited])
    return message as T
  } finally {
    controller.abort()
  }
}

export function piecesOf({ routes, upstreams, ...head }: GatewayConfig): Piece[] {
  const pieces: Piece[] = [{ head }]
  const named = Object.entries(upstreams)
  for (let i = 0; i < named.length; i += UPSTREAMS_PER_PIECE)
    pieces.push({ upstreams: named.slice(i, i + UPSTREAMS_PER_PIECE) })
  for (let i = 0; i < routes.length; i += ROUTES_PER_PIECE)
    pieces.push({ routes: routes.slice(i, i + ROUTES_PER_PIECE) })
  return pieces
}

function bytesIn(files: readonly string[]): number {
  let bytes = 0
  for (const file of files) {
    try {
      bytes += statSync(file).size
    } catch {
      // Reading it says what is wrong with it.
    }
  }
  return bytes
}
