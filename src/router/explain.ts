/** Why a request takes the route it takes: per route, in order, the first condition that does not hold, in words. */
import type { RequestHead } from '../core/message.ts'
import { Matcher } from './match.ts'
import type { MatchConfig } from './schema.ts'

export interface RouteVerdict {
  readonly name: string
  readonly matches: boolean
  /** `path /a is not /catalog/**`; '' where it matches. */
  readonly because: string
}

/** Ends with the route that matches: those after it are not asked. */
export function explainRoutes(
  routes: readonly { readonly name: string; readonly match: MatchConfig }[],
  req: RequestHead,
): RouteVerdict[] {
  const verdicts: RouteVerdict[] = []
  for (const { name, match } of routes) {
    const failure = new Matcher(match).failure(req)
    verdicts.push({ name, matches: failure === undefined, because: failure ?? '' })
    if (failure === undefined) break
  }
  return verdicts
}
