/** A burst before a slow backend is worked off: a queue that empties is not one to refuse requests from. */
import t from 'tap'
import { type Nature, Simulation } from '../harness/overload-simulation.ts'
import { SimulatedLimiter } from '../harness/simulated-limiter.ts'

/** Twelve requests within a few milliseconds, and what became of them. */
function burst(workers: number, workMs: number, written: object) {
  const nature: Nature = { workers, workMs: () => workMs }
  const simulation = new Simulation({
    natureAt: () => nature,
    traffic: [{ fromMs: 0, toMs: 10_000, perSecond: 1000, kinds: [0] }],
    patienceMs: 60_000,
  })
  const limiter = new SimulatedLimiter(simulation, written, () => '/')
  let asked = 0
  const tally = { ok: 0, refused: 0, lastAt: 0 }
  const admission: SimulatedLimiter['arrived'] = (request, send, refused) => {
    if (++asked > 12) return { left: () => {} }
    const counted = (answered: () => void) =>
      send(() => {
        tally.ok++
        tally.lastAt = simulation.agenda.now
        answered()
      })
    return limiter.arrived(request, counted, () => {
      tally.refused++
      refused()
    })
  }
  simulation.run({ arrived: admission }, 20_000)
  return tally
}

for (const [workers, workMs] of [
  [2, 200],
  [6, 400],
  [2, 50],
  [1, 400],
] as const) {
  t.test(
    `twelve at once before ${workers} workers of ${workMs} ms are all answered, no place left empty`,
    async (t) => {
      for (const adaptive of [false, true]) {
        const tally = burst(workers, workMs, { adaptive, min: workers, max: workers, queue_timeout: '5s' })
        t.same([tally.ok, tally.refused], [12, 0], `adaptive: ${adaptive}`)
        // Rounds of work, and the few milliseconds in which they all come.
        t.ok(tally.lastAt <= (12 / workers) * workMs + 40, `the last after ${tally.lastAt} ms`)
      }
    },
  )
}

t.test('without a queue_timeout of its own, a burst has the 250 ms that are the default', async (t) => {
  t.same(burst(2, 50, { adaptive: false, max: 2 }).ok, 12)
})
