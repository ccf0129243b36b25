import fc from 'fast-check'
import t from 'tap'
import { afterCheck, type HealthState, newcomer, nextCheckMs } from './health.ts'

const thresholds = { healthy: 2, unhealthy: 3 }

function after(...outcomes: boolean[]): HealthState {
  return outcomes.reduce((state, isGood) => afterCheck(state, isGood, thresholds), newcomer)
}

t.test('the first check of a new endpoint decides', async (t) => {
  t.notOk(newcomer.isHealthy)
  t.ok(after(true).isHealthy)
  t.notOk(after(false).isHealthy)
})

t.test('it takes three failures in a row to fall, and two successes to rise', async (t) => {
  t.ok(after(true, false, false).isHealthy)
  t.ok(after(true, false, false, true, false, false).isHealthy)
  t.notOk(after(true, false, false, false).isHealthy)
  t.notOk(after(false, true).isHealthy)
  t.notOk(after(false, true, false, true).isHealthy)
  t.ok(after(false, true, true).isHealthy)
})

t.test('a state changes only after as many contradictions in a row as asked for', async () => {
  const limits = fc.record({ healthy: fc.integer({ min: 1, max: 5 }), unhealthy: fc.integer({ min: 1, max: 5 }) })
  fc.assert(
    fc.property(limits, fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }), (own, outcomes) => {
      let state = newcomer
      return outcomes.every((isGood, i) => {
        const before = state
        state = afterCheck(before, isGood, own)
        if (before.isNew || state.isHealthy === before.isHealthy) return true
        const needed = before.isHealthy ? own.unhealthy : own.healthy
        return outcomes.slice(i + 1 - needed, i + 1).every((each) => each === state.isHealthy)
      })
    }),
  )
})

t.test(
  'checks come at the interval, give or take a tenth, and four times as often while something is wrong',
  async (t) => {
    t.equal(nextCheckMs(after(true), 1000, 0), 900)
    t.ok(nextCheckMs(after(true), 1000, 0.999) < 1100)
    t.equal(nextCheckMs(after(true, false), 1000, 0.5), 250)
    t.equal(nextCheckMs(after(false), 1000, 0.5), 250)
  },
)
