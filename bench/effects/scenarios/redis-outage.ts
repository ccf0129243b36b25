import { gateway } from '../configurations.ts'
import { RedisServer } from '../redis.ts'
import { count, exactly, within } from '../rows.ts'
import type { Figures, Happening, Row, Scenario } from '../scenario.ts'
import type { Phase } from '../schedule.ts'
import { sharing } from './caching.ts'
import { classOf, failedOf, phaseOf } from './common.ts'

const server = new RedisServer()
const RATE = 300
const OBJECTS = 200
/** Every one is asked for about three times before it is stale: so a third of the requests is for the origin, or Redis. */
const headers = { 'cache-control': 'max-age=2' }
const paths = Array.from({ length: OBJECTS }, (_, i) => `/object/${i}`)
/** Until the instance is back where it was. */
const RECOVERY_SECONDS = 3

/** Two instances that do the same at the same time, one of which has a Redis. */
function both(name: string, seconds: number): Phase {
  const stream = (of: string, instance: number) => ({ class: of, instance, rate: RATE, paths })
  return { name, seconds, streams: [stream('with', 0), stream('without', 1)] }
}

const outages: readonly { readonly name: string; begin(): unknown; end(): unknown }[] = [
  { name: 'killed', begin: () => server.kill(), end: () => server.up() },
  { name: 'paused', begin: () => server.pause(), end: () => server.resume() },
  { name: 'flushed', begin: () => server.flush(), end: () => server.flush() },
]

const rowsOf = ({ name }: { readonly name: string }): Row[] => [
  exactly(`Redis ${name} under load: failed`, `${name}Failed`, 0, count),
  within('same: p99 meanwhile, and that of an instance without Redis', `${name}P99`, `${name}P99Without`, 1.2, 5),
]

export const redisOutage: Scenario = {
  name: 'redis-outage',
  about: 'The Redis in which instances share what they have is killed, paused (SIGSTOP) and flushed in turn.',
  seconds: 5,
  backends: [{ behaviour: { ms: 10, headers } }],
  services: [server],
  instances: 2,
  configurations: {
    gateway: (site) => (site.index === 0 ? sharing()(site) : gateway(site, { route: 'cache: true' })),
  },
  async measure(stage) {
    const phases = [both('warm-up', RECOVERY_SECONDS)]
    const happenings: Happening[] = []
    let atSecond = RECOVERY_SECONDS
    for (const { name, begin, end } of outages) {
      phases.push(both(name, stage.seconds), both(`after ${name}`, RECOVERY_SECONDS))
      happenings.push({ atSecond, act: begin }, { atSecond: atSecond + stage.seconds, act: end })
      atSecond += stage.seconds + RECOVERY_SECONDS
    }
    const result = await stage.load({ timeoutMs: 5000, phases }, happenings)
    const figures: Record<string, number> = {}
    for (const { name } of outages) {
      const [during, after] = [phaseOf(result, name), phaseOf(result, `after ${name}`)]
      figures[`${name}Failed`] = failedOf(classOf(during, 'with')) + failedOf(classOf(after, 'with'))
      figures[`${name}P99`] = classOf(during, 'with').p99Ms
      figures[`${name}P99Without`] = classOf(during, 'without').p99Ms
    }
    return figures satisfies Figures
  },
  rows: outages.flatMap(rowsOf),
}
