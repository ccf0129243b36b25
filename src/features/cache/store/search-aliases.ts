/**
 * Which stored answers stand for other queries of the same path, as their No-Vary-Search says. Only names: what has left
 * the store meanwhile is found out by whoever looks it up. Bounded; the oldest is forgotten first.
 */
import { parseNoVarySearch, type SearchRule, searchKey } from '../policy/no-vary-search.ts'

const MAX_ALIASES = 50_000
/** Rules of one path: an origin that gives each answer its own has no use for any. */
const MAX_RULES = 4

interface Path {
  readonly rules: SearchRule[]
  /** Keys by rule and what counts of the query. */
  readonly keys: Map<string, string>
}

export class SearchAliases {
  readonly #paths = new Map<string, Path>()
  #count = 0

  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** Notes that the answer under `key` stands for others. @param field its No-Vary-Search */
  add(key: string, field: string): void {
    const rule = parseNoVarySearch(field)
    if (rule === undefined || key.includes('\n')) return
    const { path, query } = split(key)
    let known = this.#paths.get(path)
    if (known === undefined) {
      known = { rules: [], keys: new Map() }
      this.#paths.set(path, known)
    }
    if (!known.rules.some(({ text }) => text === rule.text)) {
      if (known.rules.length >= MAX_RULES) return
      known.rules.push(rule)
    }
    const alias = aliasOf(query, rule)
    if (!known.keys.has(alias)) this.#count++
    known.keys.set(alias, key)
    this.#bound()
  }

  /** The key that stands for this one; undefined where none does. */
  find(key: string): string | undefined {
    if (this.#count === 0) return undefined
    const { path, query } = split(key)
    const known = this.#paths.get(path)
    if (known === undefined) return undefined
    for (const rule of known.rules) {
      const found = known.keys.get(aliasOf(query, rule))
      if (found !== undefined && found !== key) return found
    }
    return undefined
  }

  #bound(): void {
    while (this.#count > MAX_ALIASES) {
      const [path, { keys }] = this.#paths.entries().next().value as [string, Path]
      this.#count -= keys.size
      this.#paths.delete(path)
    }
  }
}

function aliasOf(query: string, rule: SearchRule): string {
  return `${rule.text}\n${searchKey(query, rule)}`
}

function split(key: string): { path: string; query: string } {
  const mark = key.indexOf('?')
  return mark < 0 ? { path: key, query: '' } : { path: key.slice(0, mark), query: key.slice(mark) }
}
