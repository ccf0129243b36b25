/** One YAML file as a tree of located values: parsed strictly (YAML 1.2), environment replaced, every problem positioned. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  type Scalar,
} from 'yaml'
import type { Path } from '../core/feature.ts'
import { coreScalar, type Environment, isWholeReference, substitute } from './environment.ts'
import type { Located, LocatedList, LocatedMap, Place, Source } from './located.ts'
import { type PositionedProblem, positioned } from './problems.ts'
import { syntaxProblems } from './syntax.ts'

/** Values that a file may hold, aliases counted as often as they are used: more is a bomb. */
const MAX_VALUES = 200_000
const MAX_DEPTH = 100

export interface ParsedFile {
  /** Undefined when the file is not valid YAML. */
  readonly root: Located | undefined
  readonly problems: readonly PositionedProblem[]
}

export function parseFile(file: string, text: string, environment: Environment): ParsedFile {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: true,
    strict: true,
    stringKeys: true,
    prettyErrors: false,
    version: '1.2',
  })
  const source: Source = { file, text, lines }
  const faults = syntaxProblems(document, source)
  if (faults.length > 0) return { root: undefined, problems: faults }
  const reader = new Reader(document, source, environment)
  const root = reader.read(document.contents, [], 0)
  return { root: reader.isOverfull ? undefined : root, problems: reader.problems }
}

class Reader {
  readonly problems: PositionedProblem[] = []
  readonly #document: Document
  readonly #source: Source
  readonly #environment: Environment
  #values = 0
  /** Nothing is read any more: what came is too much, and was reported once. */
  isOverfull = false

  constructor(document: Document, source: Source, environment: Environment) {
    this.#document = document
    this.#source = source
    this.#environment = environment
  }

  read(node: unknown, path: Path, depth: number): Located {
    const place = this.#placeOf(node)
    const nothing = { kind: 'scalar', place, value: null } as const
    if (++this.#values > MAX_VALUES) {
      this.#overfill(place, `is where the file exceeds ${MAX_VALUES} values, each alias counted as what it stands for`)
    } else if (depth > MAX_DEPTH) this.#overfill(place, `is nested more than ${MAX_DEPTH} deep`)
    if (this.isOverfull) return nothing
    if (isAlias(node)) {
      const target = node.resolve(this.#document)
      if (target !== undefined && !isInside(place, this.#placeOf(target))) return this.read(target, path, depth + 1)
      const fault = target === undefined ? 'is not defined above it' : 'it is a part of'
      this.#report(place, path, `stands for &${node.source}, which ${fault}`)
      return nothing
    }
    if (isMap(node)) return this.#readMap(node.items, place, path, depth)
    if (isSeq(node)) {
      const list: LocatedList = { kind: 'list', place, items: [] }
      for (const [index, item] of node.items.entries()) list.items.push(this.read(item, [...path, index], depth + 1))
      return list
    }
    if (isScalar(node)) return { kind: 'scalar', place, value: this.#scalar(node, place, path) }
    return nothing
  }

  #overfill(place: Place, message: string): void {
    if (!this.isOverfull) this.#report(place, [], message)
    this.isOverfull = true
  }

  #readMap(items: readonly Pair[], place: Place, path: Path, depth: number): LocatedMap {
    const map: LocatedMap = { kind: 'map', place, entries: new Map() }
    for (const { key, value } of items) {
      const name = isScalar(key) ? String(key.value) : String(key)
      const keyPlace = this.#placeOf(key)
      if (name === '__proto__') {
        // Objects would lose it without a word.
        this.#report(keyPlace, [...path, name], 'is not a name that can be used', 'choose another')
        continue
      }
      const read =
        value === null
          ? ({ kind: 'scalar', place: keyPlace, value: null } as const)
          : this.read(value, [...path, name], depth + 1)
      map.entries.set(name, { key: keyPlace, value: read })
    }
    return map
  }

  #scalar(node: Scalar, place: Place, path: Path): string | number | boolean | null {
    const { value } = node
    if (typeof value === 'number' || typeof value === 'boolean') return value
    if (typeof value === 'bigint') return Number(value)
    if (typeof value !== 'string') return null
    if (!value.includes('${')) return value
    const { text, unset, isMalformed } = substitute(value, this.#environment)
    for (const name of unset) {
      this.#report(
        place,
        path,
        `needs the environment variable ${name}, which is not set`,
        `set it, or write \${${name}:-default}`,
      )
    }
    if (isMalformed)
      this.#report(place, path, 'holds a ${ that is not ${NAME} or ${NAME:-default}', 'write $${ for a literal ${')
    return node.type === 'PLAIN' && isWholeReference(value) ? coreScalar(text) : text
  }

  #placeOf(node: unknown): Place {
    const range = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : undefined
    return { source: this.#source, start: range?.[0] ?? 0, end: range?.[1] ?? 0 }
  }

  #report(place: Place, path: Path, message: string, fix?: string): void {
    this.problems.push(positioned(place, { path, message, fix }))
  }
}

function isInside(inner: Place, outer: Place): boolean {
  return inner.start >= outer.start && inner.end <= outer.end
}
