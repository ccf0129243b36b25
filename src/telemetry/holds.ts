/**
 * Which names series may have: of routes, upstreams and endpoints, each for as long as a configuration has it and until
 * one more scrape has seen it. Labels that nobody ever held are free.
 */
import type { LabelValues } from '../core/metrics.ts'

interface Hold {
  users: number
}

/** All holds on the same label names. */
interface Kind {
  readonly names: readonly string[]
  readonly holds: Map<string, Hold>
}

export class Holds {
  readonly #kinds = new Map<string, Kind>()

  /** @returns how to let go; harmless a second time */
  take(labels: LabelValues): () => void {
    const names = Object.keys(labels).sort()
    const id = names.join()
    const kind = this.#kinds.get(id) ?? { names, holds: new Map<string, Hold>() }
    this.#kinds.set(id, kind)
    const key = keyOf(kind, labels)
    const hold = kind.holds.get(key) ?? { users: 0 }
    kind.holds.set(key, hold)
    hold.users++
    let isHeld = true
    return () => {
      if (isHeld) hold.users--
      isHeld = false
    }
  }

  /** Whether a series with these labels tells of something that is there, or was until the last scrape. */
  permits(labels: LabelValues): boolean {
    for (const kind of this.#kinds.values()) {
      if (kind.names.every((name) => labels[name] !== undefined) && !kind.holds.has(keyOf(kind, labels))) return false
    }
    return true
  }

  /** Those that nobody holds. Returns how to drop the ones of them that still nobody holds, and whether there were any. */
  leaving(): () => boolean {
    const found: [Kind, string, Hold][] = []
    for (const kind of this.#kinds.values()) {
      for (const [key, hold] of kind.holds) if (hold.users === 0) found.push([kind, key, hold])
    }
    return () => {
      const gone = found.filter(([, , hold]) => hold.users === 0)
      for (const [kind, key] of gone) kind.holds.delete(key)
      return gone.length > 0
    }
  }
}

/** Never the same for different values, whatever they hold. */
function keyOf({ names }: Kind, labels: LabelValues): string {
  return names.length === 1 ? (labels[names[0] as string] as string) : JSON.stringify(names.map((name) => labels[name]))
}
