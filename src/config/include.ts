/**
 * A configuration file with everything it includes, merged: sequences one after the other, mappings key by key, and a
 * key that two files give is an error that names both.
 */
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import type { Path } from '../core/feature.ts'
import { parseFile } from './document.ts'
import type { Environment } from './environment.ts'
import { ABSENT, digestOf, digestOfFolder, fingerprint, MAX_FILE_BYTES, TOO_LARGE } from './fingerprint.ts'
import type { Entry, Located, LocatedMap, Place } from './located.ts'
import { type PositionedProblem, positioned, wholeFile } from './problems.ts'

const MAX_FILES = 1000

export interface Merged {
  /** Undefined when a file could not be read or parsed. */
  readonly root: Located | undefined
  readonly problems: PositionedProblem[]
  /** Absolute paths of every file that was read or looked for, and of folders that patterns searched. */
  readonly files: string[]
  /** Of what those held. */
  readonly fingerprint: string
}

export async function readMerged(file: string, environment: Environment): Promise<Merged> {
  const merging = new Merging(environment)
  const root = await merging.file(resolve(file), file, undefined)
  return {
    root: merging.isBroken ? undefined : root,
    problems: merging.problems,
    files: [...merging.digests.keys()],
    fingerprint: fingerprint(merging.digests),
  }
}

class Merging {
  readonly problems: PositionedProblem[] = []
  /** Of every file and folder that was read or looked for. */
  readonly digests = new Map<string, string>()
  isBroken = false
  readonly #environment: Environment
  readonly #open: string[] = []
  readonly #taken = new Set<string>()

  constructor(environment: Environment) {
    this.#environment = environment
  }

  /** @param asked where an `include` names it; undefined for the file that the command was given */
  async file(path: string, shown: string, asked: Place | undefined): Promise<Located | undefined> {
    if (this.#open.includes(path)) {
      this.#fail(asked, shown, `includes itself: ${[...this.#open, path].map((p) => basename(p)).join(' → ')}`)
      return undefined
    }
    if (this.#taken.has(path)) {
      this.#fail(asked, shown, 'is already included')
      return undefined
    }
    this.#taken.add(path)
    this.digests.set(path, ABSENT)
    if (this.digests.size > MAX_FILES) {
      this.#fail(asked, shown, `includes more than ${MAX_FILES} files`)
      return undefined
    }
    const text = await this.#read(path, shown, asked)
    if (text === undefined) return undefined
    const parsed = parseFile(shown, text, this.#environment)
    this.problems.push(...parsed.problems)
    if (parsed.root === undefined) {
      this.isBroken = true
      return undefined
    }
    this.#open.push(path)
    const merged = await this.#withIncludes(asMapping(parsed.root), path)
    this.#open.pop()
    return merged
  }

  async #read(path: string, shown: string, asked: Place | undefined): Promise<string | undefined> {
    try {
      const { size } = await stat(path)
      if (size > MAX_FILE_BYTES) {
        this.digests.set(path, TOO_LARGE)
        this.#fail(asked, shown, `is larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB`)
        return undefined
      }
      const bytes = await readFile(path)
      this.digests.set(path, digestOf(bytes))
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    } catch (error) {
      this.#fail(asked, shown, reasonOf(error))
      return undefined
    }
  }

  async #withIncludes(root: Located, path: string): Promise<Located> {
    if (root.kind !== 'map') return root
    const include = root.entries.get('include')?.value
    if (include === undefined) return root
    const patterns = include.kind === 'list' ? include.items : [include]
    for (const pattern of patterns) {
      if (pattern.kind !== 'scalar' || typeof pattern.value !== 'string') {
        // The outermost file's is the schema's to report.
        if (this.#open.length > 1) this.#fail(pattern.place, 'this', 'is not the name of a file')
        continue
      }
      for (const included of await this.#matches(pattern.value, path, pattern.place)) {
        const shown = relative(process.cwd(), included) || included
        const other = await this.file(included, shown.startsWith('..') ? included : shown, pattern.place)
        if (other?.kind === 'map') this.#merge(root, other, [])
        else if (other !== undefined)
          this.problems.push(positioned(other.place, { path: [], message: 'is not a mapping' }))
      }
    }
    return root
  }

  async #matches(pattern: string, from: string, place: Place): Promise<string[]> {
    const target = resolve(dirname(from), pattern)
    if (!pattern.includes('*')) return [target]
    const folder = dirname(target)
    if (folder.includes('*')) {
      this.#fail(place, pattern, 'has a `*` before its last part')
      return []
    }
    const name = new RegExp(`^${basename(target).split('*').map(escaped).join('.*')}$`)
    const found = await readdir(folder).catch(() => undefined)
    this.digests.set(folder, found === undefined ? ABSENT : digestOfFolder(found))
    return (found ?? [])
      .filter((entry) => name.test(entry) && !entry.startsWith('.'))
      .sort()
      .map((entry) => join(folder, entry))
  }

  #merge(into: LocatedMap, from: LocatedMap, path: Path): void {
    for (const [key, entry] of from.entries) {
      if (path.length === 0 && key === 'include') continue
      const own = into.entries.get(key)
      if (own === undefined) into.entries.set(key, entry)
      else this.#mergeEntry(own, entry, [...path, key])
    }
  }

  #mergeEntry(own: Entry, other: Entry, path: Path): void {
    if (own.value.kind === 'list' && other.value.kind === 'list') own.value.items.push(...other.value.items)
    // Sections and named groups merge; what is inside them belongs to one file.
    else if (own.value.kind === 'map' && other.value.kind === 'map' && path.length < 2)
      this.#merge(own.value, other.value, path)
    else {
      const first = positioned(own.key, { path, message: '' })
      const message = `is already given in ${first.file}:${first.line}`
      this.problems.push(positioned(other.key, { path, message, fix: 'keep it in one of the files' }))
    }
  }

  #fail(place: Place | undefined, shown: string, message: string): void {
    this.isBroken = true
    if (place === undefined) this.problems.push(wholeFile(shown, message))
    else this.problems.push(positioned(place, { path: ['include'], message: `${shown} ${message}` }))
  }
}

/** An empty file is an empty mapping. */
function asMapping(root: Located): Located {
  const isEmpty = root.kind === 'scalar' && root.value === null
  return isEmpty ? { kind: 'map', place: { ...root.place, start: 0, end: 0 }, entries: new Map() } : root
}

function reasonOf(error: unknown): string {
  const code = (error as { code?: unknown }).code
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'does not exist'
  if (code === 'EISDIR') return 'is a folder'
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read by this user'
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'is not text in UTF-8'
  return `cannot be read (${typeof code === 'string' ? code : String(error)})`
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
