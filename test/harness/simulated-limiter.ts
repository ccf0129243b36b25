/** An upstream's limiter as an admission of the simulation: the real one, with the simulation's clock and without sockets. */
import type { Clock } from '../../src/core/clock.ts'
import type { RequestHead, ResponseHead } from '../../src/core/message.ts'
import { Limiter, type Waiter } from '../../src/upstream/limiter.ts'
import type { Line, Waiting } from '../../src/upstream/policy/limit/fair-queue.ts'
import { concurrencySchema } from '../../src/upstream/schema-resilience.ts'
import { testDeps } from './deps.ts'
import { requestHead } from './exchange.ts'
import type { Admission, Agenda, SimulatedRequest, Simulation } from './overload-simulation.ts'

export class SimulatedLimiter implements Admission {
  readonly #agenda: Agenda
  readonly #limiter: Limiter
  readonly #pathOf: (kind: number) => string

  /** @param pathOf requests of one path are one kind of requests to the limiter */
  constructor(simulation: Simulation, written: object, pathOf: (kind: number) => string) {
    this.#agenda = simulation.agenda
    this.#pathOf = pathOf
    const config = concurrencySchema.parse(written)
    if (config === false) throw new Error('no limit to simulate')
    this.#limiter = new Limiter('u', config, testDeps({ clock: clockOf(this.#agenda) }), (task) => task())
  }

  get limit(): number {
    return this.#limiter.limit
  }

  arrived(request: SimulatedRequest, send: (answered: () => void) => void, refused: () => void): { left(): void } {
    const limiter = this.#limiter
    const passage = new Passage(this, request, send, refused)
    if (limiter.tryBegin()) {
      passage.go()
      return passage
    }
    const why = limiter.enqueue(passage, this.#agenda.now)
    if (why !== undefined) passage.refuse()
    else {
      this.#agenda.at(this.#agenda.now + limiter.queueMs, () => {
        if (passage.isWaiting && limiter.withdraw(passage)) passage.refuse()
      })
    }
    return passage
  }

  get parts(): { agenda: Agenda; limiter: Limiter; pathOf: (kind: number) => string } {
    return { agenda: this.#agenda, limiter: this.#limiter, pathOf: this.#pathOf }
  }
}

class Passage implements Waiter {
  readonly key: string
  readonly priority: number
  readonly deadlineAt = Number.POSITIVE_INFINITY
  readonly waitingSince: number
  line: Line | undefined = undefined
  ahead: Waiting | undefined = undefined
  behind: Waiting | undefined = undefined
  readonly #agenda: Agenda
  readonly #limiter: Limiter
  readonly #head: RequestHead
  readonly #send: (answered: () => void) => void
  readonly #refused: () => void
  #state: 'waiting' | 'sent' | 'over' = 'waiting'
  #sentAt = 0

  constructor(
    to: SimulatedLimiter,
    request: SimulatedRequest,
    send: (answered: () => void) => void,
    refused: () => void,
  ) {
    const { agenda, limiter, pathOf } = to.parts
    this.#agenda = agenda
    this.#limiter = limiter
    this.#head = requestHead({ path: pathOf(request.kind) })
    this.#send = send
    this.#refused = refused
    this.key = request.key
    this.priority = request.priority
    this.waitingSince = agenda.now
  }

  get isWaiting(): boolean {
    return this.#state === 'waiting'
  }

  go(): void {
    this.#state = 'sent'
    this.#sentAt = this.#agenda.now
    this.#send(() => {
      this.#state = 'over'
      this.#limiter.answered(this.#head, this.#sentAt, good)
      if (this.#limiter.isHeldToEnd) this.#limiter.ended()
    })
  }

  admitted(): boolean {
    if (!this.isWaiting) return false
    this.go()
    return true
  }

  refuse(): void {
    if (!this.isWaiting) return
    this.#state = 'over'
    this.#refused()
  }

  left(): void {
    if (this.isWaiting) this.#limiter.withdraw(this)
    else if (this.#state === 'sent') this.#limiter.abandoned(this.#head, this.#sentAt)
    this.#state = 'over'
  }
}

const good: ResponseHead = { status: 200, reason: '', headers: [] }

function clockOf(agenda: Agenda): Clock {
  const after = (delayMs: number, task: () => void) => {
    let isOn = true
    agenda.at(agenda.now + delayMs, () => {
      if (isOn) task()
    })
    return {
      cancel: () => {
        isOn = false
      },
    }
  }
  const every = (intervalMs: number, task: () => void) => {
    let timer = { cancel: () => {} }
    const again = () => {
      timer = after(intervalMs, () => {
        again()
        task()
      })
    }
    again()
    return { cancel: () => timer.cancel() }
  }
  return { now: () => agenda.now, wall: () => agenda.now, after, every }
}
