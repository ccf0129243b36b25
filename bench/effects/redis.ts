/** A Redis of the run's own. */
import { findCommand, freePort, Running } from '../processes.ts'
import type { Service } from './scenario.ts'

export const redis: Service = {
  name: 'redis',
  async start({ folder }) {
    const port = await freePort()
    const program = findCommand('redis-server') ?? 'redis-server'
    const options = { port, bind: '127.0.0.1', save: '', appendonly: 'no', dir: folder }
    const running = new Running('any', [program, ...Object.entries(options).flatMap(([k, v]) => [`--${k}`, String(v)])])
    await running.listening(port)
    return { port, stop: () => running.stop() }
  },
}
