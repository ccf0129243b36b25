/** The limit of an upstream before backends that misbehave, in simulated time. All requests look alike to it: the worst case. */
import t from 'tap'
import {
  type Nature,
  type Plan,
  quantile,
  Simulation,
  type Tally,
  type Traffic,
} from '../../test/harness/overload-simulation.ts'
import { SimulatedLimiter } from '../../test/harness/simulated-limiter.ts'

const everyKind = () => '/'
const forEver = { fromMs: 0, kinds: [0] }

function workers(count: number, workMs: number): Nature {
  return { workers: count, workMs: () => workMs }
}

/** Takes its time, however much is asked of it. */
function unlimited(workMs: (kind: number) => number): Nature {
  return { workers: Number.POSITIVE_INFINITY, workMs }
}

function steps(...rates: readonly [fromMs: number, toMs: number, perSecond: number][]): Traffic[] {
  return rates.map(([fromMs, toMs, perSecond]) => ({ fromMs, toMs, perSecond, kinds: [0] }))
}

function run(plan: Plan, untilMs: number, written: object = { adaptive: true }): Simulation {
  const simulation = new Simulation(plan)
  return simulation.run(new SimulatedLimiter(simulation, written, everyKind), untilMs)
}

const share = ({ ok, offered }: Tally) => ok / offered
const p99 = ({ latencies }: Tally) => quantile(latencies, 0.99)

for (const seed of [1, 2, 3]) {
  t.test(
    `three times the capacity is asked for: all of it is used, answers are quick, and all is well after (${seed})`,
    async (t) => {
      for (const workMs of [() => 20, (_kind: number, random: () => number) => -Math.log(1 - random()) * 20]) {
        const traffic = steps([0, 2000, 250], [2000, 10_000, 1500], [10_000, 15_000, 250])
        const simulation = run({ natureAt: () => ({ workers: 10, workMs }), traffic, patienceMs: 500, seed }, 16_000)
        const during = simulation.tally(2000, 10_000)
        t.ok(during.ok / 4000 >= 0.95, `goodput ${during.ok / 4000}`)
        t.ok(p99(during) <= 250, `p99 ${p99(during)}`)
        t.equal(share(simulation.tally(11_000, 15_000)), 1)
      }
    },
  )

  t.test(`important requests are all answered where the others are too many (${seed})`, async (t) => {
    const traffic = [
      { ...forEver, toMs: 2000, perSecond: 250 },
      { fromMs: 2000, toMs: 10_000, perSecond: 400, kinds: [0], priority: 0 },
      { fromMs: 2000, toMs: 10_000, perSecond: 1000, kinds: [0], priority: 3 },
    ]
    const simulation = run({ natureAt: () => workers(10, 20), traffic, patienceMs: 500, seed }, 11_000)
    t.ok(share(simulation.tally(2000, 10_000, ({ priority }) => priority === 0)) >= 0.99)
    t.ok(simulation.tally(2000, 10_000).ok / 4000 >= 0.95)
  })

  t.test(`nothing is refused while nothing is wrong, whatever answers take (${seed})`, async (t) => {
    const kinds = [5, 20, 50, 100, 200]
    const own = unlimited((kind) => kind)
    const mixed = (perSecond: number): Plan => ({
      natureAt: () => own,
      traffic: [{ fromMs: 0, toMs: 10_000, perSecond, kinds }],
      patienceMs: 5000,
      seed,
    })
    t.equal(share(run(mixed(200), 11_000).tally(0, 10_000)), 1, 'latencies from 5 to 200 ms')
    t.equal(share(run(mixed(2000), 11_000).tally(0, 10_000)), 1, 'the same ten times as often, from a cold start')
    const shifting = [
      { fromMs: 0, toMs: 5000, perSecond: 1000, kinds: [5] },
      { fromMs: 5000, toMs: 10_000, perSecond: 1000, kinds: [200] },
    ]
    t.equal(share(run({ ...mixed(0), traffic: shifting }, 11_000).tally(0, 10_000)), 1, 'what is asked changes')
    const surging = [
      { fromMs: 0, toMs: 3000, perSecond: 50, kinds: [200] },
      { fromMs: 3000, toMs: 8000, perSecond: 2000, kinds: [200] },
    ]
    t.equal(share(run({ ...mixed(0), traffic: surging }, 9000).tally(0, 8000)), 1, 'forty times as much is asked')
  })

  t.test(`a backend that turns slow but keeps pace is left alone, and found quick again after (${seed})`, async (t) => {
    const natureAt = (now: number) => unlimited(() => (now > 3000 && now < 8000 ? 500 : 20))
    const simulation = run({ natureAt, traffic: steps([0, 12_000, 500]), patienceMs: 5000, seed }, 13_000)
    t.equal(share(simulation.tally(0, 12_000)), 1)
  })

  t.test(`one that turns slow and does not keep pace gets less, and everything again after (${seed})`, async (t) => {
    const natureAt = (now: number) => workers(10, now > 5000 && now < 25_000 ? 200 : 20)
    const simulation = run({ natureAt, traffic: steps([0, 35_000, 400]), patienceMs: 500, seed }, 36_000)
    t.ok(
      simulation.tally(15_000, 25_000).ok / 500 >= 0.9,
      `${simulation.tally(15_000, 25_000).ok / 500} of what it can do`,
    )
    t.equal(share(simulation.tally(26_000, 35_000)), 1)
  })

  t.test(`where nobody waits long enough, the limit comes down all the same (${seed})`, async (t) => {
    const traffic = steps([0, 2000, 250], [2000, 15_000, 1500], [15_000, 20_000, 250])
    const simulation = run({ natureAt: () => workers(10, 20), traffic, patienceMs: 60, seed }, 21_000)
    const during = simulation.tally(4000, 15_000)
    t.ok(during.ok / 5500 >= 0.6, `goodput ${during.ok / 5500}`)
    t.equal(share(simulation.tally(15_500, 20_000)), 1)
  })

  t.test(`more capacity is found and used, less is noticed (${seed})`, async (t) => {
    const traffic = steps([0, 16_000, 3000])
    const more = run({ natureAt: (now) => workers(now > 8000 ? 40 : 10, 20), traffic, patienceMs: 500, seed }, 17_000)
    t.ok(more.tally(3000, 8000).ok / 2500 >= 0.9, `${more.tally(3000, 8000).ok / 2500}`)
    t.ok(more.tally(11_000, 16_000).ok / 10_000 >= 0.95, `${more.tally(11_000, 16_000).ok / 10_000}`)
    const less = run({ natureAt: (now) => workers(now > 8000 ? 5 : 40, 20), traffic, patienceMs: 500, seed }, 17_000)
    t.ok(less.tally(11_000, 16_000).ok / 1250 >= 0.95, `${less.tally(11_000, 16_000).ok / 1250}`)
  })
}

t.test('answers that wait for something to happen may take as long as they like', async (t) => {
  const traffic = [
    { fromMs: 0, toMs: 60_000, perSecond: 20, kinds: [30_000] },
    { fromMs: 0, toMs: 60_000, perSecond: 200, kinds: [20] },
  ]
  const simulation = run({ natureAt: () => unlimited((kind) => kind), traffic, patienceMs: 60_000 }, 100_000)
  t.equal(share(simulation.tally(0, 60_000)), 1)
})

t.test('one client that asks for too much does not take from those that ask for little', async (t) => {
  const modest = Array.from(
    { length: 10 },
    (_, i): Traffic => ({
      fromMs: 0,
      toMs: 10_000,
      perSecond: 30,
      kinds: [0],
      key: () => `modest-${i}`,
    }),
  )
  const greedy = { fromMs: 0, toMs: 10_000, perSecond: 2000, kinds: [0], key: () => 'greedy' }
  const plan = { natureAt: () => workers(10, 20), traffic: [greedy, ...modest], patienceMs: 500 }
  const simulation = run(plan, 11_000)
  t.ok(share(simulation.tally(2000, 10_000, ({ key }) => key !== 'greedy')) >= 0.95)
  t.ok(simulation.tally(2000, 10_000).ok / 4000 >= 0.95, 'and what they leave is used')
})

t.test('a fixed limit with a queue does as well as it was chosen', async (t) => {
  const plan = { natureAt: () => workers(10, 20), traffic: steps([0, 8000, 1500]), patienceMs: 500 }
  const during = run(plan, 9000, { adaptive: false, max: 10 }).tally(0, 8000)
  t.ok(during.ok / 4000 >= 0.95)
  t.ok(p99(during) <= 250)
})
