/** When a log file has to make way for a new one. */

export interface Rotation {
  /** Bytes beyond which a file is full. */
  readonly size: number
  /** Milliseconds; files change at its multiples since the Unix epoch. */
  readonly every?: number | undefined
}

export interface FileState {
  readonly sizeBytes: number
  /** Wall time of its first line, or of its last one when it is older than this process. */
  readonly sinceMs: number
}

export type Verdict = { readonly rotate: false } | { readonly rotate: true; readonly because: 'size' | 'time' }

export function shouldRotate(file: FileState, rotation: Rotation, wallMs: number): Verdict {
  const { size, every } = rotation
  if (file.sizeBytes === 0) return { rotate: false }
  if (file.sizeBytes >= size) return { rotate: true, because: 'size' }
  if (every !== undefined && Math.floor(file.sinceMs / every) < Math.floor(wallMs / every)) {
    return { rotate: true, because: 'time' }
  }
  return { rotate: false }
}
