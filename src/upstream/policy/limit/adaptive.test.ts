/** The adaptive limit with its queue before simulated backends: discrete events, seeded dice, no clock. */
import t from 'tap'
import { AdaptiveLimit } from './adaptive.ts'
import { FairQueue, type Waiting } from './fair-queue.ts'

/** Mulberry32. */
function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Setup {
  readonly workers: number
  /** Milliseconds of work that a request takes, by kind and time. */
  workMs(kind: number, nowMs: number): number
  /** Requests a second. */
  rate(nowMs: number): number
  readonly kinds?: number
  readonly seconds: number
  readonly patienceMs?: number
  readonly seed?: number
}

interface Request extends Waiting {
  readonly kind: number
  readonly at: number
  isGone: boolean
}

interface Sample {
  readonly at: number
  readonly ms: number
}

interface Outcome {
  readonly good: Sample[]
  readonly offered: number[]
  readonly shed: number[]
  readonly limits: { at: number; limit: number }[]
}

/** An open loop of requests; the backend has a queue without bound and works for those who have gone as well. */
function simulate(setup: Setup): Outcome {
  const { workers, kinds = 1, seconds, patienceMs = 500, seed = 1 } = setup
  const roll = dice(seed)
  const limit = new AdaptiveLimit({ min: 8, max: 1000 })
  const queue = new FairQueue<Request>(1, 100)
  const freeAt = new Array<number>(workers).fill(0)
  const outcome: Outcome = { good: [], offered: [], shed: [], limits: [] }
  let inFlight = 0
  let meanMs = 0
  let ends: { at: number; from: number; request: Request }[] = []
  const send = (request: Request, now: number) => {
    inFlight++
    freeAt.sort((a, b) => a - b)
    const done = Math.max(freeAt[0] as number, now) + setup.workMs(request.kind, now)
    freeAt[0] = done
    ends.push({ at: done, from: now, request })
  }
  let now = 0
  let nextAt = 0
  while (now < seconds * 1000) {
    let end: (typeof ends)[number] | undefined
    for (const each of ends) if (end === undefined || each.at < end.at) end = each
    if (end !== undefined && end.at <= nextAt) {
      now = end.at
      ends = ends.filter((each) => each !== end)
      inFlight--
      const latencyMs = now - end.from
      meanMs += (latencyMs - meanMs) * 0.05
      limit.answered(now, end.request.kind, latencyMs, inFlight + 1, queue.length)
      if (now - end.request.at <= patienceMs) outcome.good.push({ at: now, ms: now - end.request.at })
    } else {
      now = nextAt
      nextAt = now - (Math.log(1 - roll()) * 1000) / setup.rate(now)
      outcome.offered.push(now)
      limit.asked()
      const kind = Math.floor(roll() * kinds)
      const links = { line: undefined, ahead: undefined, behind: undefined }
      const request: Request = { key: 'a', priority: 0, kind, at: now, isGone: false, ...links }
      if (inFlight < limit.limit && queue.length === 0) send(request, now)
      else {
        limit.held()
        if (queue.length >= 1000) queue.giveWay(0)
        queue.add(request, now)
      }
    }
    while (inFlight < limit.limit) {
      const waiting = queue.next(now)
      if (waiting === undefined) break
      if (now - waiting.at > 250) outcome.shed.push(now)
      else send(waiting, now)
    }
    if (outcome.offered.length % 50 === 0) outcome.limits.push({ at: now, limit: limit.limit })
  }
  return outcome
}

function between(samples: readonly Sample[], fromMs: number, toMs: number): Sample[] {
  return samples.filter(({ at }) => at >= fromMs && at < toMs)
}

function p99(samples: readonly Sample[]): number {
  const sorted = samples.map(({ ms }) => ms).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length * 0.99)] as number
}

for (const seed of [1, 2, 3]) {
  t.test(
    `three times the capacity: nearly all of it is used, answers stay quick, and all is well after (seed ${seed})`,
    async (t) => {
      const rate = (now: number) => (now < 2000 ? 250 : now < 12_000 ? 1500 : 250)
      const { good } = simulate({ workers: 10, workMs: () => 20, rate, seconds: 17, seed })
      const during = between(good, 2000, 12_000)
      t.ok(during.length / 5000 >= 0.95, `goodput ${during.length / 5000}`)
      t.ok(p99(during) <= 250, `p99 ${p99(during)}`)
      const after = between(good, 13_000, 17_000)
      t.ok(after.length >= 4 * 250 * 0.9 && p99(after) < 60, `${after.length} after, p99 ${p99(after)}`)
    },
  )

  t.test(`work that differs is as good (seed ${seed})`, async (t) => {
    const roll = dice(seed + 100)
    const workMs = (kind: number) => ([5, 20, 60][kind] as number) * (0.5 + roll())
    const { good } = simulate({ workers: 10, workMs, kinds: 3, rate: () => 1000, seconds: 12, seed })
    const during = between(good, 2000, 12_000)
    t.ok(during.length / 10 / 353 >= 0.9, `${during.length / 10}/s of 353`)
    t.ok(p99(during) <= 400, `p99 ${p99(during)}`)
  })

  t.test(`a start in the middle of an overload finds its way (seed ${seed})`, async (t) => {
    const { good, limits } = simulate({ workers: 10, workMs: () => 20, rate: () => 1500, seconds: 20, seed })
    const late = between(good, 12_000, 20_000)
    t.ok(late.length / 4000 >= 0.95, `goodput ${late.length / 4000}`)
    t.ok(p99(late) <= 250, `p99 ${p99(late)}, limit ${limits.at(-1)?.limit}`)
  })
}

t.test('where nothing is wrong, nothing is held back, whatever is asked', async (t) => {
  const many = { workers: 10_000, seconds: 20, patienceMs: 5000 }
  const mixed = simulate({
    ...many,
    kinds: 5,
    workMs: (kind) => [5, 20, 50, 100, 200][kind] as number,
    rate: () => 200,
  })
  t.equal(mixed.shed.length, 0)
  const roll = dice(9)
  const noisy = simulate({ ...many, workMs: () => 20 - Math.log(1 - roll()) * 30, rate: () => 1000 })
  t.equal(noisy.shed.length, 0)
  t.ok(p99(noisy.good) < 200)
  const shifting = simulate({
    ...many,
    kinds: 2,
    workMs: (kind, now) => (kind === 0 ? 5 : now < 10_000 ? 5 : 400),
    rate: () => 200,
  })
  t.ok(shifting.shed.length < 10, `${shifting.shed.length} when one kind turned slow`)
})

t.test('a slow spell that no limit could help costs little, and is over when it is over', async (t) => {
  const workMs = (_kind: number, now: number) => (now >= 5000 && now < 10_000 ? 100 : 20)
  const { good, offered } = simulate({ workers: 10_000, workMs, rate: () => 250, seconds: 15 })
  const share = (from: number, to: number) =>
    between(good, from, to).length / offered.filter((at) => at >= from && at < to).length
  t.ok(share(5000, 10_000) > 0.9, `${share(5000, 10_000)} during`)
  t.ok(share(11_000, 15_000) > 0.98, `${share(11_000, 15_000)} after`)
})

t.test('more capacity is found and used', async (t) => {
  const workMs = (_kind: number, now: number) => (now < 10_000 ? 20 : 5)
  const { good } = simulate({ workers: 10, workMs, rate: () => 1500, seconds: 20 })
  const later = between(good, 14_000, 20_000)
  t.ok(later.length / 6 / 1500 > 0.95, `${later.length / 6}/s of 1500`)
})

t.test('less capacity is noticed', async (t) => {
  const workMs = (_kind: number, now: number) => (now < 5000 ? 20 : 60)
  const { good } = simulate({ workers: 30, workMs, rate: () => 1200, seconds: 20 })
  const later = between(good, 10_000, 20_000)
  t.ok(later.length / 10 / 500 > 0.9, `${later.length / 10}/s of 500`)
  t.ok(p99(later) < 350, `p99 ${p99(later)}`)
})
