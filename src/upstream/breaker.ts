/**
 * The circuit breaker of one endpoint: opossum's state machine, fed with outcomes. While it is open, requests are not
 * sent; after a while one goes as a probe, and its outcome closes or opens it again.
 *
 * opossum is told of an outcome once there is one, rather than given the request to run: so what it waits for always
 * settles (a probe that does not would leave it half-open for good), and nobody waits for its promises. An outcome of a
 * request that began before the last change of state is not told: a late success must not close it. And each closing begins
 * with a new one, since opossum goes on counting the failures of before: a single further one would open it again.
 */
import CircuitBreaker from 'opossum'
import type { Clock } from '../core/clock.ts'
import type { BreakerConfig } from './schema-resilience.ts'

export const breakerStates = ['closed', 'half_open', 'open'] as const
export type BreakerState = (typeof breakerStates)[number]

type Outcome = (isGood: boolean) => Promise<void>

const outcome: Outcome = (isGood) => (isGood ? Promise.resolve() : Promise.reject(failure))
/** What opossum is told: which failure it was is in metrics and logs already. */
const failure = new Error('failed')

/** opossum keeps each latency for percentiles that nobody asks for: after so many outcomes they are dropped. */
const KEPT_LATENCIES = 1024

export class Breaker {
  readonly #config: BreakerConfig
  readonly #clock: Pick<Clock, 'now'>
  readonly #changed: (state: BreakerState) => void
  #circuit: CircuitBreaker
  #state: BreakerState = 'closed'
  /** Counts what begins, and the first of the present state. */
  #tickets = 0
  #first = 1
  /** The one that tries, and when it began; undefined: none does. */
  #probe = 0
  #probingSince: number | undefined = undefined
  /** Failures since the last success, and how many are too many; 0: no number is. */
  #consecutive = 0
  readonly #most: number
  #told = 0

  constructor(config: BreakerConfig, clock: Pick<Clock, 'now'>, changed: (state: BreakerState) => void) {
    this.#config = config
    this.#clock = clock
    this.#changed = changed
    this.#most = config.consecutive_failures
    this.#circuit = this.#make()
  }

  get state(): BreakerState {
    return this.#state
  }

  /** Whether a request may be sent now. */
  get permits(): boolean {
    return this.#state === 'closed' || (this.#state === 'half_open' && !this.#isProbing)
  }

  /** One that takes long may be waiting for its client, not for the endpoint: then another one tries beside it. */
  get #isProbing(): boolean {
    return this.#probingSince !== undefined && this.#clock.now() - this.#probingSince < this.#config.open_for
  }

  /** A request is sent. Returns the ticket to hand back with its outcome. */
  begin(): number {
    const ticket = ++this.#tickets
    if (this.#state === 'half_open') {
      this.#probe = ticket
      this.#probingSince = this.#clock.now()
    }
    return ticket
  }

  /** It ended. `isGood` is undefined when it was given up before an outcome was known. */
  ended(ticket: number, isGood: boolean | undefined): void {
    if (ticket < this.#first || this.#state === 'open') return
    if (ticket === this.#probe) this.#probingSince = undefined
    if (isGood === undefined) return
    this.#consecutive = isGood ? 0 : this.#consecutive + 1
    this.#circuit.fire(isGood).catch(nothing)
    if (++this.#told % KEPT_LATENCIES === 0) this.#dropLatencies()
    // A window that is still full of successes would let it go on for long.
    if (this.#most > 0 && this.#consecutive >= this.#most) this.#circuit.open()
  }

  /** Ends its timers. */
  stop(): void {
    this.#circuit.shutdown()
  }

  #dropLatencies(): void {
    for (const { latencyTimes } of this.#circuit.status.window) latencyTimes.length = 0
  }

  #make(): CircuitBreaker {
    const { error_rate, minimum_requests, window, open_for } = this.#config
    const circuit = new CircuitBreaker(outcome, {
      timeout: false,
      errorThresholdPercentage: error_rate * 100,
      volumeThreshold: minimum_requests,
      rollingCountTimeout: window,
      rollingCountBuckets: 10,
      resetTimeout: open_for,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
    })
    circuit.on('open', () => this.#become('open'))
    circuit.on('halfOpen', () => this.#become('half_open'))
    circuit.on('close', () => {
      circuit.shutdown()
      this.#circuit = this.#make()
      this.#become('closed')
    })
    return circuit
  }

  #become(state: BreakerState): void {
    if (state === this.#state) return
    this.#state = state
    this.#first = this.#tickets + 1
    this.#probingSince = undefined
    this.#consecutive = 0
    this.#changed(state)
  }
}

function nothing(): void {}
