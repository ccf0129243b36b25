/** The files of a rotated log: FILE, FILE.1 (the latest older one) up to FILE.keep. */
import { access, rename, rm } from 'node:fs/promises'

/**
 * Moves a log file aside, and the older ones a number up as far as they are in the way; what exceeds `keep` goes.
 * @throws when the file itself cannot be moved
 */
export async function moveAside(path: string, keep: number): Promise<void> {
  let free = 1
  while (free < keep && (await isThere(`${path}.${free}`))) free++
  for (let n = free - 1; n >= 1; n--) await rename(`${path}.${n}`, `${path}.${n + 1}`)
  await rename(path, `${path}.1`)
  for (let n = keep + 1; await isThere(`${path}.${n}`); n++) await rm(`${path}.${n}`)
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}
