/**
 * When each request of a load is due: an open loop, drawn up before the first is sent, so that slow answers do not slow
 * the load down. Poisson arrivals are those of many independent users; fixed ones are for rates that must be exact.
 */

export interface Stream {
  /** What its results are filed under. */
  readonly class: string
  /** Requests per second. */
  readonly rate?: number
  /** Or: so many, all as the phase begins. */
  readonly atOnce?: number
  /** Asked in turn. */
  readonly paths: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  /** The instance that is asked; otherwise all are, in turn. */
  readonly instance?: number
  /** Whether each request comes over a connection of its own. */
  readonly isFresh?: boolean
}

export interface Phase {
  readonly name: string
  readonly seconds: number
  readonly streams: readonly Stream[]
}

export interface Arrival {
  /** After the load began. */
  readonly dueMs: number
  readonly phase: Phase
  readonly stream: Stream
  readonly path: string
}

export type Random = () => number

/** Every arrival of all phases, one phase after the other, in order of time. */
export function schedule(phases: readonly Phase[], spacing: 'poisson' | 'fixed', random: Random): Arrival[] {
  const all: Arrival[] = []
  let startMs = 0
  for (const phase of phases) {
    const endMs = startMs + phase.seconds * 1000
    for (const stream of phase.streams) {
      dueTimes(stream, startMs, endMs, spacing, random).forEach((dueMs, i) => {
        all.push({ dueMs, phase, stream, path: stream.paths[i % stream.paths.length] ?? '/' })
      })
    }
    startMs = endMs
  }
  return all.sort((a, b) => a.dueMs - b.dueMs)
}

function dueTimes(stream: Stream, startMs: number, endMs: number, spacing: string, random: Random): number[] {
  const times = new Array<number>(stream.atOnce ?? 0).fill(startMs)
  const { rate = 0 } = stream
  if (rate <= 0) return times
  const meanMs = 1000 / rate
  const gap = () => (spacing === 'fixed' ? meanMs : -Math.log(1 - random()) * meanMs)
  // Streams of fixed spacing begin at different moments, or all would send in the same millisecond.
  for (let at = startMs + gap() * (spacing === 'fixed' ? random() : 1); at < endMs; at += gap()) times.push(at)
  return times
}

/** mulberry32: the same load for every contender of a run. */
export function seeded(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
