/** A Redis of the run's own, which can be killed, started again, paused and flushed under load. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { findCommand, freePort, Running } from '../processes.ts'
import type { Ground, RunningService, Service } from './scenario.ts'

export class RedisServer implements Service {
  readonly name = 'redis'
  #port = 0
  #folder = ''
  #running: Running | undefined

  async start({ folder }: Ground): Promise<RunningService> {
    this.#folder = folder
    this.#port = await freePort()
    await this.up()
    return { port: this.#port, stop: async () => this.#running?.stop() }
  }

  /** Empty, on the port where it was. */
  async up(): Promise<void> {
    const program = findCommand('redis-server') ?? 'redis-server'
    const options = { port: this.#port, bind: '127.0.0.1', save: '', appendonly: 'no', dir: this.#folder }
    const args = Object.entries(options).flatMap(([key, value]) => [`--${key}`, String(value)])
    this.#running = new Running('any', [program, ...args])
    await this.#running.listening(this.#port)
  }

  /** As a crash does. */
  async kill(): Promise<void> {
    await this.#running?.stop('SIGKILL')
  }

  /** It takes connections and bytes, and answers nothing. */
  pause(): void {
    this.#running?.signal('SIGSTOP')
  }

  resume(): void {
    this.#running?.signal('SIGCONT')
  }

  /** Asked over a connection of its own, in its inline protocol. */
  async flush(): Promise<void> {
    const socket = connect(this.#port, '127.0.0.1', () => socket.write('FLUSHALL\r\n'))
    const [answer] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    if (!answer.toString().startsWith('+OK')) throw new Error(`FLUSHALL: ${answer}`)
  }
}

export const redis: Service = new RedisServer()
