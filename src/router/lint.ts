/**
 * Routes that no request can reach, because an earlier route matches everything that they match. Only what can be
 * proven is reported: a regular expression covers an equal one, or an exact path that it matches.
 */
import type { Problem } from '../core/feature.ts'
import { accepts, type Condition } from './condition.ts'
import { Matcher } from './match.ts'
import { type HostPattern, isAtOrBelow, type PathPattern, type Segment } from './pattern.ts'
import type { MatchConfig } from './schema.ts'

export function unreachableRoutes(
  routes: readonly { readonly name: string; readonly match: MatchConfig }[],
): Problem[] {
  const matchers = routes.map(({ match }) => new Matcher(match))
  const problems: Problem[] = []
  for (const [i, matcher] of matchers.entries()) {
    const earlier = matchers.findIndex((other, j) => j < i && covers(other, matcher))
    if (earlier < 0 || earlier >= i) continue
    problems.push({
      path: ['routes', i, 'match'],
      message: `can never be reached: routes[${earlier}] (${routes[earlier]?.name}) matches all that it matches`,
      fix: `move it above routes[${earlier}], or narrow the match of that one`,
      severity: 'error',
    })
  }
  return problems
}

/** Whether every request that `inner` matches is also matched by `outer`. */
export function covers(outer: Matcher, inner: Matcher): boolean {
  return (
    coversPath(outer.path, inner.path) &&
    coversHosts(outer.hosts, inner.hosts) &&
    coversMethods(outer.methods, inner.methods) &&
    areImplied(outer.headers, inner.headers) &&
    areImplied(outer.query, inner.query)
  )
}

function coversHosts(outer: readonly HostPattern[], inner: readonly HostPattern[]): boolean {
  if (outer.length === 0) return true
  return inner.length > 0 && inner.every((host) => outer.some((wider) => coversHost(wider, host)))
}

function coversHost(outer: HostPattern, inner: HostPattern): boolean {
  if (outer.text === inner.text) return true
  // `*.a.example.com` ends with `.example.com` as its names do.
  return outer.suffix !== undefined && inner.text.length > outer.suffix.length && inner.text.endsWith(outer.suffix)
}

function coversMethods(outer: readonly string[], inner: readonly string[]): boolean {
  return outer.length === 0 || (inner.length > 0 && inner.every((method) => outer.includes(method)))
}

/** Whether each outer condition follows from an inner one. */
function areImplied(outer: readonly Condition[], inner: readonly Condition[]): boolean {
  return outer.every((wider) => inner.some((narrower) => isImplied(wider, narrower)))
}

function isImplied(wider: Condition, narrower: Condition): boolean {
  if (wider.name !== narrower.name) return false
  if (wider.isPresence || wider.text === narrower.text) return true
  const isExact = narrower.regex === undefined && !narrower.isPresence
  return isExact && accepts(wider, narrower.text)
}

function coversPath(outer: PathPattern, inner: PathPattern): boolean {
  const [wide, narrow] = [outer.shape, inner.shape]
  if (wide.kind === 'any' || outer.text === inner.text) return true
  if (narrow.kind === 'any') return false
  if (wide.kind === 'regex') return isExactPath(inner) && outer.matches(inner.prefix)
  if (narrow.kind === 'segments') return coversSegments(wide.segments, wide.hasRest, narrow.segments, narrow.hasRest)
  // All that a regular expression matches begins with its literal beginning.
  const isFolder = wide.hasRest && wide.segments.every((segment) => segment.kind === 'literal')
  return isFolder && inner.prefix.length > outer.prefix.length && isAtOrBelow(inner.prefix, outer.prefix)
}

function isExactPath({ shape }: PathPattern): boolean {
  return shape.kind === 'segments' && !shape.hasRest && shape.segments.every((segment) => segment.kind === 'literal')
}

function coversSegments(
  outer: readonly Segment[],
  outerHasRest: boolean,
  inner: readonly Segment[],
  innerHasRest: boolean,
): boolean {
  if (outerHasRest ? inner.length < outer.length : innerHasRest || inner.length !== outer.length) return false
  return outer.every((segment, i) => {
    const other = inner[i] as Segment
    if (segment.kind === 'one') return other.kind === 'one' || other.text !== ''
    return other.kind === 'literal' && other.text === segment.text
  })
}
