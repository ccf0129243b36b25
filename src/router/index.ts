/**
 * Finds the route of a request: the first one, top to bottom, all of whose conditions hold. Indexed by host and by the
 * literal beginning of the path, so that a thousand routes cost about the same as ten; nothing is allocated for a
 * route that captures nothing.
 */
import type { RequestHead } from '../core/message.ts'
import { Matcher } from './match.ts'
import type { HostPattern } from './pattern.ts'
import type { MatchConfig } from './schema.ts'
import { PrefixTree } from './tree.ts'

export interface RouteSpec<T> {
  readonly name: string
  readonly match: MatchConfig
  readonly target: T
}

export interface Found<T> {
  readonly target: T
  /** What the path's named segments hold: name, value, name, value, … */
  readonly captures: readonly string[]
}

interface Entry<T> {
  readonly order: number
  readonly prefix: string
  readonly matcher: Matcher
  readonly found: Found<T>
  readonly hasCaptures: boolean
}

type Table<T> = PrefixTree<Entry<T>>

export class Router<T> {
  /** Routes that name this host, or a wildcard that it falls under. */
  readonly #hosts = new Map<string, Table<T>>()
  /** By `.example.com`: routes under that wildcard, or under one that holds it. */
  readonly #suffixes = new Map<string, Table<T>>()
  /** Routes for every host. */
  readonly #anyHost: Table<T>

  constructor(routes: readonly RouteSpec<T>[]) {
    const entries = routes.map(entryOf)
    this.#anyHost = new PrefixTree(entries.filter((entry) => entry.matcher.hosts.length === 0))
    const bound = entries.filter((entry) => entry.matcher.hosts.length > 0)
    const wild = bound.filter(({ matcher }) => matcher.hosts.some(({ suffix }) => suffix !== undefined))
    for (const [{ text, suffix }, named] of byHost(bound)) {
      const table = new PrefixTree([...new Set([...named, ...wild.filter((entry) => isUnderWildcard(entry, text))])])
      if (suffix === undefined) this.#hosts.set(text, table)
      else this.#suffixes.set(suffix, table)
    }
  }

  /** The first route that matches; valid until the router goes, and shared: not to be changed. */
  find(req: RequestHead): Found<T> | undefined {
    const general = this.#anyHost.candidates(req.path)
    const table = this.#tableOf(req.host)
    if (table === undefined) return firstOf(general, req)
    return firstOfBoth(table.candidates(req.path), general, req)
  }

  #tableOf(host: string): Table<T> | undefined {
    const exact = this.#hosts.get(host)
    if (exact !== undefined || this.#suffixes.size === 0) return exact
    // The longest suffix holds the routes of the shorter ones too.
    for (let dot = host.indexOf('.', 1); dot >= 0; dot = host.indexOf('.', dot + 1)) {
      const table = this.#suffixes.get(host.slice(dot))
      if (table !== undefined) return table
    }
    return undefined
  }
}

function entryOf<T>(route: RouteSpec<T>, order: number): Entry<T> {
  const matcher = new Matcher(route.match)
  return {
    order,
    prefix: matcher.path.prefix,
    matcher,
    found: { target: route.target, captures: [] },
    hasCaptures: matcher.path.names.length > 0,
  }
}

/** The routes that name each host or wildcard. */
function byHost<T>(entries: readonly Entry<T>[]): Map<HostPattern, Entry<T>[]> {
  const patterns = new Map<string, HostPattern>()
  const found = new Map<HostPattern, Entry<T>[]>()
  for (const entry of entries) {
    for (const host of entry.matcher.hosts) {
      const pattern = patterns.get(host.text) ?? host
      patterns.set(host.text, pattern)
      const named = found.get(pattern)
      if (named === undefined) found.set(pattern, [entry])
      else named.push(entry)
    }
  }
  return found
}

/** `*.a.example.com` falls under `*.example.com` as its names do. */
function isUnderWildcard<T>({ matcher }: Entry<T>, host: string): boolean {
  return matcher.hosts.some(
    ({ suffix }) => suffix !== undefined && host.length > suffix.length && host.endsWith(suffix),
  )
}

function firstOf<T>(entries: readonly Entry<T>[], req: RequestHead): Found<T> | undefined {
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as Entry<T>
    if (entry.matcher.matches(req)) return foundBy(entry, req)
  }
  return undefined
}

/** Both lists are in order; the lower of their heads is next. */
function firstOfBoth<T>(a: readonly Entry<T>[], b: readonly Entry<T>[], req: RequestHead): Found<T> | undefined {
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    const first = a[i]
    const second = b[j]
    const isFirst = second === undefined || (first !== undefined && first.order < second.order)
    const entry = (isFirst ? first : second) as Entry<T>
    if (isFirst) i++
    else j++
    if (entry.matcher.matches(req)) return foundBy(entry, req)
  }
  return undefined
}

function foundBy<T>(entry: Entry<T>, req: RequestHead): Found<T> {
  if (!entry.hasCaptures) return entry.found
  return { target: entry.found.target, captures: entry.matcher.path.captures(req.path) }
}
