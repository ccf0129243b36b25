/**
 * Follows configuration files. Watches the folders, not the files, since editors and Kubernetes replace files rather than
 * write them; compares contents, since touching is not changing; and waits for a moment of quiet.
 */
import { createHash } from 'node:crypto'
import { type FSWatcher, readdirSync, readFileSync, watch } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock, Timer } from '../core/clock.ts'

/** Time without a further event before files are read: a half-written file is no configuration. */
const QUIET_MS = 100
/** Where folders cannot be watched, or a file system sends no events (network mounts), contents are compared this often. */
const POLL_MS = 5_000

export interface WatchOptions {
  /** Absolute paths of files, and of folders that patterns search. */
  readonly files: () => readonly string[]
  readonly clock: Clock
  readonly onChange: () => void
}

export interface Watching {
  stop(): void
}

export function watchFiles(options: WatchOptions): Watching {
  return new Watcher(options)
}

class Watcher implements Watching {
  readonly #options: WatchOptions
  readonly #folders = new Map<string, FSWatcher>()
  readonly #poll: Timer
  #quiet: Timer | undefined = undefined
  #fingerprint: string

  constructor(options: WatchOptions) {
    this.#options = options
    this.#fingerprint = fingerprint(options.files())
    this.#follow()
    this.#poll = options.clock.every(POLL_MS, () => this.#look())
  }

  stop(): void {
    this.#quiet?.cancel()
    this.#poll.cancel()
    for (const watcher of this.#folders.values()) watcher.close()
    this.#folders.clear()
  }

  #follow(): void {
    const wanted = new Set(this.#options.files().map((file) => dirname(file)))
    for (const [folder, watcher] of this.#folders) {
      if (wanted.has(folder)) continue
      watcher.close()
      this.#folders.delete(folder)
    }
    for (const folder of wanted) {
      if (!this.#folders.has(folder)) this.#watchFolder(folder)
    }
  }

  #watchFolder(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#stir())
      watcher.on('error', () => {
        watcher.close()
        this.#folders.delete(folder)
      })
      this.#folders.set(folder, watcher)
    } catch {
      // The folder is gone or cannot be watched: the poll finds it when it is back.
    }
  }

  #stir(): void {
    this.#quiet?.cancel()
    this.#quiet = this.#options.clock.after(QUIET_MS, () => this.#look())
  }

  #look(): void {
    this.#follow()
    const now = fingerprint(this.#options.files())
    if (now === this.#fingerprint) return
    this.#fingerprint = now
    this.#options.onChange()
  }
}

function fingerprint(files: readonly string[]): string {
  const hash = createHash('sha256')
  for (const file of [...files].sort()) hash.update(`${file}\0${contentOf(file)}\0`)
  return hash.digest('hex')
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EISDIR') return 'absent'
  }
  try {
    return readdirSync(path).sort().join('\0')
  } catch {
    return 'absent'
  }
}
