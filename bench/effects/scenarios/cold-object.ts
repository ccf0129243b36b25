import { median } from '../../report.ts'
import { atMost, count, exactly, milliseconds } from '../rows.ts'
import type { Scenario } from '../scenario.ts'
import { CLIENTS, caches, RUSH_SECONDS, reached, rushes } from './caching.ts'
import { failedOf, phaseOf, steady } from './common.ts'

/**
 * The first of these rushes opens the connections over which the others come. V8 makes the code of a rush fast over the
 * first dozen: before that, the gateway has just started.
 */
const warming = [steady('warm-up', 2, 500), ...rushes('warm', { times: 12 })]
const warmingSeconds = warming.reduce((sum, { seconds }) => sum + seconds, 0)
const [kept, fresh] = [rushes('kept', { times: 11 }), rushes('new', { times: 7, isFresh: true })]

export const coldObject: Scenario = {
  name: 'cold-object',
  about: `${CLIENTS} clients ask for one object that nobody has asked for before; the origin takes 100 ms. Eighteen times.`,
  seconds: RUSH_SECONDS,
  backends: [{ behaviour: { ms: 100, headers: { 'cache-control': 'max-age=60' } } }],
  configurations: caches,
  async measure(stage) {
    let before = Number.NaN
    const note = async () => {
      before = await reached(stage)
    }
    const phases = [...warming, ...kept, ...fresh]
    const result = await stage.load({ timeoutMs: 5000, phases }, [{ atSecond: warmingSeconds - 0.2, act: note }])
    const all = [...kept, ...fresh].map(({ name }) => phaseOf(result, name))
    return {
      fetches: ((await reached(stage)) - before) / all.length,
      failed: all.reduce((sum, phase) => sum + failedOf(phase), 0),
      p99: median(kept.map(({ name }) => phaseOf(result, name).p99Ms)),
      newP99: median(fresh.map(({ name }) => phaseOf(result, name).p99Ms)),
    }
  },
  rows: [
    exactly('1000 clients ask for one cold object (100 ms): origin fetches', 'fetches', 1, count),
    exactly('same: failed', 'failed', 0, count),
    atMost('same: p99, over open connections', 'p99', 150, milliseconds),
    atMost('same: p99, each over a new connection', 'newP99', 250, milliseconds),
  ],
}
