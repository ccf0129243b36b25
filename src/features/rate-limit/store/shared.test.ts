/** The script in a real Redis against the policy in memory: the same decisions for the same requests. */
import t from 'tap'
import { TestRedis } from '../../../../test/harness/redis.ts'
import type { SharedState } from '../../../core/shared-state.ts'
import { arrivalAfter } from '../policy/gcra.ts'
import { askShared } from './shared.ts'

/** Straight to the server; its TIME in place of a clock. */
function direct(redis: TestRedis): SharedState {
  const absent = () => {
    throw new Error('not used')
  }
  return {
    isUp: true,
    hasSilentLoss: false,
    identity: 'this test',
    prefix: 'test:',
    call: absent,
    run: ({ lua }, keys, args) => redis.ask('EVAL', lua, keys.length, ...keys, ...(args as number[])),
    publish: absent,
    subscribe: absent,
  }
}

t.test('Redis and memory decide alike on random schedules of several limits', async (t) => {
  const redis = await TestRedis.start()
  t.teardown(() => redis.close())
  const state = direct(redis)
  let seed = 42
  const roll = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  for (let round = 0; round < 20; round++) {
    // Intervals so long that the time that passes meanwhile decides nothing.
    const levels = [1, 2, 3].map((n) => ({
      intervalMs: 3_600_000 * (1 + roll(3)),
      burst: 1 + roll(6),
      cost: 1,
      isDryRun: n === 3 && roll(2) === 0,
    }))
    const arrivals = new Map<string, number>()
    for (let i = 0; i < 25; i++) {
      const questions = levels.map((level, n) => ({ level, paceMs: 0, key: `${round} ${n} ${roll(2)}` }))
      const answers = await askShared(state, questions)
      const expected = questions.map(({ level, key }) => arrivalAfter(arrivals.get(key) ?? 0, 1000, level.cost, level))
      t.same(
        answers.map(({ isPassed }) => isPassed),
        expected.map((next) => !Number.isNaN(next)),
      )
      const isRefused = expected.some((next, n) => Number.isNaN(next) && levels[n]?.isDryRun === false)
      for (const [n, { key }] of questions.entries()) {
        if (!isRefused && !Number.isNaN(expected[n])) arrivals.set(key, expected[n] as number)
      }
    }
  }
  const [key] = (await redis.ask('KEYS', '*')) as string[]
  t.match(key, /^test:\{limits\}:/)
  t.ok(Number(await redis.ask('PTTL', key as string)) > 0, 'keys expire by themselves')
})
