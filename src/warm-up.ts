/**
 * Fetches what routes name under `cache.warm`, after a start and a reload: one URL after another, as a request that no
 * client waits for, so that the first clients find it stored. What is stored and fresh is not fetched.
 */

import type { Clock, Timer } from './core/clock.ts'
import { DetachedExchange } from './core/detached.ts'
import { GatewayError } from './core/errors.ts'
import type { Log } from './core/log.ts'
import type { RequestHead, ResponseHead } from './core/message.ts'
import type { Cancel, Reader } from './core/origin.ts'
import { LOW } from './core/priority.ts'
import { queryOf } from './core/target.ts'
import type { Plan } from './plan.ts'

export interface WarmUpDeps {
  readonly clock: Clock
  readonly log: Log
  /** The plan that a request meets, or undefined where no route does. */
  find(request: RequestHead): { readonly target: Plan; readonly captures: readonly string[] } | undefined
}

/** Connections to backends and to Redis have come up by then. */
const START_MS = 1000
const PAUSE_MS = 20
/** A backend that hangs holds up the rest no longer than this. */
const LONGEST_MS = 30_000

export class WarmUp {
  readonly #deps: WarmUpDeps
  readonly #urls: readonly string[]
  readonly #failed: string[] = []
  readonly #startedAt: number
  #next = 0
  #timer: Timer
  #cancel: Cancel | undefined = undefined

  constructor(urls: readonly string[], deps: WarmUpDeps) {
    this.#urls = urls
    this.#deps = deps
    this.#startedAt = deps.clock.now()
    this.#timer = deps.clock.after(START_MS, () => this.#step())
  }

  stop(): void {
    this.#timer.cancel()
    this.#cancel?.(new GatewayError('superseded'))
    this.#cancel = undefined
  }

  #step(): void {
    const url = this.#urls[this.#next++]
    if (url === undefined) {
      this.#report()
      return
    }
    const { clock } = this.#deps
    let isOver = false
    const done = (isStored: boolean) => {
      if (isOver) return
      isOver = true
      if (!isStored) this.#failed.push(url)
      this.#cancel = undefined
      this.#timer.cancel()
      this.#timer = clock.after(PAUSE_MS, () => this.#step())
    }
    this.#timer = clock.after(LONGEST_MS, () => {
      this.#cancel?.(new GatewayError('total_timeout'))
      done(false)
    })
    const cancel = this.#fetch(url, done)
    if (!isOver) this.#cancel = cancel
  }

  #fetch(url: string, done: (isStored: boolean) => void): Cancel {
    const request = requestFor(url)
    const found = this.#deps.find(request)
    if (found === undefined) {
      done(false)
      return () => {}
    }
    const { target, captures } = found
    const peer = { address: 'warm-up', client: 'warm-up', trusted: false, forwarded: [] }
    const occasion = { id: `warm-up-${this.#next}`, request, peer, route: target.route, captures, priority: LOW }
    const x = new DetachedExchange({ ...occasion, slots: new Array(target.slots) }, this.#deps.clock.now())
    return target.origin.fetch(x, request, new Outcome(done))
  }

  #report(): void {
    const [urls, failed] = [this.#urls.length, this.#failed.length]
    const took_ms = Math.round(this.#deps.clock.now() - this.#startedAt)
    if (failed === 0) this.#deps.log.info({ urls, took_ms }, 'the cache is warm')
    else {
      const first = this.#failed.slice(0, 5)
      this.#deps.log.warn({ urls, failed, first, took_ms }, 'not everything could be fetched to warm the cache')
    }
  }
}

/** Reads an answer to its end and drops it: what the cache keeps of it is its own. */
class Outcome implements Reader {
  readonly #done: (isStored: boolean) => void
  #status = 0

  constructor(done: (isStored: boolean) => void) {
    this.#done = done
  }

  interim(): void {}

  head({ status }: ResponseHead): void {
    this.#status = status
  }

  write(): boolean {
    return true
  }

  end(): void {
    this.#done(this.#status < 400)
  }

  fail(): void {
    this.#done(false)
  }
}

function requestFor(text: string): RequestHead {
  const url = new URL(text)
  return {
    method: 'GET',
    scheme: url.protocol === 'https:' ? 'https' : 'http',
    authority: url.host,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    path: url.pathname,
    query: queryOf(url),
    headers: ['Host', url.host, 'Accept', '*/*', 'User-Agent', 'latency-gateway (warm-up)'],
    body: null,
  }
}
