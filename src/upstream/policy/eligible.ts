/**
 * Which endpoints may be used now. Worked out when something changes, not for each request.
 *
 * In this order: what an operator has taken out is out. A role: requests that change something go to primaries; the
 * others to replicas, while any replica can be used. Tiers: the lowest one that has enough healthy endpoints takes all.
 * Panic: where no tier has, all endpoints are used whatever their health, since whatever makes most of them look
 * unhealthy is more likely to be in front of them than in each of them. Zones: those of the gateway's own zone, while
 * they are their fair share of the healthy ones (else they would get more than they can bear).
 */

export interface Facts {
  /** As active checks see it. */
  readonly isHealthy: boolean
  /** Left alone for its failures. */
  readonly isEjected: boolean
  /** Taken out by an operator, or of no weight. */
  readonly isDisabled: boolean
  readonly tier: number
  /** '' for none. */
  readonly zone: string
  readonly role: 'primary' | 'replica'
}

export interface EligibleOptions {
  /** Where the gateway runs; '' for nowhere in particular. */
  readonly zone: string
  /** Share of healthy endpoints below which a tier is not enough. */
  readonly panicShare: number
}

export interface Candidates<E> {
  /** For requests that change something. */
  readonly primary: readonly E[]
  /** For those that don't. */
  readonly safe: readonly E[]
  /** Health is not believed at present. */
  readonly isPanic: boolean
}

interface Known<E> {
  readonly endpoint: E
  readonly facts: Facts
}

/** Never empty-handed: as long as one endpoint is enabled, a request that it may serve has a candidate. */
export function eligible<E>(
  endpoints: readonly E[],
  factsOf: (endpoint: E) => Facts,
  options: EligibleOptions,
): Candidates<E> {
  const enabled = endpoints
    .map((endpoint) => ({ endpoint, facts: factsOf(endpoint) }))
    .filter(({ facts }) => !facts.isDisabled)
  const primaries = enabled.filter(({ facts }) => facts.role === 'primary')
  const replicas = enabled.filter(({ facts }) => facts.role === 'replica')
  const primary = chosen(primaries, options)
  // Reads are served by primaries when no replica can.
  const readers = replicas.some(isUsable) ? replicas : enabled
  const safe = replicas.length === 0 ? primary : chosen(readers, options)
  return {
    primary: primary.endpoints,
    safe: safe.endpoints,
    isPanic: primary.isPanic || safe.isPanic,
  }
}

function isUsable<E>({ facts }: Known<E>): boolean {
  return facts.isHealthy && !facts.isEjected
}

function chosen<E>(
  known: readonly Known<E>[],
  options: EligibleOptions,
): { endpoints: readonly E[]; isPanic: boolean } {
  const tiers = [...new Set(known.map(({ facts }) => facts.tier))].sort((a, b) => a - b)
  for (const tier of tiers) {
    const members = known.filter(({ facts }) => facts.tier === tier)
    const usable = members.filter(isUsable)
    if (usable.length === 0 || usable.length < members.length * options.panicShare) continue
    return { endpoints: near(usable, members, options.zone).map(({ endpoint }) => endpoint), isPanic: false }
  }
  return { endpoints: known.map(({ endpoint }) => endpoint), isPanic: known.length > 0 }
}

/** Those of the own zone, unless too few of them are left for the share of the traffic that is theirs. */
function near<E>(usable: readonly Known<E>[], members: readonly Known<E>[], zone: string): readonly Known<E>[] {
  if (zone === '') return usable
  const own = usable.filter(({ facts }) => facts.zone === zone)
  const all = members.filter(({ facts }) => facts.zone === zone)
  return own.length > 0 && own.length / usable.length >= all.length / members.length - 1e-9 ? own : usable
}
