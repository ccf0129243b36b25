/** Quantities as operators write them, and as logs and documentation show them. */

const durationUnits = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const
const sizeUnits = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
} as const

export const durationPattern = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/
export const sizePattern = /^(\d+(?:\.\d+)?)(B|kB|KB|MB|GB|KiB|MiB|GiB)$/
export const ratePattern = /^(\d+(?:\.\d+)?)\/(ms|s|m|h|d)$/
export const sharePattern = /^(\d+(?:\.\d+)?)%$/

/** Events per period. */
export interface Rate {
  readonly count: number
  readonly periodMs: number
}

/** `250ms 5s 1m 2h` in milliseconds, or undefined. */
export function parseDuration(text: string): number | undefined {
  const match = durationPattern.exec(text)
  if (match === null) return undefined
  return Number(match[1]) * durationUnits[match[2] as keyof typeof durationUnits]
}

/** `64KiB 10MB` in whole bytes, or undefined. */
export function parseSize(text: string): number | undefined {
  const match = sizePattern.exec(text)
  if (match === null) return undefined
  return Math.round(Number(match[1]) * sizeUnits[match[2] as keyof typeof sizeUnits])
}

/** `100/s 1000/m`, or undefined. */
export function parseRate(text: string): Rate | undefined {
  const match = ratePattern.exec(text)
  if (match === null) return undefined
  const unit = match[2] as keyof typeof durationUnits | 'd'
  return { count: Number(match[1]), periodMs: unit === 'd' ? 86_400_000 : durationUnits[unit] }
}

/** `20%` as 0.2, or undefined beyond 0 to 100 %. */
export function parseShare(text: string): number | undefined {
  const match = sharePattern.exec(text)
  if (match === null) return undefined
  const share = Number(match[1]) / 100
  return share <= 1 ? share : undefined
}

/** The shortest exact way to write a duration: 1500 is `1500ms`, 60000 is `1m`. */
export function formatDuration(durationMs: number): string {
  for (const unit of ['h', 'm', 's'] as const) {
    if (durationMs > 0 && durationMs % durationUnits[unit] === 0) return `${durationMs / durationUnits[unit]}${unit}`
  }
  return durationMs === 0 ? '0s' : `${durationMs}ms`
}

/** The shortest exact way to write a size: 65536 is `64KiB`, 10000000 is `10MB`. */
export function formatSize(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB', 'GB', 'MB', 'kB'] as const) {
    if (bytes > 0 && bytes % sizeUnits[unit] === 0) return `${bytes / sizeUnits[unit]}${unit}`
  }
  return `${bytes}B`
}
