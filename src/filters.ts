/**
 * The body filters of one answer, joined: origin ─▶ first ─▶ … ─▶ last ─▶ client. Each stands behind a guard, since
 * filters call one another at times of their own: whatever one throws ends its exchange, and nothing else.
 */
import type { BodyFilter, BodySink, BodySource } from './core/body.ts'
import type { GatewayError } from './core/errors.ts'
import type { HeaderList } from './core/headers.ts'

/** The client's side of the chain. */
export interface ChainOwner {
  /** Bytes for the client, after every filter. */
  send(chunk: Uint8Array): boolean
  /** The end of the answer, after every filter. */
  complete(trailers?: HeaderList): void
  giveUp(why: GatewayError): void
  /** A filter threw. */
  fault(thrown: unknown): void
}

export class FilterChain implements BodySink, BodySource {
  readonly #first: Guarded
  readonly #last: Guarded

  /** @param filters at least one, in the order in which the body meets them */
  constructor(filters: readonly BodyFilter[], source: BodySource, owner: ChainOwner) {
    const guarded = filters.map((filter) => new Guarded(filter, owner))
    this.#first = guarded[0] as Guarded
    this.#last = guarded[guarded.length - 1] as Guarded
    for (let i = filters.length - 1; i >= 0; i--) {
      const before = i === 0 ? source : (guarded[i - 1] as Guarded)
      const behind = i === filters.length - 1 ? new Tail(owner) : (guarded[i + 1] as Guarded)
      ;(filters[i] as BodyFilter).between(before, behind)
    }
  }

  write(chunk: Uint8Array): boolean {
    return this.#first.write(chunk)
  }

  end(trailers?: HeaderList): void {
    this.#first.end(trailers)
  }

  fail(why: GatewayError): void {
    this.#first.fail(why)
  }

  pause(): void {
    this.#last.pause()
  }

  resume(): void {
    this.#last.resume()
  }

  abort(why: GatewayError): void {
    this.#last.abort(why)
  }
}

class Guarded implements BodySink, BodySource {
  readonly #filter: BodyFilter
  readonly #owner: ChainOwner

  constructor(filter: BodyFilter, owner: ChainOwner) {
    this.#filter = filter
    this.#owner = owner
  }

  write(chunk: Uint8Array): boolean {
    try {
      return this.#filter.write(chunk)
    } catch (thrown) {
      this.#owner.fault(thrown)
      return true
    }
  }

  end(trailers?: HeaderList): void {
    this.#try(() => this.#filter.end(trailers))
  }

  fail(why: GatewayError): void {
    this.#try(() => this.#filter.fail(why))
  }

  pause(): void {
    this.#try(() => this.#filter.pause())
  }

  resume(): void {
    this.#try(() => this.#filter.resume())
  }

  abort(why: GatewayError): void {
    this.#try(() => this.#filter.abort(why))
  }

  #try(call: () => void): void {
    try {
      call()
    } catch (thrown) {
      this.#owner.fault(thrown)
    }
  }
}

/** Where the last filter's output leaves for the client. */
class Tail implements BodySink {
  readonly #owner: ChainOwner

  constructor(owner: ChainOwner) {
    this.#owner = owner
  }

  write(chunk: Uint8Array): boolean {
    return this.#owner.send(chunk)
  }

  end(trailers?: HeaderList): void {
    this.#owner.complete(trailers)
  }

  /** A filter gave up: what feeds it is cancelled too. */
  fail(why: GatewayError): void {
    this.#owner.giveUp(why)
  }
}
