/**
 * A real redis-server for one test: on a port and in a folder of its own, without persistence; it can be killed, paused,
 * started again on the same port, and asked directly.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { unhooked } from './unhooked.ts'

export interface RedisOptions {
  /** More arguments: `--requirepass secret`. */
  readonly args?: readonly string[]
  readonly password?: string
}

export class TestRedis {
  readonly port: number
  readonly #folder: string
  readonly #args: readonly string[]
  readonly #password: string | undefined
  #child: ChildProcess | undefined = undefined
  #direct: Redis | undefined = undefined

  private constructor(port: number, folder: string, options: RedisOptions) {
    this.port = port
    this.#folder = folder
    this.#password = options.password
    this.#args = [
      ...(options.args ?? []),
      ...(options.password === undefined ? [] : ['--requirepass', options.password]),
    ]
  }

  static async start(options: RedisOptions = {}): Promise<TestRedis> {
    const server = new TestRedis(await freePort(), await mkdtemp(join(tmpdir(), 'gw-redis-')), options)
    await server.start()
    return server
  }

  /** A cluster of one server, which holds all slots. */
  static async startCluster(): Promise<TestRedis> {
    // Its own choice for the bus between servers, 10 000 above, can lie beyond the last port.
    const bus = ['--cluster-port', String(await freePort())]
    const args = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1', ...bus]
    const server = await TestRedis.start({ args })
    await server.ask('CLUSTER', 'ADDSLOTSRANGE', 0, 16383)
    return server
  }

  /** A port on which nothing listens, and a server that can be started there. */
  static async absent(options: RedisOptions = {}): Promise<TestRedis> {
    return new TestRedis(await freePort(), await mkdtemp(join(tmpdir(), 'gw-redis-')), options)
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  async start(): Promise<void> {
    const own = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder]
    const plain = ['--save', '', '--appendonly', 'no', '--daemonize', 'no']
    const child = spawn(...unhooked('redis-server', [...own, ...plain, ...this.#args]), {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child = child
    await new Promise<void>((resolve, reject) => {
      let printed = ''
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${printed}`)))
      child.stdout?.on('data', (chunk: Buffer) => {
        printed += chunk
        if (/ready to accept connections/i.test(printed)) resolve()
      })
    })
  }

  /** Ends it at once, as a crash does. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    this.#direct?.disconnect()
    this.#direct = undefined
    const ended = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGKILL')
    await ended
  }

  /** It takes connections and bytes, and answers nothing. */
  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  /** A command past whatever is tested. */
  async ask(command: string, ...args: (string | number | Buffer)[]): Promise<unknown> {
    this.#direct ??= new Redis({
      port: this.port,
      host: '127.0.0.1',
      ...(this.#password === undefined ? {} : { password: this.#password }),
    }).on('error', () => {})
    return this.#direct.call(command, ...args)
  }

  async close(): Promise<void> {
    this.resume()
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
