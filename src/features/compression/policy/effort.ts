/**
 * How much work a compression is worth now. `auto` takes what pays on most links while the processor has time for it,
 * the cheapest when work queues up, and none at all when even that would only make answers wait.
 */
import { CHEAP_COMPRESSION } from '../../../core/pressure.ts'
import type { Coding } from './negotiate.ts'

export type Effort = 'fast' | 'normal' | 'best'

/** Levels of each coding's own scale. Windows are bounded where the encoders are made. */
export type Levels = Readonly<Record<Coding, number>>

/** 12 kB of JSON takes (µs, one core): zstd 1 43, 3 46; br 1 30, 4 98; gzip 1 35, 5 77. */
export const fastLevels: Levels = { zstd: 1, br: 1, gzip: 1 }
export const normalLevels: Levels = { zstd: 3, br: 4, gzip: 5 }
/** For what is served again and again: milliseconds to seconds, in the background. */
export const bestLevels: Levels = { zstd: 19, br: 11, gzip: 9 }

/** Pieces of work that wait per one that runs, from which on work is saved, or not begun. */
const FAST_FROM = 4
const NONE_FROM = 64

/** Memory for coders at work, in all. Each holds its window for as long as its client reads, however slowly. */
const OPEN_BYTES = 256 * 1024 * 1024
/** Streams without end may stay for days: they leave room for the others. */
const ENDLESS_BYTES = OPEN_BYTES / 2

/** @param openBytes memory of the coders at work */
export function hasRoom(openBytes: number, coderBytes: number, isEndless: boolean): boolean {
  return openBytes + coderBytes <= (isEndless ? ENDLESS_BYTES : OPEN_BYTES)
}

/**
 * @param waiting pieces of work that wait for a thread
 * @param running how many may run at once
 * @param pressure index into `rungs`
 */
export function effortNow(waiting: number, running: number, pressure: number): 'fast' | 'normal' | 'none' {
  if (waiting >= NONE_FROM * running) return 'none'
  return waiting >= FAST_FROM * running || pressure >= CHEAP_COMPRESSION ? 'fast' : 'normal'
}
