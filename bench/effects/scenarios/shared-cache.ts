import { Agent, get } from 'node:http'
import { median } from '../../report.ts'
import { RedisServer } from '../redis.ts'
import { atMost, count, exactly, merely, milliseconds } from '../rows.ts'
import type { Scenario, Stage } from '../scenario.ts'
import { RUSH_SECONDS, reached, rushes, sharing } from './caching.ts'
import { failedOf, phaseOf, steady } from './common.ts'

const PURGES = 100
/** A purge that the other instance has not obeyed by then never arrives. */
const GIVE_UP_MS = 2000

/** Whether the answer came from what is stored. */
type Ask = (port: number, path: string, method?: string) => Promise<boolean>

async function withClient<T>(use: (ask: Ask) => Promise<T>): Promise<T> {
  const agent = new Agent({ keepAlive: true })
  const ask: Ask = (port, path, method = 'GET') =>
    new Promise((resolve, reject) => {
      const request = get({ agent, port, path, method, host: '127.0.0.1', headers: { host: 'app.test' } }, (answer) => {
        answer.resume()
        const status = String(answer.headers['cache-status'])
        answer.once('end', () => resolve(/; hit/.test(status)))
      })
      request.once('error', reject)
    })
  try {
    return await use(ask)
  } finally {
    agent.destroy()
  }
}

/** The longest time from sending a purge to one instance until the other is asked and does not answer from what it had. */
async function slowestPurge([one = 0, two = 0]: readonly number[]): Promise<number> {
  return withClient(async (ask) => {
    let slowest = 0
    for (let i = 0; i < PURGES; i++) {
      const path = `/purged/${i}`
      await ask(one, path)
      await ask(two, path)
      if (!(await ask(two, path))) throw new Error(`${path} is not kept`)
      const start = performance.now()
      await ask(one, path, 'PURGE')
      let askedAt = performance.now()
      while ((await ask(two, path)) && askedAt - start < GIVE_UP_MS) askedAt = performance.now()
      slowest = Math.max(slowest, askedAt - start)
    }
    return slowest
  })
}

/** Fetches of objects that many ask two instances for at once, per object. */
async function coldFetches(stage: Stage): Promise<{ fetches: number; failed: number; p99: number }> {
  const warming = [steady('warm-up', 2, 500), ...rushes('warm')]
  const seconds = warming.reduce((sum, phase) => sum + phase.seconds, 0)
  const cold = rushes('cold')
  let before = Number.NaN
  const note = async () => {
    before = await reached(stage)
  }
  const plan = { timeoutMs: 5000, phases: [...warming, ...cold] }
  const result = await stage.load(plan, [{ atSecond: seconds - 0.2, act: note }])
  const phases = cold.map(({ name }) => phaseOf(result, name))
  return {
    fetches: ((await reached(stage)) - before) / cold.length,
    failed: phases.reduce((sum, phase) => sum + failedOf(phase), 0),
    p99: median(phases.map(({ p99Ms }) => p99Ms)),
  }
}

export const sharedCache: Scenario = {
  name: 'shared-cache',
  about: 'Two instances with one Redis: a purge on one, and a thousand clients of both for one cold object (100 ms).',
  seconds: RUSH_SECONDS,
  backends: [{ behaviour: { ms: 100, headers: { 'cache-control': 'max-age=600' } } }],
  services: [new RedisServer()],
  instances: 2,
  configurations: { gateway: sharing({ route: 'cache: {purge: {allow: [127.0.0.1]}}' }) },
  async measure(stage) {
    const cold = await coldFetches(stage)
    return { ...cold, slowestPurge: await slowestPurge(stage.ports) }
  },
  rows: [
    exactly('two instances with Redis, one cold object: origin fetches', 'fetches', 1, count),
    exactly('same: failed', 'failed', 0, count),
    merely('same: p99', 'p99', milliseconds),
    atMost(`${PURGES} purges on one: until the other obeys, longest`, 'slowestPurge', 100, milliseconds),
  ],
}
