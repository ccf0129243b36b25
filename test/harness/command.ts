/** The `gateway` command as a process of its own: started, watched, signalled and awaited. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ownBin = fileURLToPath(new URL('../../bin/gateway.mjs', import.meta.url))

/** No command in a test takes this long, on however busy a machine. */
const TIMEOUT_MS = 60_000

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Command {
  readonly pid: number
  readonly ended: Promise<Ended>
  /** Resolves with the match once standard output has it; rejects when the process ends without. */
  saw(pattern: RegExp): Promise<RegExpExecArray>
  kill(signal: NodeJS.Signals): void
}

export interface CommandOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** In place of this checkout's bin/gateway.mjs. */
  readonly bin?: string
  /** How long it may take. */
  readonly timeoutMs?: number
}

/** Starts `gateway …args`. It is killed when it takes too long. */
export function command(args: readonly string[], options: CommandOptions = {}): Command {
  const env = { PATH: process.env.PATH, ...options.env }
  const child = spawn(process.execPath, [options.bin ?? ownBin, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? TIMEOUT_MS,
    killSignal: 'SIGKILL',
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  let [stdout, stderr] = ['', '']
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const check of waiting) check()
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    wake()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const { promise: ended, resolve, reject } = Promise.withResolvers<Ended>()
  child.on('error', reject)
  child.on('close', (code, signal) => {
    resolve({ code, signal, stdout, stderr })
    wake()
  })
  return {
    pid: child.pid ?? 0,
    ended,
    saw: (pattern) => {
      const found = Promise.withResolvers<RegExpExecArray>()
      const check = () => {
        const match = pattern.exec(stdout)
        if (match !== null) {
          waiting.delete(check)
          found.resolve(match)
        } else if (child.exitCode !== null || child.signalCode !== null) {
          waiting.delete(check)
          found.reject(new Error(`ended without ${pattern}: ${stderr}${stdout}`))
        }
      }
      waiting.add(check)
      check()
      return found.promise
    },
    kill: (signal) => {
      child.kill(signal)
    },
  }
}

/** Runs `gateway …args` to its end. */
export function gatewayCommand(args: readonly string[], options: CommandOptions = {}): Promise<Ended> {
  return command(args, options).ended
}
