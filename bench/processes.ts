/** Child processes of a benchmark: started on a core of their own, waited for, their CPU time read, always ended. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const started = new Set<ChildProcess>()

/** Two cores: one for the proxy under test, one for load and origin. With fewer, or without taskset, nobody is pinned. */
export const isPinned = availableParallelism() >= 2 && findCommand('taskset') !== undefined
/** any: wherever the scheduler sees fit. */
export type Core = 'proxy' | 'load' | 'any'
const cores: Record<Core, string> = { proxy: '0', load: '1', any: '' }

export function findCommand(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

/** A command with the prefix that keeps it on its core. */
export function onCore(core: Core, command: readonly string[]): [string, string[]] {
  const [program = '', ...args] = isPinned && core !== 'any' ? ['taskset', '-c', cores[core], ...command] : command
  return [program, args]
}

export class Running {
  readonly #child: ChildProcess
  #errors = ''

  constructor(core: Core, command: readonly string[]) {
    const [program, args] = onCore(core, command)
    this.#child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    started.add(this.#child)
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-2000)
    })
    this.#child.on('error', (error) => {
      this.#errors += String(error)
    })
    this.#child.on('exit', () => started.delete(this.#child))
  }

  /** Waits until the port accepts connections. */
  async listening(port: number): Promise<void> {
    for (let attempt = 0; attempt < 200; attempt++) {
      if (await accepts(port)) return
      if (this.#child.exitCode !== null || this.#child.pid === undefined) break
      await pause(50)
    }
    throw new Error(`nothing listens on port ${port}: ${this.#errors.trim()}`)
  }

  /** CPU time so far, of the process, its threads and its children, in seconds. */
  cpuSeconds(): number {
    return treeOf(this.#child.pid ?? -1).reduce((sum, pid) => sum + ticksOf(pid), 0) / ticksPerSecond()
  }

  /** Resident memory now, of the process and its children. */
  residentBytes(): number {
    return treeOf(this.#child.pid ?? -1).reduce((sum, pid) => sum + residentOf(pid), 0)
  }

  get isRunning(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    const forced = setTimeout(() => child.kill('SIGKILL'), 3000)
    await gone
    clearTimeout(forced)
  }
}

/** For signals and crashes: whatever still runs is ended. */
export function stopAll(): void {
  for (const child of started) child.kill('SIGTERM')
}

/** Waits until all have ended, three seconds at most. */
export async function allGone(): Promise<void> {
  const exits = [...started].map((child) => new Promise((resolve) => child.once('exit', resolve)))
  await Promise.race([Promise.all(exits), pause(3000)])
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** A process and its descendants. */
function treeOf(root: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (/^\d+$/.test(name)) parents.set(Number(name), Number(statOf(Number(name))[1]))
  }
  const tree = [root]
  for (const pid of tree) {
    for (const [child, parent] of parents) if (parent === pid) tree.push(child)
  }
  return tree
}

/** utime and stime: fields 14 and 15 of proc(5)'s stat, which are 11 and 12 after the command's name. */
function ticksOf(pid: number): number {
  const fields = statOf(pid)
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
}

/** rss is field 24 of proc(5)'s stat, in pages. */
function residentOf(pid: number): number {
  return Number(statOf(pid)[21] ?? 0) * 4096
}

/** The fields of /proc/PID/stat after the command's name, which may hold anything. */
function statOf(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}

let ticks = 0
function ticksPerSecond(): number {
  ticks ||= Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout) || 100
  return ticks
}
