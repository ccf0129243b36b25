/** Which balancer an upstream's configuration means, and what it hashes of a request. */
import { cookieText } from '../core/cookies.ts'
import type { Exchange } from '../core/exchange.ts'
import type { SharedDeps } from '../core/feature.ts'
import { joinedValue } from '../core/headers.ts'
import type { RequestHead } from '../core/message.ts'
import type { Condition } from './condition.ts'
import type { Endpoint } from './endpoint.ts'
import type { Balancer, Memory } from './policy/balance/balancer.ts'
import { BoundedHash } from './policy/balance/hash.ts'
import { LeastRequests } from './policy/balance/least-requests.ts'
import { PeakEwma } from './policy/balance/peak-ewma.ts'
import { RandomBalancer } from './policy/balance/random.ts'
import { RoundRobin } from './policy/balance/round-robin.ts'
import { hash32 } from './policy/hash-key.ts'
import type { UpstreamConfig } from './schema.ts'
import type { HashSource } from './schema-resilience.ts'

/** Makes balancers of the configured kind; what they learn of endpoints outlives reloads. */
export function makeBalancer(name: string, { balance }: UpstreamConfig, deps: SharedDeps): () => Balancer<Endpoint> {
  const { lease, random } = deps
  const learned = <T extends object>() => new Learned<T>(lease.use(balance.algorithm, name, () => new WeakMap()))
  switch (balance.algorithm) {
    case 'least_requests':
      return () => new LeastRequests(random)
    case 'peak_ewma':
      return () => new PeakEwma(random, learned())
    case 'random':
      return () => new RandomBalancer(random)
    case 'hash':
      return () => new BoundedHash()
    case 'round_robin':
      return () => new RoundRobin(learned())
  }
}

/** Kept by what outlives a change of weights or certificates. */
class Learned<T extends object> implements Memory<Endpoint, T> {
  readonly #byCondition: WeakMap<Condition, T>

  constructor(byCondition: WeakMap<Condition, T>) {
    this.#byCondition = byCondition
  }

  get(endpoint: Endpoint): T | undefined {
    return this.#byCondition.get(endpoint.condition)
  }

  set(endpoint: Endpoint, value: T): void {
    this.#byCondition.set(endpoint.condition, value)
  }
}

/** A hash of what the source names in a request. */
export function hashOf(source: HashSource, x: Exchange, req: RequestHead): number {
  return hash32(keyOf(source, x, req))
}

/** What the source names in a request; the client's address where the request has no such thing. */
export function keyOf(source: HashSource, x: Exchange, req: RequestHead): string {
  return named(source, x, req) ?? x.peer.client
}

function named(source: HashSource, x: Exchange, req: RequestHead): string | undefined {
  switch (source.of) {
    case 'client_ip':
      return x.peer.client
    case 'path':
      return req.path
    case 'header':
      return joinedValue(req.headers, source.name)
    case 'cookie':
      return cookieText(req.headers, source.name)
    case 'query':
      return new URLSearchParams(req.query).get(source.name) ?? undefined
  }
}
