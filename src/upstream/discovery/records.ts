/**
 * DNS records of endpoints, read: addresses of a name, or SRV records with the addresses of their targets.
 *
 * A look-up asks several questions. One that is not answered, by a timeout or a server's failure, is taken to have the
 * answer that it had before: half an answer must not take the other half's endpoints away. "No such name" is an answer.
 */
import { lookup, type Resolver } from 'node:dns/promises'
import type { EndpointConfig } from '../schema.ts'
import type { DiscoveryConfig } from '../schema-resilience.ts'

export interface Found {
  readonly endpoints: readonly EndpointConfig[]
  /** The shortest time to live of the records; undefined where none is known. */
  readonly ttlMs: number | undefined
  /** Why part of it is what was known before; undefined when all of it is new. */
  readonly stale: string | undefined
  /** For the next look-up. */
  readonly answers: Answers
}

interface Address {
  readonly address: string
  readonly ttl: number
}

/** What each question was answered with. */
export type Answers = ReadonlyMap<string, readonly Address[]>

/** What one look-up may have: a longer list is cut, so that a broken zone can't exhaust the process. */
const MOST_ENDPOINTS = 1000

/**
 * @param before answers of the look-up before this one
 * @throws when a name has no address, or no name server answers
 */
export async function lookUp(config: DiscoveryConfig, resolver: Resolver, before: Answers): Promise<Found> {
  return new LookUp(config, resolver, before).run()
}

class LookUp {
  readonly #config: DiscoveryConfig
  readonly #resolver: Resolver
  readonly #before: Answers
  readonly #answers = new Map<string, readonly Address[]>()
  #stale: string | undefined = undefined
  #ttlMs = Number.POSITIVE_INFINITY

  constructor(config: DiscoveryConfig, resolver: Resolver, before: Answers) {
    this.#config = config
    this.#resolver = resolver
    this.#before = before
  }

  async run(): Promise<Found> {
    const { srv } = this.#config
    const endpoints = srv === undefined ? await this.#byName() : await this.#byService(srv)
    endpoints.sort((a, b) => (a.url < b.url ? -1 : a.url > b.url ? 1 : 0))
    return {
      endpoints: endpoints.slice(0, MOST_ENDPOINTS),
      ttlMs: this.#ttlMs === Number.POSITIVE_INFINITY ? undefined : this.#ttlMs,
      stale: this.#stale,
      answers: this.#answers,
    }
  }

  async #byName(): Promise<EndpointConfig[]> {
    const text = this.#config.dns ?? ''
    const colon = text.lastIndexOf(':')
    const port = Number(text.slice(colon + 1))
    const addresses = await this.#addressesOf(text.slice(0, colon))
    return addresses.map((address) => endpointAt(this.#config.scheme, address, port, 1, 0))
  }

  /** RFC 2782: the lowest priority first, which is what a tier says; weight 0 is the least, not none. */
  async #byService(name: string): Promise<EndpointConfig[]> {
    const records = await this.#resolver.resolveSrv(name)
    const priorities = [...new Set(records.map(({ priority }) => priority))].sort((a, b) => a - b)
    const names = [...new Set(records.map((record) => record.name))]
    const addresses = new Map(
      await Promise.all(names.map(async (each) => [each, await this.#targetsOf(each)] as const)),
    )
    return records.flatMap((record) => {
      const tier = Math.min(priorities.indexOf(record.priority), 100)
      const weight = Math.min(Math.max(record.weight, 1), 1000)
      const targets = addresses.get(record.name) ?? []
      return targets.map((address) => endpointAt(this.#config.scheme, address, record.port, weight, tier))
    })
  }

  /** One target that can't be found keeps none of the others from being used. RFC 2782: "." stands for no target. */
  async #targetsOf(name: string): Promise<readonly string[]> {
    if (name === '' || name === '.') return []
    try {
      return await this.#addressesOf(name)
    } catch (error) {
      if (!isNone(error)) this.#stale ??= messageOf(error)
      return []
    }
  }

  /** @throws when there is none */
  async #addressesOf(name: string): Promise<string[]> {
    const host = name.replace(/^\[|\]$/g, '')
    const resolver = this.#resolver
    const asked = await Promise.allSettled([
      this.#ask(`A ${host}`, () => resolver.resolve4(host, { ttl: true })),
      this.#ask(`AAAA ${host}`, () => resolver.resolve6(host, { ttl: true })),
    ])
    const records = asked.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
    if (records.length > 0) {
      this.#ttlMs = Math.min(this.#ttlMs, ...records.map(({ ttl }) => ttl * 1000))
      return records.map(({ address }) => address)
    }
    // The hosts file and search domains are the system's resolver's; it knows no times to live.
    if (this.#config.resolvers === undefined) {
      const found = await lookup(host, { all: true })
      return found.map(({ address }) => address)
    }
    const failures = asked.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as unknown] : []))
    throw failures.find((error) => !isNone(error)) ?? failures[0] ?? new Error(`${host} has no address`)
  }

  async #ask(question: string, resolve: () => Promise<readonly Address[]>): Promise<readonly Address[]> {
    try {
      const answer = await resolve()
      this.#answers.set(question, answer)
      return answer
    } catch (error) {
      const known = this.#before.get(question)
      if (known === undefined || isNone(error)) throw error
      this.#answers.set(question, known)
      this.#stale ??= messageOf(error)
      return known
    }
  }
}

/** A name server has answered: there is no such name, or it has no such record. */
function isNone(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return code === 'ENOTFOUND' || code === 'ENODATA'
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function endpointAt(scheme: string, address: string, port: number, weight: number, tier: number): EndpointConfig {
  const host = address.includes(':') ? `[${address}]` : address
  return { url: `${scheme}://${host}:${port}`, weight, tier, role: 'primary' }
}
