/**
 * Passive outlier ejection: which endpoint is to be left alone, as seen from the requests themselves, and for how long
 * (after Envoy's outlier detection). An endpoint stands out against its peers: where these fail as well, or there are
 * none, leaving it alone helps nobody.
 */

export interface OutlierOptions {
  /** Failures in a row; 0: not looked at. */
  readonly consecutive_errors: number
  /** Share of failures within the window; 0: not looked at. */
  readonly error_rate: number
  readonly minimum_requests: number
  readonly window: number
  /** Times the median latency of the peers; 0: not looked at. */
  readonly slow_factor: number
  /** Time without an outcome while several requests wait; undefined: worked out from latencies; 0: never. */
  readonly hung_after?: number | undefined
  readonly base: number
  readonly max: number
  readonly max_ejected: number
}

export type EjectionReason = 'consecutive_errors' | 'error_rate' | 'slow' | 'hung'

/** Requests in a row that must all be waiting before an endpoint is held to be hung. */
const HUNG_REQUESTS = 5
/** Without a time of its own: this much longer than its peers' mean, twice what took longest lately, and at least so long. */
const HUNG_FACTOR = 20
const SLOWEST_FACTOR = 2
const HUNG_FLOOR_MS = 250
/** Latencies are not compared before there are as many of them. */
const FEWEST_LATENCIES = 20
/** Weight of a new latency in the running mean. */
const SMOOTHING = 0.1

/** What is known of one endpoint. */
export class Record {
  /** Failures since the last success. */
  consecutive = 0
  /** Of the window's two halves, the filling one first. */
  good = 0
  bad = 0
  goodBefore = 0
  badBefore = 0
  halfEndsAt = 0
  /** The longest latencies of the two halves: who holds requests on purpose is not hung. */
  slowestMs = 0
  slowestBeforeMs = 0
  /** Running mean of latencies in milliseconds, and how many went in. */
  latencyMs = 0
  latencies = 0
  /** Requests begun since the last outcome, and since when there have been too many of them. */
  unanswered = 0
  silentSince = 0
  lastGoodAt = Number.NEGATIVE_INFINITY
  ejectedUntil = 0
  ejectedFor: EjectionReason | undefined = undefined
  /** Ejections, less one for each `base` of good conduct. */
  ejections = 0

  began(nowMs: number): void {
    // From the last of them on, not the first: it, too, must have had its time.
    if (++this.unanswered === HUNG_REQUESTS) this.silentSince = nowMs
  }

  /** Whoever asked has left after `waitedMs`: too soon to say anything, perhaps. */
  abandoned(waitedMs: number): void {
    if (waitedMs < HUNG_FLOOR_MS && this.unanswered > 0) this.unanswered--
  }

  /** Nobody has compared it with others for a while. */
  forget(): void {
    this.unanswered = 0
  }

  ended(nowMs: number, latencyMs: number, isGood: boolean, windowMs: number): void {
    this.unanswered = 0
    this.#turn(nowMs, windowMs)
    if (!isGood) {
      this.consecutive++
      this.bad++
      return
    }
    this.consecutive = 0
    this.good++
    this.lastGoodAt = nowMs
    this.slowestMs = Math.max(this.slowestMs, latencyMs)
    this.latencyMs += (latencyMs - this.latencyMs) * (this.latencies === 0 ? 1 : SMOOTHING)
    this.latencies++
  }

  /** Begins again with nothing against it. */
  forgive(): void {
    this.consecutive = this.good = this.bad = this.goodBefore = this.badBefore = 0
    this.latencies = this.unanswered = 0
  }

  #turn(nowMs: number, windowMs: number): void {
    if (nowMs < this.halfEndsAt) return
    const isFresh = nowMs < this.halfEndsAt + windowMs / 2
    this.goodBefore = isFresh ? this.good : 0
    this.badBefore = isFresh ? this.bad : 0
    this.slowestBeforeMs = isFresh ? this.slowestMs : 0
    this.good = this.bad = this.slowestMs = 0
    this.halfEndsAt = nowMs + windowMs / 2
  }
}

/** The running means that say something, in order. */
export function latenciesOf(peers: readonly Record[]): number[] {
  return peers
    .filter((peer) => peer.latencies >= FEWEST_LATENCIES)
    .map((peer) => peer.latencyMs)
    .sort((a, b) => a - b)
}

/**
 * What speaks against an endpoint that is not ejected yet; undefined when nothing does.
 * @param latencies of all, in order; only needed with `slow_factor`
 */
export function suspicion(
  record: Record,
  peers: readonly Record[],
  latencies: readonly number[],
  options: OutlierOptions,
  nowMs: number,
): EjectionReason | undefined {
  if (record.ejectedUntil > nowMs) return undefined
  const { consecutive_errors: most, error_rate: rate, slow_factor: factor } = options
  if (most > 0 && record.consecutive >= most) return 'consecutive_errors'
  const bad = record.bad + record.badBefore
  const all = bad + record.good + record.goodBefore
  if (rate > 0 && all >= options.minimum_requests && bad / all >= rate) return 'error_rate'
  if (factor > 0 && isSlow(record, latencies, factor)) return 'slow'
  return isHung(record, peers, options, nowMs) ? 'hung' : undefined
}

function isSlow(record: Record, latencies: readonly number[], factor: number): boolean {
  if (record.latencies < FEWEST_LATENCIES) return false
  const own = latencies.indexOf(record.latencyMs)
  const middle = (latencies.length - 1) >> 1
  const median = latencies[own >= 0 && own <= middle ? middle + 1 : middle]
  return median !== undefined && record.latencyMs > median * factor
}

function isHung(record: Record, peers: readonly Record[], options: OutlierOptions, nowMs: number): boolean {
  if (options.hung_after === 0 || record.unanswered < HUNG_REQUESTS) return false
  const waitedMs = nowMs - record.silentSince
  const answering = peers.filter((peer) => peer !== record && peer.lastGoodAt > record.silentSince)
  if (answering.length === 0) return false
  if (options.hung_after !== undefined) return waitedMs >= options.hung_after
  const meanMs = answering.reduce((sum, peer) => sum + peer.latencyMs, 0) / answering.length
  const slowestMs = Math.max(...[record, ...answering].flatMap((each) => [each.slowestMs, each.slowestBeforeMs]))
  return waitedMs >= Math.max(HUNG_FLOOR_MS, HUNG_FACTOR * meanMs, SLOWEST_FACTOR * slowestMs)
}

/**
 * Whether a suspect may be left alone: not more than the share of all, and only where somebody who does better takes over.
 * @param helpers those that can be sent its requests at present
 */
export function mayEject(
  record: Record,
  peers: readonly Record[],
  helpers: readonly Record[],
  options: OutlierOptions,
  nowMs: number,
): boolean {
  const ejected = peers.filter((peer) => peer.ejectedUntil > nowMs).length
  const most = Math.max(1, Math.floor(peers.length * options.max_ejected))
  if (ejected >= most) return false
  return helpers.some((peer) => peer !== record && peer.ejectedUntil <= nowMs && peer.consecutive <= 1)
}

/** Whether an answer shows that it was not hung after all, but paused: then it is ejected no longer. */
export function revive(record: Record, nowMs: number): boolean {
  if (record.ejectedUntil <= nowMs || record.ejectedFor !== 'hung') return false
  record.ejectedUntil = nowMs
  record.ejections--
  return true
}

/** Time of this ejection: longer each time. Counts it. */
export function eject(record: Record, reason: EjectionReason, options: OutlierOptions, nowMs: number): void {
  const conductMs = nowMs - record.ejectedUntil
  if (record.ejectedUntil > 0) {
    record.ejections = Math.max(0, record.ejections - Math.floor(conductMs / options.base))
  }
  record.ejections++
  record.ejectedFor = reason
  record.ejectedUntil = nowMs + Math.min(options.base * record.ejections, options.max)
  record.forgive()
}
