/** Who is measured, and how each is started. Configurations are in peers/, with {placeholders}. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findCommand, freePort } from './processes.ts'

export interface Setting {
  readonly port: number
  readonly origin: number
  /** A temporary folder of this run. */
  readonly folder: string
}

/** What is measured: answers got from the origin, or from memory. */
export type Discipline = 'proxy' | 'memory'

export interface Contender {
  readonly name: string
  readonly title: string
  readonly discipline: Discipline
  /** The program it cannot do without, beside Node. */
  readonly needs?: string
  /** The command that serves `port`; undefined: the origin itself is asked. */
  command?(setting: Setting): string[] | Promise<string[]>
}

/** Whom the others of a discipline are compared with. */
export const yardsticks: Record<Discipline, string> = { proxy: 'bare', memory: 'fixed' }

const peer = (name: string) => fileURLToPath(new URL(`peers/${name}`, import.meta.url))
const node = (file: string, ...args: (string | number)[]) => [process.execPath, peer(file), ...args.map(String)]

const proxies: readonly Omit<Contender, 'discipline'>[] = [
  { name: 'direct', title: 'the origin itself, no proxy' },
  { name: 'bare', title: 'node:http + undici, bare', command: ({ port, origin }) => node('bare.ts', port, origin) },
  { name: 'gateway', title: '**latency gateway**, access log off', command: (s) => gateway(s, 'gateway', {}) },
  {
    name: 'gateway-log',
    title: '**latency gateway**, access log to a file',
    command: (s) => gateway(s, 'gateway-log', { access: `{file: ${join(s.folder, 'access.log')}}` }),
  },
  {
    name: 'http-proxy-3',
    title: 'http-proxy-3',
    command: ({ port, origin }) => node('http-proxy-3.ts', port, origin),
  },
  { name: 'nginx', title: 'nginx, 1 worker', needs: 'nginx', command: (s) => nginx('nginx.conf', s) },
  {
    name: 'haproxy',
    title: 'HAProxy, 1 thread',
    needs: 'haproxy',
    command: (s) => [program('haproxy'), '-q', '-db', '-f', written('haproxy.cfg', 'haproxy.cfg', s)],
  },
]

const caches: readonly Omit<Contender, 'discipline'>[] = [
  { name: 'fixed', title: 'node:http, answering from memory', command: ({ port }) => node('fixed.ts', port) },
  {
    name: 'gateway-hit',
    title: '**latency gateway**, cache hit',
    command: (s) => gateway(s, 'gateway-hit', { cache: 'true' }),
  },
  {
    name: 'nginx-hit',
    title: 'nginx proxy_cache hit, 1 worker',
    needs: 'nginx',
    command: (s) => nginx('nginx-cache.conf', s),
  },
  {
    name: 'haproxy-hit',
    title: 'HAProxy cache hit, 1 thread',
    needs: 'haproxy',
    command: (s) => [program('haproxy'), '-q', '-db', '-f', written('haproxy-cache.cfg', 'haproxy-cache.cfg', s)],
  },
  { name: 'varnish-hit', title: 'Varnish hit', needs: 'varnishd', command: varnish },
]

export const contenders: readonly Contender[] = [
  ...proxies.map((one): Contender => ({ ...one, discipline: 'proxy' })),
  ...caches.map((one): Contender => ({ ...one, discipline: 'memory' })),
]

/** What stands behind every proxy: nginx where it is installed, so that the origin costs little of its core. */
export const origin: Omit<Contender, 'discipline'> =
  findCommand('nginx') === undefined
    ? { name: 'origin', title: 'node:http', command: ({ port }) => node('fixed.ts', port) }
    : { name: 'origin', title: 'nginx', command: (s) => nginx('nginx-origin.conf', s) }

interface Settings {
  readonly access?: string
  readonly cache?: string
}

async function gateway(setting: Setting, name: string, own: Settings): Promise<string[]> {
  const values = { ...setting, access: 'false', cache: 'false', ...own, admin: await freePort() }
  const file = written('gateway.yaml', `${name}.yaml`, values)
  const command = fileURLToPath(new URL('../bin/gateway.mjs', import.meta.url))
  return [process.execPath, command, 'run', '--config', file]
}

function nginx(file: string, setting: Setting): string[] {
  return [program('nginx'), '-e', 'stderr', '-p', setting.folder, '-c', written(file, file, setting)]
}

/** As shipped, in memory; its worker lives and dies with the process in the foreground. */
function varnish({ port, origin, folder }: Setting): string[] {
  const where = ['-a', `127.0.0.1:${port}`, '-b', `127.0.0.1:${origin}`, '-n', join(folder, 'varnish')]
  return [program('varnishd'), '-F', '-j', 'none', '-s', 'malloc,64m', ...where]
}

function program(name: string): string {
  return findCommand(name) ?? name
}

/** Fills a configuration in and writes it to the run's folder. */
function written(template: string, name: string, values: Setting & Settings & { admin?: number }): string {
  const all: Record<string, string | number> = { ...values, kilobyte: 'x'.repeat(1024) }
  const text = readFileSync(peer(template), 'utf8').replace(/\{(\w+)\}/g, (whole, key: string) =>
    String(all[key] ?? whole),
  )
  const file = join(values.folder, name)
  writeFileSync(file, text)
  return file
}
