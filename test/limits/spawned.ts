/** The gateway as an operator runs it: a process of its own, with a configuration file, signals, and memory to measure. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { unhooked } from '../harness/unhooked.ts'

export const MIB = 2 ** 20

export interface Ports {
  readonly port: number
  readonly admin: number
}

/** What starts the command in a checkout. */
const checkout = [process.execPath, fileURLToPath(new URL('../../bin/gateway.mjs', import.meta.url))]

export class SpawnedGateway {
  readonly port: number
  readonly #admin: number
  readonly #file: string
  readonly #child: ChildProcess
  readonly #exited: Promise<number | null>
  /** What it wrote to stdout and stderr: the end of it. */
  output = ''

  private constructor(ports: Ports, file: string, command: readonly string[]) {
    this.port = ports.port
    this.#admin = ports.admin
    this.#file = file
    const [program = '', ...args] = command
    this.#child = spawn(...unhooked(program, [...args, 'run', '-c', file]), { stdio: ['ignore', 'pipe', 'pipe'] })
    const keep = (chunk: Buffer) => {
      this.output = (this.output + chunk.toString()).slice(-16_384)
    }
    this.#child.stdout?.on('data', keep)
    this.#child.stderr?.on('data', keep)
    this.#exited = new Promise((resolve) => this.#child.once('exit', (code) => resolve(code)))
  }

  /** Runs it on free ports until the test ends; resolves when it is ready. */
  static async start(
    t: Test,
    config: (ports: Ports) => string,
    options: { ports?: Ports; command?: readonly string[] } = {},
  ): Promise<SpawnedGateway> {
    const ports = options.ports ?? (await freePorts())
    const folder = mkdtempSync(join(tmpdir(), 'gateway-test-'))
    const file = join(folder, 'gateway.yaml')
    writeFileSync(file, config(ports))
    const gateway = new SpawnedGateway(ports, file, options.command ?? checkout)
    t.teardown(async () => {
      gateway.signal('SIGKILL')
      await gateway.#exited
      rmSync(folder, { recursive: true, force: true })
    })
    await gateway.#ready()
    return gateway
  }

  /** Resolves with the exit code; null where a signal ended it. */
  get exited(): Promise<number | null> {
    return this.#exited
  }

  signal(name: NodeJS.Signals): void {
    if (this.#child.exitCode === null) this.#child.kill(name)
  }

  rewrite(config: string): void {
    writeFileSync(this.#file, config)
  }

  /** Resident memory: now, and the most it ever was (proc(5): VmRSS, VmHWM). */
  memory(): { nowBytes: number; peakBytes: number } {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')
    const kilobytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1])
    return { nowBytes: kilobytes('VmRSS') * 1024, peakBytes: kilobytes('VmHWM') * 1024 }
  }

  async #ready(): Promise<void> {
    for (let attempt = 0; attempt < 1200; attempt++) {
      if ((await statusOf(this.#admin, '/readyz')) === 200) return
      if (this.#child.exitCode !== null) break
      await pause(50)
    }
    throw new Error(`the gateway did not become ready: ${this.output}`)
  }
}

export async function freePorts(): Promise<Ports> {
  const servers = [createServer(), createServer()]
  const [port = 0, admin = 0] = await Promise.all(
    servers.map(async (server) => {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const address = server.address()
      return typeof address === 'object' && address !== null ? address.port : 0
    }),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return { port, admin }
}

function statusOf(port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const asked = request({ port, path, host: '127.0.0.1', agent: false }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    asked.once('error', () => resolve(undefined))
    asked.end()
  })
}

/** Waits until something is so; fails by its own words when it never is. */
export async function until(what: string, isSo: () => boolean, seconds = 20): Promise<void> {
  for (let attempt = 0; attempt < seconds * 50; attempt++) {
    if (isSo()) return
    await pause(20)
  }
  throw new Error(`never happened within ${seconds} s: ${what}`)
}
