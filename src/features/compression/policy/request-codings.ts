/** The codings that a request body came in (RFC 9110 §8.4), in the order in which they have to be taken off. */
import { type Coding, codings, listedCodings } from './negotiate.ts'

/** More than two, one upon the other, serve nobody but attackers. */
const MOST_CODINGS = 2

/** Empty where there is nothing to take off; undefined where there is something else than what can be taken off. */
export function codingsToRemove(field: string | undefined): Coding[] | undefined {
  if (field === undefined) return []
  const found: Coding[] = []
  for (const name of listedCodings(field)) {
    const coding = codings.find((known) => known === name)
    if (coding === undefined) return undefined
    found.unshift(coding)
  }
  return found.length > MOST_CODINGS ? undefined : found
}
