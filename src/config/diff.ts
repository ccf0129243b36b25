/** What changed between two configurations: paths only, since values may be secrets. */
import { writtenPath } from './problems.ts'

const MOST = 20

/** Paths of what was added, removed or changed; beyond 20, the rest as a number. */
export function changedPaths(before: unknown, after: unknown): string[] {
  const found: string[] = []
  compare(before, after, [], found)
  if (found.length <= MOST) return found
  return [...found.slice(0, MOST), `and ${found.length - MOST} more`]
}

function compare(before: unknown, after: unknown, path: (string | number)[], found: string[]): void {
  if (Object.is(before, after)) return
  const a = entries(before)
  const b = entries(after)
  if (a === undefined || b === undefined || Array.isArray(before) !== Array.isArray(after)) {
    found.push(writtenPath(path))
    return
  }
  for (const key of new Set([...a.keys(), ...b.keys()])) {
    const step = [...path, key]
    if (a.has(key) && b.has(key)) compare(a.get(key), b.get(key), step, found)
    else found.push(writtenPath(step))
  }
}

function entries(value: unknown): Map<string | number, unknown> | undefined {
  if (Array.isArray(value)) return new Map(value.entries())
  if (typeof value !== 'object' || value === null) return undefined
  return new Map(Object.entries(value))
}
