/** Who takes part, how each is started, and what it can do. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findCommand, freePort, Running } from '../processes.ts'
import { bodies } from './bodies.ts'

export interface Peer {
  readonly title: string
  readonly port: number
  readonly process: Running
  readonly codings: readonly string[]
  readonly isCaching: boolean
  /** The gateway's admin listener. */
  readonly admin: number | undefined
}

const program = (name: string) => findCommand(name) ?? name

export async function startOrigin(folder: string): Promise<number> {
  mkdirSync(join(folder, 'www'))
  for (const { name, bytes } of bodies) writeFileSync(join(folder, 'www', name), bytes)
  const port = await freePort()
  const file = written('origin.conf', folder, { port, folder })
  await new Running('load', [program('nginx'), '-e', 'stderr', '-p', folder, '-c', file]).listening(port)
  return port
}

export async function gateway(folder: string, origin: number): Promise<Peer> {
  const [port, admin] = [await freePort(), await freePort()]
  const file = written('gateway.yaml', folder, { port, admin, origin, folder })
  const command = fileURLToPath(new URL('../../bin/gateway.mjs', import.meta.url))
  const process = await started([globalThis.process.execPath, command, 'run', '--config', file], port)
  const codings = ['zstd', 'br', 'gzip']
  return { title: '**latency gateway**', port, process, codings, isCaching: true, admin }
}

async function nginx(folder: string, origin: number): Promise<Peer> {
  const port = await freePort()
  const file = written('nginx.conf', folder, { port, origin, folder })
  const process = await started([program('nginx'), '-e', 'stderr', '-p', folder, '-c', file], port)
  return { title: 'nginx', port, process, codings: ['gzip'], isCaching: true, admin: undefined }
}

async function caddy(folder: string, origin: number): Promise<Peer> {
  const port = await freePort()
  const file = written('Caddyfile', folder, { port, origin, folder })
  const process = await started([program('caddy'), 'run', '--config', file, '--adapter', 'caddyfile'], port)
  return { title: 'Caddy', port, process, codings: ['zstd', 'gzip'], isCaching: false, admin: undefined }
}

export type Start = (folder: string, origin: number) => Promise<Peer>

/** Those that are installed. Only one runs at a time: caches of several would crowd the memory of a small machine. */
export const starts: readonly Start[] = findCommand('caddy') === undefined ? [gateway, nginx] : [gateway, nginx, caddy]

async function started(command: readonly string[], port: number): Promise<Running> {
  const process = new Running('proxy', command)
  await process.listening(port)
  return process
}

/** Fills a configuration in and writes it to the run's folder. */
function written(template: string, folder: string, values: Readonly<Record<string, string | number>>): string {
  const source = fileURLToPath(new URL(`peers/${template}`, import.meta.url))
  const text = readFileSync(source, 'utf8').replace(/\{(\w+)\}/g, (whole, key: string) => String(values[key] ?? whole))
  const file = join(folder, template)
  writeFileSync(file, text)
  return file
}
