/** DNS records of endpoints, read: addresses of a name, or SRV records with the addresses of their targets. */
import type { Resolver } from 'node:dns/promises'
import { lookup } from 'node:dns/promises'
import type { EndpointConfig } from '../schema.ts'
import type { DiscoveryConfig } from '../schema-resilience.ts'

export interface Found {
  readonly endpoints: readonly EndpointConfig[]
  /** The shortest time to live of the records; undefined where none is known. */
  readonly ttlMs: number | undefined
}

/** What one look-up may have: a longer list is cut, so that a broken zone can't exhaust the process. */
const MOST_ENDPOINTS = 1000

/** @throws when a name has no address, or no name server answers */
export async function lookUp(config: DiscoveryConfig, resolver: Resolver): Promise<Found> {
  const found =
    config.srv === undefined ? await byName(config, resolver) : await byService(config.srv, config, resolver)
  const sorted = [...found.endpoints].sort((a, b) => (a.url < b.url ? -1 : a.url > b.url ? 1 : 0))
  return { ...found, endpoints: sorted.slice(0, MOST_ENDPOINTS) }
}

async function byName(config: DiscoveryConfig, resolver: Resolver): Promise<Found> {
  const text = config.dns ?? ''
  const colon = text.lastIndexOf(':')
  const { addresses, ttlMs } = await addressesOf(text.slice(0, colon), config, resolver)
  const port = Number(text.slice(colon + 1))
  return { endpoints: addresses.map((address) => endpointAt(config.scheme, address, port, 1, 0)), ttlMs }
}

/** RFC 2782: the lowest priority first, which is what a tier says; weight 0 is the least, not none. */
async function byService(name: string, config: DiscoveryConfig, resolver: Resolver): Promise<Found> {
  const records = await resolver.resolveSrv(name)
  const priorities = [...new Set(records.map(({ priority }) => priority))].sort((a, b) => a - b)
  const endpoints: EndpointConfig[] = []
  let ttlMs: number | undefined
  for (const record of records) {
    const target = await addressesOf(record.name, config, resolver)
    ttlMs = Math.min(ttlMs ?? Number.POSITIVE_INFINITY, target.ttlMs ?? Number.POSITIVE_INFINITY)
    const tier = Math.min(priorities.indexOf(record.priority), 100)
    const weight = Math.min(Math.max(record.weight, 1), 1000)
    for (const address of target.addresses) {
      endpoints.push(endpointAt(config.scheme, address, record.port, weight, tier))
    }
  }
  return { endpoints, ttlMs: ttlMs === Number.POSITIVE_INFINITY ? undefined : ttlMs }
}

interface Addresses {
  readonly addresses: readonly string[]
  readonly ttlMs: number | undefined
}

async function addressesOf(name: string, config: DiscoveryConfig, resolver: Resolver): Promise<Addresses> {
  const host = name.replace(/^\[|\]$/g, '')
  const answers = await Promise.allSettled([
    resolver.resolve4(host, { ttl: true }),
    resolver.resolve6(host, { ttl: true }),
  ])
  const records = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  if (records.length > 0) {
    return {
      addresses: records.map(({ address }) => address),
      ttlMs: Math.min(...records.map(({ ttl }) => ttl)) * 1000,
    }
  }
  // The hosts file and search domains are the system's resolver's; it knows no times to live.
  if (config.resolvers === undefined) {
    const found = await lookup(host, { all: true })
    return { addresses: found.map(({ address }) => address), ttlMs: undefined }
  }
  throw firstFailure(answers) ?? new Error(`${host} has no address`)
}

function firstFailure(answers: readonly PromiseSettledResult<unknown>[]): unknown {
  for (const answer of answers) if (answer.status === 'rejected') return answer.reason
  return undefined
}

function endpointAt(scheme: string, address: string, port: number, weight: number, tier: number): EndpointConfig {
  const host = address.includes(':') ? `[${address}]` : address
  return { url: `${scheme}://${host}:${port}`, weight, tier, role: 'primary' }
}
