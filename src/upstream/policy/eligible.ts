/**
 * Which endpoints may be used now. Worked out when something changes, not for each request.
 *
 * In this order: what an operator has taken out is out. A role: requests that change something go to primaries; the
 * others to replicas, while enough of them can be used. Newcomers: who has not had a check yet waits, and counts neither
 * for nor against its tier, unless nobody else is left. Tiers: the lowest one that has enough healthy endpoints with
 * closed breakers takes all; those of a tier before it whose breakers are half open stay beside it, or nothing would ever
 * close them. Panic: where no tier has enough healthy ones, all endpoints are used whatever their health, since whatever
 * makes most of them look unhealthy is more likely to be in front of them than in each of them; open breakers alone are
 * no reason for that. Zones: those of the gateway's own zone, while they are their fair share of the ones that can be
 * used (else they would get more than they can bear).
 */

export interface Facts {
  /** As active checks see it. */
  readonly isHealthy: boolean
  /** Left alone for its failures. */
  readonly isEjected: boolean
  /** It has had a check, or needs none. */
  readonly isProven: boolean
  /** What its breaker lets through: everything, one request at a time, nothing. */
  readonly circuit: 'closed' | 'half_open' | 'open'
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
  const primary = chosen(
    enabled.filter(({ facts }) => facts.role === 'primary'),
    options,
  )
  const replicas = enabled.filter(({ facts }) => facts.role === 'replica')
  const safe = replicas.length === 0 ? primary : readers(replicas, enabled, options)
  return {
    primary: primary.endpoints,
    safe: safe.endpoints,
    isPanic: primary.isPanic || safe.isPanic,
  }
}

interface Choice<E> {
  readonly endpoints: readonly E[]
  readonly isPanic: boolean
  /** They can bear what they get. */
  readonly isEnough: boolean
}

/** Primaries help out where the replicas are not enough. */
function readers<E>(replicas: readonly Known<E>[], all: readonly Known<E>[], options: EligibleOptions): Choice<E> {
  const choice = chosen(replicas, options)
  return choice.isEnough ? choice : chosen(all, options)
}

/** Its health is good, whatever its breaker says. */
function isWell<E>({ facts }: Known<E>): boolean {
  return facts.isHealthy && !facts.isEjected
}

function isAble<E>(known: Known<E>): boolean {
  return isWell(known) && known.facts.circuit === 'closed'
}

function isOnTrial<E>(known: Known<E>): boolean {
  return isWell(known) && known.facts.circuit === 'half_open'
}

function chosen<E>(known: readonly Known<E>[], options: EligibleOptions): Choice<E> {
  const tiers = tiersOf(known)
  const trials: Known<E>[] = []
  for (const members of tiers) {
    if (isEnough(members.filter(isAble).length, members.length, options)) {
      return choice([...trials, ...near(members, options.zone)], true)
    }
    trials.push(...members.filter(isOnTrial))
  }
  // Healthy ones enough, but for their breakers: whichever of them lets a request through gets it.
  const healthy = tiers.filter((members) => isEnough(members.filter(isWell).length, members.length, options))
  const open = healthy.find((members) => members.some((each) => isAble(each) || isOnTrial(each))) ?? healthy[0]
  if (open !== undefined) return choice(open.filter(isWell), false)
  const unknown = tiers.find((members) => members.every(({ facts }) => !facts.isProven))
  if (unknown !== undefined) return choice(unknown, false)
  return { endpoints: known.map(({ endpoint }) => endpoint), isPanic: known.length > 0, isEnough: false }
}

function choice<E>(known: readonly Known<E>[], isEnough: boolean): Choice<E> {
  return { endpoints: known.map(({ endpoint }) => endpoint), isPanic: false, isEnough }
}

function isEnough(usable: number, members: number, { panicShare }: EligibleOptions): boolean {
  return usable > 0 && usable >= members * panicShare
}

/** The members of each tier, the lowest tier first; those without a check only where the tier has no others. */
function tiersOf<E>(known: readonly Known<E>[]): Known<E>[][] {
  const levels = [...new Set(known.map(({ facts }) => facts.tier))].sort((a, b) => a - b)
  return levels.map((level) => {
    const members = known.filter(({ facts }) => facts.tier === level)
    const proven = members.filter(({ facts }) => facts.isProven)
    return proven.length > 0 ? proven : members
  })
}

/** Those that can be used; of the own zone only, unless too few are left there for the share of the traffic that is theirs. */
function near<E>(members: readonly Known<E>[], zone: string): readonly Known<E>[] {
  const usable = members.filter((each) => isAble(each) || isOnTrial(each))
  if (zone === '') return usable
  const isOwn = ({ facts }: Known<E>) => facts.zone === zone
  const able = members.filter(isAble)
  const own = able.filter(isOwn).length
  const isFair = own > 0 && own / able.length >= members.filter(isOwn).length / members.length - 1e-9
  return isFair ? usable.filter(isOwn) : usable
}
