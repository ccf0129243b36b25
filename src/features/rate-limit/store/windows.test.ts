/** Quotas as rate-limiter-flexible counts them in our stores: in memory, and in a real Redis, alike. */
import fc from 'fast-check'
import { type RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import t from 'tap'
import { VirtualClock } from '../../../../test/harness/clock.ts'
import { TestRedis } from '../../../../test/harness/redis.ts'
import type { Counter } from '../../../core/metrics.ts'
import { type SharedState, SharedStateError } from '../../../core/shared-state.ts'
import { MemoryWindows, SharedWindows, windowLimiter } from './windows.ts'

async function consume(windows: RateLimiterRedis, key: string, cost = 1): Promise<[boolean, number]> {
  try {
    return [true, (await windows.consume(key, cost)).remainingPoints]
  } catch (thrown) {
    if (thrown instanceof RateLimiterRes) return [false, thrown.remainingPoints]
    throw thrown
  }
}

function shared(run: SharedState['run']): SharedState {
  const absent = () => {
    throw new Error('not used')
  }
  return {
    isUp: true,
    hasSilentLoss: false,
    identity: 'this test',
    prefix: 'test:',
    call: absent,
    run,
    publish: absent,
    subscribe: absent,
  }
}

t.test('a window begins with a first request, holds its quota, and begins anew when it is over', async (t) => {
  const clock = new VirtualClock()
  const windows = windowLimiter({ points: 3, windowMs: 60_000, client: new MemoryWindows(clock) })
  t.same(await consume(windows, 'a'), [true, 2])
  clock.advance(59_999)
  t.same(await consume(windows, 'a'), [true, 1])
  t.same(await consume(windows, 'b'), [true, 2], 'another key has its own')
  t.same(await consume(windows, 'a', 2), [false, 0], 'what does not fit is not counted')
  t.same(await consume(windows, 'a'), [true, 0])
  t.same(await consume(windows, 'a'), [false, 0])
  clock.advance(1)
  t.same(await consume(windows, 'a'), [true, 2])
})

t.test('in no window more than the quota is let through, whatever is asked and given back', async () => {
  const step = fc.record({ cost: fc.integer({ min: 1, max: 4 }), pauseMs: fc.integer({ min: 0, max: 400 }) })
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 9 }), fc.array(step, { maxLength: 40 }), async (quota, steps) => {
      const clock = new VirtualClock()
      const windows = windowLimiter({ points: quota, windowMs: 1000, client: new MemoryWindows(clock) })
      let [endsAt, used] = [Number.NEGATIVE_INFINITY, 0]
      for (const { cost, pauseMs } of steps) {
        clock.advance(pauseMs)
        if (clock.now() >= endsAt) [endsAt, used] = [clock.now() + 1000, 0]
        const [isPassed, remaining] = await consume(windows, 'a', cost)
        if (isPassed !== used + cost <= quota) return false
        if (isPassed) used += cost
        // A window begins with what passes first.
        else if (used === 0) endsAt = Number.NEGATIVE_INFINITY
        if (isPassed && remaining !== quota - used) return false
      }
      return true
    }),
  )
})

t.test('Redis and memory decide alike', async (t) => {
  const redis = await TestRedis.start()
  t.teardown(() => redis.close())
  const state = shared(({ lua }, keys, args) => redis.ask('EVAL', lua, keys.length, ...keys, ...(args as number[])))
  const clock = new VirtualClock()
  const degraded = { value: 0 } as Counter
  for (const quota of [1, 3, 10]) {
    const sizes = { points: quota, windowMs: 3_600_000 }
    const memory = windowLimiter({ ...sizes, client: new MemoryWindows(clock) })
    const elsewhere = windowLimiter({ ...sizes, client: new SharedWindows(state, degraded) })
    for (let i = 0; i < 30; i++) {
      const [key, cost] = [`${quota} ${i % 2}`, 1 + (i % 3)]
      t.same(await consume(elsewhere, key, cost), await consume(memory, key, cost), `${quota}, ${i}`)
      if (i % 7 === 0) await Promise.all([elsewhere.reward(key, 1), memory.reward(key, 1)])
    }
  }
  t.equal(degraded.value, 0)
  const [key] = (await redis.ask('KEYS', '*')) as string[]
  t.ok(Number(await redis.ask('PTTL', key as string)) > 0, 'keys expire by themselves')
})

t.test('while Redis does not answer, each instance counts for itself', async (t) => {
  const state = shared(() => Promise.reject(new SharedStateError('down', 'not connected')))
  const degraded = { value: 0 } as Counter
  const sizes = { points: 2, windowMs: 1000 }
  const insurance = windowLimiter({ ...sizes, client: new MemoryWindows(new VirtualClock()) })
  const windows = windowLimiter({ ...sizes, client: new SharedWindows(state, degraded), insurance })
  t.same(
    [await consume(windows, 'a'), await consume(windows, 'a'), await consume(windows, 'a')],
    [
      [true, 1],
      [true, 0],
      [false, 0],
    ],
  )
  t.equal(degraded.value, 3)
})

t.test(
  'keys without number take bounded room, and who displaces another has no more than was left to that one',
  async (t) => {
    const memory = new MemoryWindows(new VirtualClock())
    const windows = windowLimiter({ points: 5, windowMs: 60_000, client: memory })
    for (let i = 0; i < 100_000; i++) await windows.consume(`key ${i}`, 2)
    t.equal(memory.size, 100_000)
    t.same(await consume(windows, 'new', 1), [true, 2], 'it takes over what the other had used')
    t.equal(memory.size, 100_000)
  },
)
