/**
 * A hashed timing wheel (Varghese and Lauck, 1987, scheme 6): every deadline of the data path shares one
 * clock timer, and arming, moving and disarming are a few pointer writes. Node's own timers cost an object,
 * a closure and a list search per request.
 *
 * A deadline fires at the first tick at or after its time: never early, and less than two TICK_MS late, since the
 * clock's ticks need not fall on the wheel's.
 * A deadline that moves later while armed is only noted; it is re-filed when its old slot comes up.
 */
import type { Clock, Timer } from './clock.ts'

const TICK_MS = 10
const SLOTS = 1024

/** One re-armable deadline. Owned by one exchange or attempt, re-used for its successive waits. */
export class Deadline {
  /** Clock time in milliseconds, or Infinity when disarmed. */
  at = Number.POSITIVE_INFINITY
  slot = -1
  before: Deadline | undefined = undefined
  behind: Deadline | undefined = undefined
  readonly expire: () => void

  /** @param expire called once each time the deadline is reached; it is disarmed by then. */
  constructor(expire: () => void) {
    this.expire = expire
  }
}

export class Wheel {
  readonly #clock: Clock
  readonly #slots: (Deadline | undefined)[] = new Array(SLOTS).fill(undefined)
  #armed = 0
  /** The last tick that was handled. */
  #tick = 0
  #timer: Timer | undefined = undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How many deadlines are armed now. */
  get armed(): number {
    return this.#armed
  }

  /** Arms or moves `deadline` to the clock time `atMs`; Infinity disarms it. */
  arm(deadline: Deadline, atMs: number): void {
    if (atMs === Number.POSITIVE_INFINITY) {
      this.disarm(deadline)
      return
    }
    if (deadline.slot >= 0 && atMs >= deadline.at) {
      deadline.at = atMs
      return
    }
    if (deadline.slot >= 0) this.#unlink(deadline)
    deadline.at = atMs
    if (this.#timer === undefined) {
      this.#tick = Math.floor(this.#clock.now() / TICK_MS)
      this.#timer = this.#clock.every(TICK_MS, () => this.#advance())
    }
    this.#link(deadline)
  }

  /** Disarms `deadline`; harmless when it is not armed. */
  disarm(deadline: Deadline): void {
    if (deadline.slot < 0) return
    this.#unlink(deadline)
    deadline.at = Number.POSITIVE_INFINITY
  }

  /** Drops every deadline without firing it and stops the timer. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (let slot = 0; slot < SLOTS; slot++) {
      for (let d = this.#slots[slot]; d !== undefined; d = this.#slots[slot]) this.disarm(d)
    }
  }

  #link(deadline: Deadline): void {
    const tick = Math.max(Math.ceil(deadline.at / TICK_MS), this.#tick + 1)
    const slot = tick % SLOTS
    const first = this.#slots[slot]
    deadline.slot = slot
    deadline.before = undefined
    deadline.behind = first
    if (first !== undefined) first.before = deadline
    this.#slots[slot] = deadline
    this.#armed++
  }

  #unlink(deadline: Deadline): void {
    const { before, behind } = deadline
    if (before === undefined) this.#slots[deadline.slot] = behind
    else before.behind = behind
    if (behind !== undefined) behind.before = before
    deadline.before = undefined
    deadline.behind = undefined
    deadline.slot = -1
    this.#armed--
  }

  #advance(): void {
    const now = this.#clock.now()
    const target = Math.floor(now / TICK_MS)
    // After a stall longer than one turn, every slot is due once; going round again would find nothing new.
    if (target - this.#tick > SLOTS) this.#tick = target - SLOTS
    while (this.#tick < target) {
      this.#tick++
      this.#visit(this.#tick % SLOTS, now)
    }
    if (this.#armed > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #visit(slot: number, now: number): void {
    // Detached first: what expires may arm or disarm any deadline, in this slot too.
    const due: Deadline[] = []
    for (let d = this.#slots[slot]; d !== undefined; d = d.behind) due.push(d)
    for (const deadline of due) {
      if (deadline.slot !== slot) continue
      const isDue = deadline.at <= now
      this.#unlink(deadline)
      if (isDue) {
        deadline.at = Number.POSITIVE_INFINITY
        deadline.expire()
      } else {
        this.#link(deadline)
      }
    }
  }
}
