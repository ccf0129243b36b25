/** The files of a rotated log: FILE, FILE.1 (the latest) up to FILE.keep. */
import { rename, rm } from 'node:fs/promises'

/**
 * Moves a log file aside, and each older one a number up; what would exceed `keep` is removed.
 * @throws when the file itself cannot be moved
 */
export async function moveAside(path: string, keep: number): Promise<void> {
  for (let beyond = keep; await removed(`${path}.${beyond}`); beyond++);
  for (let n = keep - 1; n >= 1; n--) await moved(`${path}.${n}`, `${path}.${n + 1}`)
  await rename(path, `${path}.1`)
}

/** False when there is none. */
async function removed(path: string): Promise<boolean> {
  try {
    await rm(path)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

async function moved(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}
