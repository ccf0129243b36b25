/** One address that is accepted on: binding it, changing its limits while it runs, and leaving it without a broken answer. */

import { unlink } from 'node:fs/promises'
import { connect, Server } from 'node:net'
import type { Clock } from '../core/clock.ts'
import { formatAddress, type ListenAddress, parseAddress } from './address.ts'
import { Http1, type ListenerDeps } from './http1.ts'
import type { ListenerConfig } from './schema.ts'

export type { Entry, ListenerDeps } from './http1.ts'

/** A connection that has been idle for less may have a request on its way; it gets an answer before it is closed. */
const DRAIN_IDLE_MS = 500
const DRAIN_STEP_MS = 50
const BACKLOG = 4096

export class Listener {
  readonly #http: Http1
  readonly #deps: ListenerDeps
  readonly #where: ListenAddress
  #config: ListenerConfig
  #address: string
  #isListening = false
  #closing: Promise<void> | undefined = undefined

  constructor(config: ListenerConfig, deps: ListenerDeps) {
    const where = parseAddress(config.address)
    if (typeof where === 'string') throw new Error(`${config.address} ${where}`)
    this.#config = config
    this.#deps = deps
    this.#where = where
    this.#address = config.address
    this.#http = new Http1(config, deps)
  }

  /** The address as bound, with the real port. */
  get address(): string {
    return this.#address
  }

  get config(): ListenerConfig {
    return this.#config
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#http.size
  }

  async listen(): Promise<void> {
    const { server } = this.#http
    const where = this.#where
    if (where.kind === 'unix') {
      await removeStaleSocket(where.path)
      await bind(server, { path: where.path, backlog: BACKLOG })
      this.#isListening = true
      this.#watchErrors()
      return
    }
    const options = { port: where.port, backlog: BACKLOG, ...(where.host === undefined ? {} : { host: where.host }) }
    try {
      // So that a new instance can bind the port while the old one drains.
      await bind(server, { ...options, reusePort: true })
    } catch (thrown) {
      if (!isUnsupported(thrown)) throw thrown
      await bind(server, options)
    }
    this.#isListening = true
    this.#watchErrors()
    const bound = server.address()
    if (bound !== null && typeof bound === 'object') this.#address = formatAddress(bound.address, bound.port)
  }

  /** Applies new limits and trusted proxies; the address stays. */
  update(config: ListenerConfig): void {
    this.#config = config
    this.#http.update(config)
  }

  /**
   * Stops accepting, lets exchanges end with `Connection: close`, closes idle connections, and after `deadlineMs`
   * whatever is left.
   */
  async drain(deadlineMs: number): Promise<void> {
    const { clock } = this.#deps
    const http = this.#http
    const end = clock.now() + deadlineMs
    // Answers that close their connections would bring new ones, just when none should come.
    await quietTurn(http.server, clock)
    const stopped = this.#stopAccepting()
    http.isDraining = true
    const sweep = (): void => {
      const now = clock.now()
      for (const connection of http.connections) {
        const isIdle = !connection.isBusy && !connection.isClosing && now - connection.idleSince >= DRAIN_IDLE_MS
        if (now >= end) connection.socket.destroy()
        else if (isIdle) connection.linger()
      }
    }
    const timer = clock.every(DRAIN_STEP_MS, sweep)
    sweep()
    await stopped
    await http.empty()
    timer.cancel()
  }

  /** Ends everything at once. */
  async close(): Promise<void> {
    const stopped = this.#stopAccepting()
    for (const connection of this.#http.connections) connection.socket.destroy()
    await stopped
    await this.#http.empty()
  }

  /**
   * The close of node's HTTP server would also cut connections that look idle while a request is on its way to us, and
   * stop the check for late header sections; so that of the server below is called, and the other when all is over.
   * Either removes the file of a unix socket.
   */
  #stopAccepting(): Promise<void> {
    if (!this.#isListening) return Promise.resolve()
    const { server } = this.#http
    this.#closing ??= new Promise((resolve) => {
      Server.prototype.close.call(server, () => {
        server.close()
        resolve()
      })
    })
    return this.#closing
  }

  /** An error of the listening socket itself, such as no more file descriptors, must not end the process. */
  #watchErrors(): void {
    this.#http.server.on('error', (error) => {
      this.#deps.log.error({ listener: this.#address, error: error.message }, 'the listener failed')
    })
  }
}

/** After this long a machine that is never quiet is not waited for any longer. */
const LONGEST_WAIT_MS = 500
/** Of the time waited, how much the turn may take: a very short one at first, then what this machine can do. */
const TURN_SHARE = 1 / 500

/**
 * Resolves at the end of a short turn of the event loop in which no connection came. A turn accepts one connection
 * (libuv since 1.45), and closing the socket resets those that the kernel has completed and we have not accepted: so it
 * is closed when the queue has just been found empty.
 */
async function quietTurn(server: Server, clock: Clock): Promise<void> {
  let accepted = 0
  const count = (): void => {
    accepted++
  }
  server.on('connection', count)
  const start = clock.now()
  for (let began = start; ; accepted = 0) {
    await new Promise((resolve) => setImmediate(resolve))
    const now = clock.now()
    const waited = now - start
    if ((accepted === 0 && now - began <= waited * TURN_SHARE) || waited >= LONGEST_WAIT_MS) break
    began = now
  }
  server.off('connection', count)
}

function bind(server: Server, options: Parameters<Server['listen']>[0]): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      server.off('error', settle)
      server.off('listening', settle)
      if (error === undefined) resolve()
      else reject(error)
    }
    server.once('error', settle)
    server.once('listening', settle)
    server.listen(options)
  })
}

/** SO_REUSEPORT is not known everywhere. */
function isUnsupported(thrown: unknown): boolean {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : ''
  return code === 'ENOTSUP' || code === 'EOPNOTSUPP' || code === 'ENOPROTOOPT' || code === 'EINVAL'
}

/** A socket file that nobody listens on any more is left over from a process that died. */
async function removeStaleSocket(path: string): Promise<void> {
  const code = await new Promise<string>((resolve) => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve('')
    })
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
  })
  if (code === 'ECONNREFUSED') await unlink(path)
}
