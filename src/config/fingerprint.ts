/**
 * What files hold, as a short text that is another one once they hold something else. Reading a configuration takes one,
 * watching takes another: they differ when what is in force is not what is on the disk.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'

/** No configuration written by people comes near it. */
export const MAX_FILE_BYTES = 8 * 1024 * 1024

export const ABSENT = 'absent'
export const TOO_LARGE = 'too large'

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64')
}

export function digestOfFolder(names: readonly string[]): string {
  return [...names].sort().join('\0')
}

/** @param digests by absolute path */
export function fingerprint(digests: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256')
  for (const path of [...digests.keys()].sort()) hash.update(`${path}\0${digests.get(path)}\0`)
  return hash.digest('base64')
}

/** The fingerprint of files and folders as they are now. */
export function fingerprintNow(paths: readonly string[]): string {
  return fingerprint(new Map(paths.map((path) => [path, digestNow(path)])))
}

function digestNow(path: string): string {
  try {
    const found = statSync(path)
    if (found.isDirectory()) return digestOfFolder(readdirSync(path))
    return found.size > MAX_FILE_BYTES ? TOO_LARGE : digestOf(readFileSync(path))
  } catch {
    return ABSENT
  }
}

export interface Stamp {
  /** Another one after each change of size, time or identity: cheap, and all that is asked for most of the time. */
  readonly text: string
  /** When the latest of them was written, since the Unix epoch; 0 when there is none. */
  readonly latestMs: number
}

export function stampNow(paths: readonly string[]): Stamp {
  let latestMs = 0
  const texts = paths.map((path) => {
    try {
      const { ino, size, mtimeNs } = statSync(path, { bigint: true })
      latestMs = Math.max(latestMs, Number(mtimeNs / 1_000_000n))
      return `${ino} ${size} ${mtimeNs}`
    } catch {
      return ABSENT
    }
  })
  return { text: texts.join('\n'), latestMs }
}
