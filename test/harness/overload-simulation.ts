/**
 * A discrete-event simulation of clients, an admission before a backend, and the backend: minutes of overload in
 * milliseconds, without a socket. The backend is what legacy backends are: so many workers, an endless queue, and no idea
 * whether anybody still waits for what it works on.
 */
import type { Random } from '../../src/core/clock.ts'

/** A seeded generator (mulberry32). */
export function dice(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Event {
  readonly at: number
  readonly order: number
  readonly act: () => void
}

/** Events in order of time: a binary heap. */
export class Agenda {
  now = 0
  readonly #heap: Event[] = []
  #order = 0

  at(ms: number, act: () => void): void {
    const heap = this.#heap
    const event = { at: Math.max(ms, this.now), order: this.#order++, act }
    let i = heap.push(event) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBefore(event, heap[parent] as Event)) break
      heap[i] = heap[parent] as Event
      i = parent
    }
    heap[i] = event
  }

  run(untilMs: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= untilMs; next = this.#heap[0]) {
      this.#pop()
      this.now = next.at
      next.act()
    }
    this.now = untilMs
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Event
    if (heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child++
      if (!isBefore(heap[child] as Event, last)) break
      heap[i] = heap[child] as Event
      i = child
    }
    heap[i] = last
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/** What a backend is at a moment. Infinity workers: latency only. */
export interface Nature {
  readonly workers: number
  /** Time of one worker for a request of that kind. */
  readonly workMs: (kind: number, random: Random) => number
}

class SimulatedBackend {
  readonly #agenda: Agenda
  readonly #random: Random
  readonly #natureAt: (nowMs: number) => Nature
  readonly #queue: { kind: number; done: () => void }[] = []
  #head = 0
  #busy = 0

  constructor(agenda: Agenda, random: Random, natureAt: (nowMs: number) => Nature) {
    this.#agenda = agenda
    this.#random = random
    this.#natureAt = natureAt
  }

  send(kind: number, done: () => void): void {
    this.#queue.push({ kind, done })
    this.#work()
  }

  #work(): void {
    const { workers, workMs } = this.#natureAt(this.#agenda.now)
    while (this.#busy < workers && this.#head < this.#queue.length) {
      const next = this.#queue[this.#head++] as { kind: number; done: () => void }
      if (this.#head > 4096) {
        this.#queue.splice(0, this.#head)
        this.#head = 0
      }
      this.#busy++
      this.#agenda.at(this.#agenda.now + workMs(next.kind, this.#random), () => {
        this.#busy--
        next.done()
        this.#work()
      })
    }
  }
}

/** One request from its client's point of view. */
export interface SimulatedRequest {
  readonly kind: number
  readonly arrivedAt: number
  readonly priority: number
  readonly key: string
}

/** What stands before the backend. */
export interface Admission {
  /** @param send sends it to the backend; calls back when the answer is here */
  arrived(request: SimulatedRequest, send: (answered: () => void) => void, refused: () => void): { left(): void }
}

export interface Traffic {
  readonly fromMs: number
  readonly toMs: number
  readonly perSecond: number
  readonly kinds: readonly number[]
  readonly priority?: number
  readonly key?: (n: number) => string
}

export interface Plan {
  readonly natureAt: (nowMs: number) => Nature
  readonly traffic: readonly Traffic[]
  readonly patienceMs: number
  readonly seed?: number
}

/** What became of the requests that arrived from `fromMs` until `toMs`. */
export interface Tally {
  offered: number
  ok: number
  refused: number
  leftUnanswered: number
  readonly latencies: number[]
}

export class Simulation {
  readonly agenda = new Agenda()
  readonly #random: Random
  readonly #backend: SimulatedBackend
  readonly #plan: Plan
  readonly #ends: { request: SimulatedRequest; at: number; how: 'ok' | 'refused' | 'left' }[] = []

  constructor(plan: Plan) {
    this.#plan = plan
    this.#random = dice(plan.seed ?? 1)
    this.#backend = new SimulatedBackend(this.agenda, this.#random, plan.natureAt)
  }

  run(admission: Admission, untilMs: number): this {
    for (const traffic of this.#plan.traffic) this.#arrive(admission, traffic, traffic.fromMs, 0)
    this.agenda.run(untilMs)
    return this
  }

  tally(fromMs: number, toMs: number, isCounted: (request: SimulatedRequest) => boolean = () => true): Tally {
    const tally: Tally = { offered: 0, ok: 0, refused: 0, leftUnanswered: 0, latencies: [] }
    for (const { request, at, how } of this.#ends) {
      if (request.arrivedAt < fromMs || request.arrivedAt >= toMs) continue
      if (!isCounted(request)) continue
      tally.offered++
      if (how === 'ok') {
        tally.ok++
        tally.latencies.push(at - request.arrivedAt)
      } else if (how === 'refused') tally.refused++
      else tally.leftUnanswered++
    }
    tally.latencies.sort((a, b) => a - b)
    return tally
  }

  #arrive(admission: Admission, traffic: Traffic, afterMs: number, n: number): void {
    const at = afterMs - (Math.log(1 - this.#random()) * 1000) / traffic.perSecond
    if (at >= traffic.toMs) return
    this.agenda.at(at, () => {
      const kinds = traffic.kinds
      const request: SimulatedRequest = {
        kind: kinds[Math.floor(this.#random() * kinds.length)] as number,
        arrivedAt: at,
        priority: traffic.priority ?? 2,
        key: traffic.key?.(n) ?? String(n),
      }
      this.#one(admission, request)
      this.#arrive(admission, traffic, at, n + 1)
    })
  }

  #one(admission: Admission, request: SimulatedRequest): void {
    let isOver = false
    const end = (how: 'ok' | 'refused' | 'left') => {
      isOver = true
      this.#ends.push({ request, at: this.agenda.now, how })
    }
    const admitted = admission.arrived(
      request,
      (answered) =>
        this.#backend.send(request.kind, () => {
          if (isOver) return
          answered()
          end('ok')
        }),
      () => {
        if (!isOver) end('refused')
      },
    )
    this.agenda.at(request.arrivedAt + this.#plan.patienceMs, () => {
      if (isOver) return
      end('left')
      admitted.left()
    })
  }
}

export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(Math.floor(sorted.length * q), sorted.length - 1)] ?? Number.NaN
}
