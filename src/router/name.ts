/** What a route is called when nobody named it, and how its match reads in one line. */
import type { MatchConfig } from './schema.ts'

const MAX_LENGTH = 80

/**
 * A readable name from the match: `/catalog/**` on shop.example.com is `shop.example.com/catalog`. Conditions follow
 * (`catalog.get.x-beta`), so that two routes on one path differ whatever their order. Not unique by itself.
 */
export function defaultRouteName(match: MatchConfig): string {
  const host = plain(match.host[0]?.replace('*', 'any') ?? '')
  const path = plain(match.path ?? '')
  const isRoot = match.path === '/'
  const base = [host, isRoot ? 'root' : path].filter((part) => part !== '').join('/')
  const conditions = [...match.methods, ...Object.keys(match.headers), ...Object.keys(match.query)].map(plain)
  const name = [
    base === '' ? 'all' : base,
    ...conditions.filter((part) => part !== '').map((part) => part.toLowerCase()),
  ]
  return name
    .join('.')
    .slice(0, MAX_LENGTH)
    .replace(/[._/-]+$/, '')
}

function plain(text: string): string {
  return text
    .replace(/[^A-Za-z0-9._/-]+/g, '-')
    .replace(/-?\/-?/g, '/')
    .replace(/\/{2,}/g, '/')
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '')
}

/** The route's path pattern: a label that never holds a raw path. */
export function patternLabel(match: MatchConfig): string {
  return match.path ?? '/**'
}

/** The whole match in one line, for tables: `GET shop.example.com /catalog/** x-beta=1`. */
export function describeMatch(match: MatchConfig): string {
  const parts = [match.methods.join(','), match.host.join(','), patternLabel(match)]
  for (const [name, value] of Object.entries(match.headers)) parts.push(`${name.toLowerCase()}: ${value}`)
  for (const [name, value] of Object.entries(match.query)) parts.push(`?${name}=${value}`)
  return parts.filter((part) => part !== '').join(' ')
}
