/**
 * A real redis-server for one test: on a port and in a folder of its own, without persistence; it can be killed, paused,
 * started again on the same port, and asked directly. Several make a primary with its replica, under a sentinel, or a
 * cluster.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { unhooked } from './unhooked.ts'
import { eventually } from './wire.ts'

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

  private constructor(port: number, folder: string, args: readonly string[], password?: string) {
    this.port = port
    this.#folder = folder
    this.#args = args
    this.#password = password
  }

  static async start(options: RedisOptions = {}): Promise<TestRedis> {
    const server = await TestRedis.absent(options)
    await server.start()
    return server
  }

  /** A server that takes over what `primary` has. Resolves once it has it. */
  static async startReplica(primary: TestRedis): Promise<TestRedis> {
    const replica = await TestRedis.start({ args: ['--replicaof', '127.0.0.1', String(primary.port)] })
    const isThere = async () => /master_link_status:up/.test(String(await replica.ask('INFO', 'replication')))
    await eventually('the replica to have it', isThere)
    return replica
  }

  /** One sentinel, which knows `primary` as `mymaster` and decides alone. Resolves once it knows of a replica. */
  static async startSentinel(primary: TestRedis): Promise<TestRedis> {
    const [port, folder] = [await freePort(), await newFolder()]
    const file = join(folder, 'sentinel.conf')
    const watched = [
      `sentinel monitor mymaster 127.0.0.1 ${primary.port} 1`,
      'sentinel down-after-milliseconds mymaster 500',
    ]
    await writeFile(file, [`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, ...watched, ''].join('\n'))
    const sentinel = new TestRedis(port, folder, [file, '--sentinel'])
    await sentinel.start()
    // It would look at the replica every ten seconds.
    await sentinel.ask('SENTINEL', 'DEBUG', 'info-period', 100)
    const knows = async () => ((await sentinel.ask('SENTINEL', 'REPLICAS', 'mymaster')) as unknown[]).length > 0
    await eventually('the sentinel to know of the replica', knows)
    return sentinel
  }

  /** A cluster of one server, which holds all slots. */
  static async startCluster(): Promise<TestRedis> {
    const [server] = await TestRedis.startServersOfCluster(1)
    return server as TestRedis
  }

  /** A cluster of so many servers, each of which holds its part of the slots and goes on without the others. */
  static async startServersOfCluster(count: number): Promise<TestRedis[]> {
    const servers: TestRedis[] = []
    for (let i = 0; i < count; i++) {
      // Its own choice for the bus between servers, 10 000 above, can lie beyond the last port.
      const bus = String(await freePort())
      const own = ['--cluster-announce-ip', '127.0.0.1', '--cluster-require-full-coverage', 'no']
      const server = await TestRedis.start({ args: ['--cluster-enabled', 'yes', ...own, '--cluster-port', bus] })
      const [from, to] = [i, i + 1].map((part) => Math.floor((SLOTS * part) / count)) as [number, number]
      await server.ask('CLUSTER', 'ADDSLOTSRANGE', from, to - 1)
      await servers[0]?.ask('CLUSTER', 'MEET', '127.0.0.1', server.port, bus)
      servers.push(server)
    }
    const agree = async (server: TestRedis) =>
      /cluster_state:ok[\s\S]*cluster_slots_assigned:16384/.test(String(await server.ask('CLUSTER', 'INFO')))
    for (const server of servers) await eventually('the cluster to be one', () => agree(server))
    return servers
  }

  /** A port on which nothing listens, and a server that can be started there. */
  static async absent({ args = [], password }: RedisOptions = {}): Promise<TestRedis> {
    const [port, folder] = [await freePort(), await newFolder()]
    const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder]
    // A replica gets what there is at once, not in the company of others five seconds later.
    const plain = ['--save', '', '--appendonly', 'no', '--daemonize', 'no', '--repl-diskless-sync-delay', '0']
    const secret = password === undefined ? [] : ['--requirepass', password]
    return new TestRedis(port, folder, [...own, ...plain, ...args, ...secret], password)
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  async start(): Promise<void> {
    const child = spawn(...unhooked('redis-server', this.#args), { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child = child
    await new Promise<void>((resolve, reject) => {
      let printed = ''
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${printed}`)))
      child.stdout?.on('data', (chunk: Buffer) => {
        printed += chunk
        if (/ready to accept connections|\+monitor/i.test(printed)) resolve()
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

const SLOTS = 16_384

const newFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'gw-redis-'))

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
