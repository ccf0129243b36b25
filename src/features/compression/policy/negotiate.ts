/** Which content coding an answer gets, from the client's Accept-Encoding (RFC 9110 §12.5.3) and the operator's order. */
import { splitList } from '../../../core/fields.ts'

/** Content codings that this gateway writes and reads. */
export const codings = ['zstd', 'br', 'gzip'] as const
export type Coding = (typeof codings)[number]

/**
 * Codings that a Content-Encoding value lists, in the order in which they were applied, in their usual names. Nothing is
 * listed for `identity` and for empty members.
 */
export function listedCodings(field: string): string[] {
  return splitList(field.toLowerCase())
    .filter((name) => name !== 'identity')
    .map(usualName)
}

/** RFC 9110 §8.4.1.3: x-gzip is the same coding as gzip. */
function usualName(name: string): string {
  return name === 'x-gzip' ? 'gzip' : name
}

export interface Negotiated {
  /** Codings that may be sent, the most wanted first; none where the client would rather have the body as it is. */
  readonly accepted: readonly Coding[]
  /** Whether a body without any coding is refused: `identity;q=0`, or `*;q=0` without a word about identity. */
  readonly refusesIdentity: boolean
  /** Every coding by name that the client does not refuse, for those who have one already; `*` where any will do. */
  readonly known: ReadonlySet<string>
}

/** For requests without the field: a client that says nothing may not be able to decode anything. */
export const identityOnly: Negotiated = { accepted: [], refusesIdentity: false, known: new Set() }

/** @param order the operator's, which decides between codings of the same weight */
export function negotiate(field: string | undefined, order: readonly Coding[]): Negotiated {
  if (field === undefined) return identityOnly
  const weights = weightsOf(field)
  const any = weights.get('*')
  const weightOf = (name: string) => weights.get(name) ?? any ?? 0
  const identity = weights.get('identity') ?? (any === 0 ? 0 : undefined)
  const accepted = order
    .map((coding) => ({ coding, weight: weightOf(coding) }))
    // Identity is acceptable unless refused, but only wanted more where it is named and weighs more.
    .filter(({ weight }) => weight > 0 && weight >= (identity ?? 0))
    .sort((a, b) => b.weight - a.weight)
    .map(({ coding }) => coding)
  const known = new Set([...weights].filter(([, weight]) => weight > 0).map(([name]) => name))
  return { accepted, refusesIdentity: identity === 0, known }
}

/** Whether a body in this coding may be sent. */
export function accepts(negotiated: Negotiated, coding: string): boolean {
  return negotiated.known.has(coding) || negotiated.known.has('*')
}

function weightsOf(field: string): Map<string, number> {
  const weights = new Map<string, number>()
  for (const member of splitList(field.toLowerCase())) {
    const [name = '', ...parameters] = member.split(';').map((part) => part.trim())
    const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
    weights.set(usualName(name), quality === undefined ? 1 : weight(quality))
  }
  return weights
}

/** A malformed weight is none: what can't be read is not taken for consent. */
function weight(text: string): number {
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : 0
}
