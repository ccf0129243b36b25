/** Request ids: the trusted proxy's own where it sent one, else a random prefix per process and a counter. */
import type { Random } from './core/clock.ts'
import type { Peer } from './core/exchange.ts'
import { headerValue } from './core/headers.ts'
import type { RequestHead } from './core/message.ts'

export class RequestIds {
  readonly #prefix: string
  #count = 0

  constructor(random: Random) {
    const part = () =>
      Math.floor(random() * 36 ** 6)
        .toString(36)
        .padStart(6, '0')
    this.#prefix = `${part()}${part()}-`
  }

  of(request: RequestHead, peer: Peer): string {
    if (peer.trusted) {
      const given = headerValue(request.headers, 'x-request-id')
      if (given !== undefined && isPlain.test(given)) return given
    }
    this.#count++
    return this.#prefix + this.#count.toString(36)
  }
}

/** Ids are written to logs, headers and answers: nothing that would need escaping in any of them. */
const isPlain = /^[A-Za-z0-9._:/+=-]{1,128}$/
