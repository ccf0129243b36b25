/**
 * The origin between cache and tries: makes the request that goes upstream out of the one that came, then runs the
 * `send` stages on it and the `store` stages on what comes back. Below a cache, so that a hit pays for none of it.
 */
import type { BodySource } from './core/body.ts'
import { asGatewayError, type GatewayError } from './core/errors.ts'
import type { Exchange } from './core/exchange.ts'
import { endToEnd, type HeaderList } from './core/headers.ts'
import { isOurs } from './core/identity-fields.ts'
import type { RequestHead, ResponseHead } from './core/message.ts'
import type { Cancel, Origin, Reader } from './core/origin.ts'
import { having, type Stage, type Step } from './steps.ts'

/** Our name in Via (RFC 9110 §7.6.3): a pseudonym, since host names are nobody's business. */
export const VIA = '1.1 latency-gateway'

/**
 * Fields of the request that are not copied: identity (with `_` for `-` too, which CGI-like backends cannot tell
 * apart), and what each hop says anew: Host, Content-Length, Expect.
 */
function isReplaced(name: string): boolean {
  switch (name.charCodeAt(0) | 0x20) {
    case 0x78: // x
    case 0x66: // f
      return isOurs(name)
    case 0x68: // h
      return name.length === 4 && name.toLowerCase() === 'host'
    case 0x63: // c
      return name.length === 14 && name.toLowerCase().replaceAll('_', '-') === 'content-length'
    case 0x65: // e
      return name.length === 6 && name.toLowerCase() === 'expect'
    case 0x74: // t: a look-alike; the real one is hop-by-hop
      return name.length === 17 && name.toLowerCase() === 'transfer_encoding'
    default:
      return false
  }
}

/** The request as it goes upstream, before any stage has edited it. */
export function upstreamHead(x: Exchange, req: RequestHead): RequestHead {
  const headers: HeaderList = endToEnd(req.headers, isReplaced)
  const { forwarded } = x.peer
  for (let i = 0; i < forwarded.length; i++) headers.push(forwarded[i] as string)
  headers.push('X-Request-Id', x.id, 'Via', VIA)
  return {
    method: req.method,
    scheme: req.scheme,
    authority: req.authority,
    host: req.host,
    path: req.path,
    query: req.query,
    headers,
    body: req.body,
  }
}

export class Edits implements Origin {
  readonly #inner: Origin
  readonly #send: readonly Step<'send'>[]
  readonly #store: readonly Step<'store'>[]

  constructor(stages: readonly Stage[], inner: Origin) {
    this.#inner = inner
    this.#send = having(stages, 'send')
    this.#store = having(stages, 'store').reverse()
  }

  fetch(x: Exchange, req: RequestHead, to: Reader): Cancel {
    let head: RequestHead
    try {
      head = this.prepare(x, req)
    } catch (thrown) {
      to.fail(asGatewayError(thrown))
      return ignore
    }
    return this.#inner.fetch(x, head, this.#store.length === 0 ? to : new StoreReader(x, this.#store, to))
  }

  /** The request that would be sent: also what tunnels and `gateway explain` use. */
  prepare(x: Exchange, req: RequestHead): RequestHead {
    let head = upstreamHead(x, req)
    for (const step of this.#send) head = step.send(x, head)
    return head
  }
}

class StoreReader implements Reader {
  readonly #x: Exchange
  readonly #steps: readonly Step<'store'>[]
  readonly #to: Reader
  #isDead = false

  constructor(x: Exchange, steps: readonly Step<'store'>[], to: Reader) {
    this.#x = x
    this.#steps = steps
    this.#to = to
  }

  interim(status: number, headers: HeaderList): void {
    this.#to.interim(status, headers)
  }

  head(res: ResponseHead, source: BodySource): void {
    try {
      for (const step of this.#steps) step.store(this.#x, res)
    } catch (thrown) {
      this.#isDead = true
      const why = asGatewayError(thrown)
      source.abort(why)
      this.#to.fail(why)
      return
    }
    this.#to.head(res, source)
  }

  write(chunk: Uint8Array): boolean {
    return this.#isDead || this.#to.write(chunk)
  }

  end(trailers?: HeaderList): void {
    if (!this.#isDead) this.#to.end(trailers)
  }

  fail(why: GatewayError): void {
    if (!this.#isDead) this.#to.fail(why)
  }
}

function ignore(): void {}
