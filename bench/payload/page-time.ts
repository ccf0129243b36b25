/** How long a page takes on a slow link: the page first, then what it names, six connections at a time at most. */
import { Agent, request } from 'undici'
import { type Line, Link } from './link.ts'

const MOST_CONNECTIONS = 6

/** @param paths the page, and then what it needs */
export async function pageTimeMs(line: Line, port: number, paths: readonly string[], accept: string): Promise<number> {
  const link = new Link(line, port)
  const near = await link.listen()
  const dispatcher = new Agent({ connections: MOST_CONNECTIONS, pipelining: 1 })
  const get = async (path: string) => {
    const answer = await request(`http://127.0.0.1:${near}${path}`, {
      dispatcher,
      headers: { 'accept-encoding': accept },
    })
    await answer.body.arrayBuffer()
  }
  const [page, ...rest] = paths
  try {
    const start = performance.now()
    if (page !== undefined) await get(page)
    await Promise.all(rest.map(get))
    return performance.now() - start
  } finally {
    await dispatcher.destroy()
    link.close()
  }
}
