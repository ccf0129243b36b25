/**
 * Surrogate-Control (W3C Edge Architecture Specification 1.0, 2001): what an origin says to the caches in front of it and
 * to no others. RFC 9213 has replaced it, but backends and their frameworks go on sending it.
 *
 *   Surrogate-Control: max-age=300+60, no-store;another-cache
 *
 * `max-age=F+S`: fresh for F seconds, then good for S more while it is fetched anew or cannot be. A directive with
 * parameters is for the surrogates that they name. `content` asks for processing that this cache does not do.
 */
import { splitList } from '../../../core/fields.ts'

/** What we are called in Surrogate-Control, Surrogate-Capability and Cache-Status. */
export const SURROGATE_NAME = 'latency-gateway'

/** Told to origins, since only those that were told name us in Surrogate-Control (§2.1). */
export const SURROGATE_CAPABILITY = `${SURROGATE_NAME}="Surrogate/1.0"`

/** The directives for this cache, as those of Cache-Control; undefined when the field has nothing to say to us. */
export function surrogateDirectives(field: string): Map<string, string | undefined> | undefined {
  const found = new Map<string, string | undefined>()
  const members = splitList(field).map(parsed)
  // What names us says it more exactly than what is for all.
  for (const wantsTarget of [true, false]) {
    for (const { name, value, targets } of members) {
      const isForUs = wantsTarget ? targets.includes(SURROGATE_NAME) : targets.length === 0
      if (isForUs && !found.has(name)) found.set(name, value)
    }
  }
  const directives = new Map<string, string | undefined>()
  if (found.has('no-store')) directives.set('no-store', undefined)
  if (found.has('max-age')) {
    const [fresh = '', stale] = (found.get('max-age') ?? '').split('+')
    directives.set('max-age', fresh)
    if (stale !== undefined) directives.set('stale-while-revalidate', stale).set('stale-if-error', stale)
  }
  return directives.size === 0 ? undefined : directives
}

function parsed(member: string): { name: string; value: string | undefined; targets: string[] } {
  const [directive = '', ...targets] = member.split(';').map((part) => part.trim())
  const equals = directive.indexOf('=')
  const name = (equals < 0 ? directive : directive.slice(0, equals)).toLowerCase()
  return { name, value: equals < 0 ? undefined : directive.slice(equals + 1), targets }
}
