/**
 * Follows configuration files. Watches the folders, not the files, since editors and Kubernetes replace files rather than
 * write them; compares contents, since touching is not changing; and believes no file that is still being written.
 */
import { type FSWatcher, watch } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock, Timer } from '../core/clock.ts'
import { fingerprintNow, stampNow } from './fingerprint.ts'

/** Time without a change before files are believed: a half-written file is no configuration. */
const SETTLE_MS = 100
/** A file that is written all the time is read nevertheless. */
const LONGEST_SETTLE_MS = 2_000
/** Where folders cannot be watched, or a file system sends no events (network mounts), files are looked at this often. */
const POLL_MS = 5_000

export interface WatchOptions {
  /** Absolute paths of files, and of folders that patterns search. */
  readonly files: () => readonly string[]
  /** The fingerprint of what was read last, whether it came into force or not. */
  readonly known: () => string
  readonly clock: Clock
  /** The files hold something else than what is known, and have been left alone for a moment. */
  readonly onChange: (fingerprint: string) => void
}

export interface Watching {
  stop(): void
}

export function watchFiles(options: WatchOptions): Watching {
  return new Watcher(options)
}

/** Resolves when nothing has been written to these files for a moment, but after two seconds in any case. */
export async function settled(files: () => readonly string[], clock: Clock): Promise<void> {
  let before: string | undefined
  for (let waitedMs = 0; waitedMs < LONGEST_SETTLE_MS; waitedMs += SETTLE_MS) {
    const { text, latestMs } = stampNow(files())
    // The second is for clocks that disagree: a file server's may be ahead of ours.
    if (clock.wall() - latestMs >= SETTLE_MS || text === before) return
    before = text
    await new Promise<void>((resolve) => clock.after(SETTLE_MS, resolve))
  }
}

class Watcher implements Watching {
  readonly #options: WatchOptions
  readonly #folders = new Map<string, FSWatcher>()
  readonly #poll: Timer
  #settling: Timer | undefined = undefined
  /** As last seen: another one asks for another look a moment later. */
  #stamp: string
  /** The stamp of the contents whose fingerprint is here. */
  #readStamp: string | undefined = undefined
  #fingerprint = ''
  #announced: string | undefined = undefined

  constructor(options: WatchOptions) {
    this.#options = options
    this.#stamp = stampNow(options.files()).text
    this.#follow()
    this.#poll = options.clock.every(POLL_MS, () => {
      if (this.#settling === undefined) this.#look()
    })
  }

  stop(): void {
    this.#settling?.cancel()
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
    if (this.#settling === undefined) this.#stamp = stampNow(this.#options.files()).text
    this.#lookSoon()
  }

  #lookSoon(): void {
    this.#settling?.cancel()
    this.#settling = this.#options.clock.after(SETTLE_MS, () => {
      this.#settling = undefined
      this.#look()
    })
  }

  #look(): void {
    this.#follow()
    const { files, known, onChange } = this.#options
    const stamp = stampNow(files()).text
    if (stamp !== this.#stamp) {
      // Size or time moved without an event of its own, or since the first of several: it may be half written.
      this.#stamp = stamp
      this.#lookSoon()
      return
    }
    if (stamp !== this.#readStamp) {
      this.#fingerprint = fingerprintNow(files())
      this.#readStamp = stamp
    }
    if (this.#fingerprint === known()) this.#announced = undefined
    else if (this.#fingerprint !== this.#announced) {
      this.#announced = this.#fingerprint
      onChange(this.#fingerprint)
    }
  }
}
