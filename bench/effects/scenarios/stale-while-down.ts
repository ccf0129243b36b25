import { atMost, count, exactly, milliseconds } from '../rows.ts'
import type { Scenario, Stage } from '../scenario.ts'
import type { Phase } from '../schedule.ts'
import { caches } from './caching.ts'
import { failedOf, phaseOf } from './common.ts'

const RATE = 200
const DOWN_SECONDS = 6
const BACKEND_MS = 100
const OBJECTS = 20
const behaviour = {
  ms: BACKEND_MS,
  // Stale after a second: ten times in each phase every object has to be fetched anew.
  headers: { 'cache-control': 'max-age=1, stale-while-revalidate=60, stale-if-error=60' },
}
const paths = Array.from({ length: OBJECTS }, (_, i) => `/object/${i}`)

function objects(name: string, seconds: number): Phase {
  return { name, seconds, streams: [{ class: 'all', rate: RATE, paths }] }
}

/** The same load while the backend is up, away, and up again. */
async function around(stage: Stage, away: () => unknown, back: () => unknown): Promise<Record<string, number>> {
  const [warm, up] = [objects('warm-up', 3), objects('up', stage.seconds)]
  const phases = [warm, up, objects('down', DOWN_SECONDS), objects('after', stage.seconds)]
  const downAt = warm.seconds + up.seconds
  const result = await stage.load({ timeoutMs: 5000, phases }, [
    { atSecond: downAt, act: away },
    { atSecond: downAt + DOWN_SECONDS, act: back },
  ])
  const [before, during, after] = ['up', 'down', 'after'].map((name) => phaseOf(result, name)) as [
    ReturnType<typeof phaseOf>,
    ReturnType<typeof phaseOf>,
    ReturnType<typeof phaseOf>,
  ]
  return {
    failed: failedOf(before) + failedOf(during) + failedOf(after),
    p99: during.p99Ms,
    upP99: before.p99Ms,
    longest: before.maxMs,
  }
}

export const backendDown: Scenario = {
  name: 'stale-while-down',
  about: `A backend that takes ${BACKEND_MS} ms is down for ${DOWN_SECONDS} seconds; what it said may be given stale.`,
  seconds: 5,
  backends: [{ behaviour }],
  configurations: caches,
  measure: (stage) =>
    around(
      stage,
      () => stage.backends.down(0),
      () => stage.backends.up(0),
    ),
  rows: [
    exactly('cached, stale allowed, backend down for 6 s at 200/s: failed', 'failed', 0, count),
    atMost('same: p99 meanwhile', 'p99', 20, milliseconds),
    atMost('same: p99 while all is well (every object is fetched anew each second)', 'upP99', 20, milliseconds),
    atMost('same: longest, so that nobody waits for a revalidation (100 ms)', 'longest', BACKEND_MS - 1, milliseconds),
  ],
}

export const backendHangs: Scenario = {
  name: 'stale-while-hanging',
  about: 'The same with a backend that takes requests and does not answer them.',
  seconds: 5,
  backends: [{ behaviour }],
  configurations: caches,
  measure: (stage) =>
    around(
      stage,
      () => stage.backends.change(0, { ...behaviour, state: 'hanging' }),
      () => stage.backends.change(0, behaviour),
    ),
  rows: [
    exactly('same, but it hangs: failed', 'failed', 0, count),
    atMost('same: p99 meanwhile', 'p99', 20, milliseconds),
  ],
}
