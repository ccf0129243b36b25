/**
 * Sticky sessions of one upstream: a cookie names the endpoint that a client keeps. Its value is a keyed hash of the
 * endpoint's address: it says nothing about it, means the same at every instance, and survives restarts and reloads.
 */

import { createHmac } from 'node:crypto'
import { cookieValues } from '../core/cookies.ts'
import type { HeaderList } from '../core/headers.ts'
import type { Counter, MetricSpec, Metrics } from '../core/metrics.ts'
import type { Stage } from '../core/stage.ts'
import { type StickyDecision, type StickyReason, setCookie, stick } from './policy/sticky.ts'
import type { StickyConfig } from './schema-sticky.ts'

export const stickyRequests: MetricSpec = {
  name: 'gateway_sticky_requests_total',
  help: 'Requests to an upstream with sticky sessions: kept (the endpoint that the client has), moved (it can’t be used now), new (the client has none).',
  type: 'counter',
  labels: ['upstream', 'result'],
}

/** Bytes of a value: enough that no two endpoints share one. */
const TOKEN_BYTES = 12

/** What a client is told to keep, over http and over https. */
interface Cookies {
  readonly open: string
  readonly secure: string
}

export class Sticky<E extends { readonly key: string }> {
  readonly #upstream: string
  readonly #config: StickyConfig
  readonly #counters: Readonly<Record<StickyReason, Counter>>
  #endpoints: ReadonlyMap<string, E> = new Map()
  #cookies: ReadonlyMap<string, Cookies> = new Map()

  constructor(upstream: string, config: StickyConfig, metrics: Metrics) {
    this.#upstream = upstream
    this.#config = config
    const counter = (result: StickyReason) => metrics.counter(stickyRequests, { upstream, result })
    this.#counters = { kept: counter('kept'), moved: counter('moved'), new: counter('new') }
  }

  /** The set changed: all that there are, usable or not. */
  update(endpoints: readonly E[]): void {
    const byToken = new Map<string, E>()
    const cookies = new Map<string, Cookies>()
    for (const endpoint of endpoints) {
      const token = this.#token(endpoint.key)
      byToken.set(token, endpoint)
      cookies.set(endpoint.key, {
        open: setCookie(this.#config, token, false),
        secure: setCookie(this.#config, token, true),
      })
    }
    this.#endpoints = byToken
    this.#cookies = cookies
  }

  /**
   * The endpoint that the client keeps, if it may be used now; counted.
   * @param isUsable whether it may be sent a request: not drained, not unhealthy, its breaker closed, of a fitting role
   */
  choose(headers: HeaderList, isUsable: (endpoint: E) => boolean): StickyDecision<E> {
    const decision = stick(cookieValues(headers, this.#config.cookie), this.#endpoints, isUsable)
    this.#counters[decision.because].value++
    return decision
  }

  /**
   * The Set-Cookie value for a client that was answered by `endpoint`; undefined when it keeps that one already, or
   * when the endpoint has left the set meanwhile.
   */
  cookie(decision: StickyDecision<E>, endpoint: E, scheme: 'http' | 'https'): string | undefined {
    if (decision.use === endpoint) return undefined
    const cookies = this.#cookies.get(endpoint.key)
    return scheme === 'https' ? cookies?.secure : cookies?.open
  }

  #token(key: string): string {
    const hmac = createHmac('sha256', this.#config.secret ?? 'sticky')
    const digest = hmac.update(JSON.stringify([this.#upstream, key])).digest()
    return digest.subarray(0, TOKEN_BYTES).toString('base64url')
  }
}

/** Has the client keep its endpoint. Above the cache: a cookie in a stored answer would send everybody to one endpoint. */
export const affinityStage: Stage = {
  name: 'sticky',
  deliver(x, res) {
    if (x.affinity !== '') res.headers.push('Set-Cookie', x.affinity)
    return undefined
  },
}
