/**
 * What a purge is about: from an operator's words (URLs, prefixes, tags, groups, everything) to keys and labels that every
 * instance understands alike, whatever its routes make of a URL.
 */
import { queryOf } from '../../../core/target.ts'
import { groupLabel } from './groups.ts'
import { resourceOf } from './key.ts'

/** What an operator asks for; the kinds add up. */
export interface PurgeRequest {
  /** `http://host/path?query`, or `/path?query` on any host. */
  readonly urls: readonly string[]
  /** The URLs are beginnings of URLs. */
  readonly isPrefix: boolean
  readonly tags: readonly string[]
  /** Cache groups, `name` on every origin. */
  readonly groups: readonly string[]
  readonly isAll: boolean
  /** Mark stale in place of removing: what is stale may still be given while it is fetched anew, or when that fails. */
  readonly isSoft: boolean
  /** Only count. */
  readonly isDryRun: boolean
}

/** What is purged, in terms of keys; absent parts select nothing. */
export interface Selector {
  readonly all?: true
  /** Whole keys. */
  readonly keys?: readonly string[]
  /** Beginnings of keys. */
  readonly prefixes?: readonly string[]
  /** Keys without their host. */
  readonly paths?: readonly string[]
  readonly pathPrefixes?: readonly string[]
  /** Tags and cache groups (policy/groups.ts). */
  readonly labels?: readonly string[]
}

/** How one route's keys come from URLs. */
export interface Keying {
  readonly host: boolean
  keyOf(authority: string, path: string, query: string): string
}

/** A text says what is wrong with the request. */
export function selectorOf(request: PurgeRequest, keyings: Iterable<Keying>): Selector | string {
  const [keys, prefixes, paths, pathPrefixes] = [
    new Set<string>(),
    new Set<string>(),
    new Set<string>(),
    new Set<string>(),
  ]
  const all = [...keyings]
  for (const written of request.urls) {
    const place = placeOf(written)
    if (place === undefined) return `"${written}" is no URL: write http://host/path, or /path for every host`
    const { authority, path, query } = place
    if (authority === undefined) {
      if (request.isPrefix) pathPrefixes.add(path + query)
      else for (const keying of all) paths.add(withoutHost(keying.keyOf('', path, query)))
      continue
    }
    for (const keying of all) {
      if (!request.isPrefix) keys.add(keying.keyOf(authority, path, query))
      else if (keying.host) prefixes.add(authority + path + query)
      else pathPrefixes.add(path + query)
    }
  }
  const labels = [...request.tags, ...request.groups.map((name) => groupLabel('', name))]
  const isEmpty = !request.isAll && request.urls.length + labels.length === 0
  if (isEmpty) return 'nothing is named: give a URL, a tag, a group, or say that everything is meant'
  return {
    ...(request.isAll ? { all: true as const } : {}),
    ...part('keys', keys),
    ...part('prefixes', prefixes),
    ...part('paths', paths),
    ...part('pathPrefixes', pathPrefixes),
    ...part('labels', labels),
  }
}

function part(name: keyof Selector, texts: Iterable<string>): Record<string, string[]> {
  const list = [...texts]
  return list.length === 0 ? {} : { [name]: list }
}

interface Place {
  readonly authority: string | undefined
  readonly path: string
  readonly query: string
}

function placeOf(written: string): Place | undefined {
  const isPath = written.startsWith('/')
  const whole = isPath ? `http://host${written}` : written
  if (!/^https?:\/\//i.test(whole) || !URL.canParse(whole)) return undefined
  const url = new URL(whole)
  return { authority: isPath ? undefined : url.host, path: url.pathname, query: queryOf(url) }
}

/** Whether a purge needs to look at every key. */
export function looksAtKeys({ all, prefixes, paths, pathPrefixes }: Selector): boolean {
  return all === true || prefixes !== undefined || paths !== undefined || pathPrefixes !== undefined
}

/** Whether the selector means this key, by its name: labels are not looked at. */
export function selectsKey(selector: Selector, whole: string): boolean {
  const { all, keys, prefixes, paths, pathPrefixes } = selector
  const key = resourceOf(whole)
  if (all === true || keys?.includes(key) === true) return true
  if (prefixes?.some((prefix) => key.startsWith(prefix)) === true) return true
  if (paths === undefined && pathPrefixes === undefined) return false
  const path = withoutHost(key)
  return paths?.includes(path) === true || pathPrefixes?.some((prefix) => path.startsWith(prefix)) === true
}

function withoutHost(key: string): string {
  const slash = key.indexOf('/')
  return slash < 0 ? key : key.slice(slash)
}

const lists = ['keys', 'prefixes', 'paths', 'pathPrefixes', 'labels'] as const

/** A selector that came from elsewhere; undefined where it is none. */
export function asSelector(value: unknown): Selector | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const given = value as Record<string, unknown>
  const parts = lists.map((name) => given[name]).filter((list) => list !== undefined)
  const isRight = parts.every((list) => Array.isArray(list) && list.every((text) => typeof text === 'string'))
  if (!isRight || (given.all !== undefined && given.all !== true)) return undefined
  return value as Selector
}
