/**
 * What can be checked of a file although some of it is wrong: the file without its wrong values, so that rules across keys
 * still find what is wrong beside them, and everything is reported at once.
 */
import type { z } from 'zod'
import type { Path } from '../core/feature.ts'

/** Each round may find that what was left lacks something: then that goes as a whole. */
const MOST_ROUNDS = 6

/** A configuration without what is wrong; undefined where more than single values had to go, so that little can be said. */
export function partial<T>(raw: unknown, schema: z.ZodType<T>): T | undefined {
  const kept = structuredClone(raw)
  const gone = new Set<string>()
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const result = schema.safeParse(kept)
    if (result.success) return result.data
    for (const issue of result.error.issues) {
      const paths =
        issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [[...issue.path]]
      for (const path of paths) {
        const removable = removed(path as Path, gone)
        // Sections, upstreams and routes are what other keys refer to.
        if (removable.length <= 2) return undefined
        remove(kept, removable)
        gone.add(JSON.stringify(removable))
      }
    }
  }
  return undefined
}

/** What has to go for a problem at `path`: the value, its list, or what lacks it when it is gone already. */
function removed(path: Path, gone: ReadonlySet<string>): Path {
  let removable = path
  while (removable.length > 0 && (typeof removable.at(-1) === 'number' || gone.has(JSON.stringify(removable)))) {
    removable = removable.slice(0, -1)
  }
  return removable
}

function remove(root: unknown, path: Path): void {
  let holder = root
  for (const step of path.slice(0, -1)) {
    if (typeof holder !== 'object' || holder === null) return
    holder = (holder as Record<string | number, unknown>)[step]
  }
  if (typeof holder === 'object' && holder !== null)
    delete (holder as Record<string | number, unknown>)[path.at(-1) as string]
}

/** Whether a problem may only be there because of what was removed: it is about what holds a wrong value, or lies in one. */
export function isConsequence(path: Path, wrong: readonly Path[]): boolean {
  return wrong.some((other) => {
    const common = Math.min(path.length, other.length)
    return path.slice(0, common).every((step, i) => step === other[i])
  })
}
