/**
 * Configuration values that know where they were written. YAML documents become trees of these; includes are merged as
 * trees, so that a problem found in the merged whole still points into the file that it came from.
 */
import type { LineCounter } from 'yaml'
import type { Path } from '../core/feature.ts'

export interface Source {
  /** As the operator knows it: relative to where the command runs. */
  readonly file: string
  readonly text: string
  readonly lines: LineCounter
}

/** A stretch of a file, as offsets into its text. */
export interface Place {
  readonly source: Source
  readonly start: number
  readonly end: number
}

export type Located = LocatedMap | LocatedList | LocatedScalar

export interface LocatedMap {
  readonly kind: 'map'
  readonly place: Place
  readonly entries: Map<string, Entry>
}

export interface Entry {
  readonly key: Place
  readonly value: Located
}

export interface LocatedList {
  readonly kind: 'list'
  readonly place: Place
  readonly items: Located[]
}

export interface LocatedScalar {
  readonly kind: 'scalar'
  readonly place: Place
  readonly value: string | number | boolean | null
}

/** The value without its places. Keys never reach a prototype. */
export function plain(located: Located): unknown {
  if (located.kind === 'scalar') return located.value
  if (located.kind === 'list') return located.items.map(plain)
  return Object.fromEntries([...located.entries].map(([key, { value }]) => [key, plain(value)]))
}

/** The value at a path, or undefined. */
export function valueAt(root: Located, path: Path): Located | undefined {
  let here: Located | undefined = root
  for (const step of path) {
    if (here?.kind === 'map') here = here.entries.get(String(step))?.value
    else if (here?.kind === 'list' && typeof step === 'number') here = here.items[step]
    else return undefined
  }
  return here
}

/** Where a problem at `path` is shown: the value, or what is nearest above it that was written. */
export function placeOf(root: Located, path: Path): Place {
  for (let length = path.length; length >= 0; length--) {
    const found = valueAt(root, path.slice(0, length))
    if (found === undefined) continue
    // For something missing inside a mapping, the key that the mapping belongs to says more than its first line.
    if (length < path.length && length > 0) return keyPlace(root, path.slice(0, length)) ?? found.place
    return found.place
  }
  return root.place
}

/** Where the key at the end of `path` stands, for mappings. */
export function keyPlace(root: Located, path: Path): Place | undefined {
  const parent = valueAt(root, path.slice(0, -1))
  return parent?.kind === 'map' ? parent.entries.get(String(path.at(-1)))?.key : undefined
}
