import t, { type Test } from 'tap'
import { Breaker, type BreakerState } from './breaker.ts'

/** The next change of state to that one. */
function rig(t: Test, config: Partial<ConstructorParameters<typeof Breaker>[0]> = {}) {
  const states: BreakerState[] = []
  const waiting: { state: BreakerState; resolve: () => void }[] = []
  let nowMs = 0
  const pass = (ms: number) => {
    nowMs += ms
  }
  const breaker = new Breaker(
    { error_rate: 0.5, minimum_requests: 4, window: 10_000, consecutive_failures: 0, open_for: 20, ...config },
    { now: () => nowMs },
    (state) => {
      states.push(state)
      for (const each of waiting.splice(0)) {
        if (each.state === state) each.resolve()
        else waiting.push(each)
      }
    },
  )
  // A breaker's own timers keep no process alive.
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => {
    clearInterval(alive)
    breaker.stop()
  })
  const becomes = (state: BreakerState) =>
    new Promise<void>((resolve) => {
      if (breaker.state === state) resolve()
      else waiting.push({ state, resolve })
    })
  const outcomes = (count: number, isGood: boolean) => {
    for (let i = 0; i < count; i++) breaker.ended(breaker.begin(), isGood)
  }
  return { breaker, states, becomes, outcomes, pass }
}

t.test('it opens at the error rate, once there are enough requests', async (t) => {
  const { breaker, becomes, outcomes } = rig(t)
  outcomes(3, false)
  await new Promise(setImmediate)
  t.ok(breaker.permits)
  outcomes(1, false)
  await becomes('open')
  t.notOk(breaker.permits)
})

t.test('it opens after failures in a row, however many successes there were before', async (t) => {
  const { becomes, outcomes, breaker } = rig(t, { consecutive_failures: 5 })
  outcomes(500, true)
  outcomes(4, false)
  outcomes(1, true)
  outcomes(4, false)
  await new Promise(setImmediate)
  t.equal(breaker.state, 'closed')
  outcomes(1, false)
  await becomes('open')
})

t.test('a success of a request that began before it opened does not close it', async (t) => {
  const { breaker, becomes, outcomes, states } = rig(t)
  const early = breaker.begin()
  outcomes(4, false)
  await becomes('half_open')
  breaker.ended(early, true)
  await new Promise(setImmediate)
  t.same(states, ['open', 'half_open'])
  t.ok(breaker.permits)
})

t.test(
  'one request tries at a time; one that is given up makes room for another, and a good one closes it',
  async (t) => {
    const { breaker, becomes, outcomes } = rig(t)
    outcomes(4, false)
    await becomes('half_open')
    const first = breaker.begin()
    t.notOk(breaker.permits)
    breaker.ended(first, undefined)
    t.ok(breaker.permits)
    breaker.ended(breaker.begin(), true)
    await becomes('closed')
    t.ok(breaker.permits)
  },
)

t.test(
  'a try that takes longer than `open_for` makes room for another; whichever has an outcome decides',
  async (t) => {
    const { breaker, becomes, outcomes, pass } = rig(t)
    outcomes(4, false)
    await becomes('half_open')
    const slow = breaker.begin()
    pass(19)
    t.notOk(breaker.permits)
    pass(1)
    t.ok(breaker.permits)
    const second = breaker.begin()
    t.notOk(breaker.permits, 'one more only')
    breaker.ended(slow, undefined)
    t.notOk(breaker.permits, 'the end of the first makes no room beside the second')
    breaker.ended(second, true)
    await becomes('closed')
  },
)

t.test('a failed try opens it again', async (t) => {
  const { breaker, becomes, outcomes, states } = rig(t)
  outcomes(4, false)
  await becomes('half_open')
  breaker.ended(breaker.begin(), false)
  await becomes('open')
  await becomes('half_open')
  t.same(states, ['open', 'half_open', 'open', 'half_open'])
})

t.test('once it has closed, the failures of before count no more', async (t) => {
  const { breaker, becomes, outcomes } = rig(t, { consecutive_failures: 5 })
  outcomes(400, false)
  await becomes('half_open')
  breaker.ended(breaker.begin(), true)
  await becomes('closed')
  outcomes(3, false)
  await new Promise(setImmediate)
  t.equal(breaker.state, 'closed', 'too few requests since')
  outcomes(1, false)
  await becomes('open')
})

for (const seed of [1, 2, 3]) {
  t.test(
    `however requests begin and end, an open one lets none through and a half open one a single one (${seed})`,
    async (t) => {
      let state = seed
      const pick = (below: number) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0
        return Math.floor((state / 2 ** 32) * below)
      }
      const { breaker, becomes, states } = rig(t, { open_for: 10, consecutive_failures: 3 })
      let running: { ticket: number; epoch: number }[] = []
      let most = 0
      for (let step = 0; step < 3000; step++) {
        const epoch = states.length
        if (breaker.permits && pick(2) === 0) {
          if (breaker.state === 'open') t.fail('it is open')
          running.push({ ticket: breaker.begin(), epoch })
        }
        if (breaker.state === 'half_open') most = Math.max(most, running.filter((each) => each.epoch === epoch).length)
        if (running.length > 0 && pick(2) === 0) {
          const [ended] = running.splice(pick(running.length), 1)
          if (ended !== undefined) breaker.ended(ended.ticket, [true, false, undefined][pick(3)])
        }
        if (pick(4) === 0) await new Promise(setImmediate)
        if (breaker.state === 'open' && pick(20) === 0) await becomes('half_open')
      }
      t.ok(states.includes('half_open'))
      t.equal(most, 1)
      for (const { ticket } of running) breaker.ended(ticket, undefined)
      running = []
      if (breaker.state === 'open') await becomes('half_open')
      t.ok(breaker.permits, 'and whatever was left undecided, it is not stuck')
    },
  )
}
