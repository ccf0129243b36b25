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
  /** Time without an outcome while several requests wait; undefined: worked out from the peers' latencies; 0: never. */
  readonly hung_after?: number | undefined
  readonly base: number
  readonly max: number
  readonly max_ejected: number
}

export type EjectionReason = 'consecutive_errors' | 'error_rate' | 'slow' | 'hung'

/** Requests in a row that must all be waiting before an endpoint is held to be hung. */
const HUNG_REQUESTS = 5
/** Without a time of its own: this much slower than its peers' mean, and at least so long. */
const HUNG_FACTOR = 20
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
  /** Running mean of latencies in milliseconds, and how many went in. */
  latencyMs = 0
  latencies = 0
  /** Requests begun since the last outcome, and when the first of them was. */
  unanswered = 0
  unansweredSince = 0
  lastGoodAt = Number.NEGATIVE_INFINITY
  ejectedUntil = 0
  /** Ejections, less one for each `base` of good conduct. */
  ejections = 0

  began(nowMs: number): void {
    if (this.unanswered++ === 0) this.unansweredSince = nowMs
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
    this.good = this.bad = 0
    this.halfEndsAt = nowMs + windowMs / 2
  }
}

/** Why this endpoint is to be ejected now; undefined when it is not. */
export function ejectionReason(
  record: Record,
  peers: readonly Record[],
  options: OutlierOptions,
  nowMs: number,
): EjectionReason | undefined {
  if (record.ejectedUntil > nowMs) return undefined
  const reason = suspicion(record, peers, options, nowMs)
  if (reason === undefined || !mayEject(record, peers, options, nowMs)) return undefined
  return reason
}

function suspicion(
  record: Record,
  peers: readonly Record[],
  options: OutlierOptions,
  nowMs: number,
): EjectionReason | undefined {
  const { consecutive_errors: most, error_rate: rate, slow_factor: factor } = options
  if (most > 0 && record.consecutive >= most) return 'consecutive_errors'
  const bad = record.bad + record.badBefore
  const all = bad + record.good + record.goodBefore
  if (rate > 0 && all >= options.minimum_requests && bad / all >= rate) return 'error_rate'
  if (factor > 0 && isSlow(record, peers, factor)) return 'slow'
  return isHung(record, peers, options, nowMs) ? 'hung' : undefined
}

function isSlow(record: Record, peers: readonly Record[], factor: number): boolean {
  if (record.latencies < FEWEST_LATENCIES) return false
  const others = peers
    .filter((peer) => peer !== record && peer.latencies >= FEWEST_LATENCIES)
    .map((peer) => peer.latencyMs)
    .sort((a, b) => a - b)
  const median = others[others.length >> 1]
  return median !== undefined && record.latencyMs > median * factor
}

function isHung(record: Record, peers: readonly Record[], options: OutlierOptions, nowMs: number): boolean {
  if (options.hung_after === 0 || record.unanswered < HUNG_REQUESTS) return false
  const waitedMs = nowMs - record.unansweredSince
  const answering = peers.filter((peer) => peer !== record && peer.lastGoodAt > record.unansweredSince)
  if (answering.length === 0) return false
  const meanMs = answering.reduce((sum, peer) => sum + peer.latencyMs, 0) / answering.length
  return waitedMs >= (options.hung_after ?? Math.max(HUNG_FLOOR_MS, HUNG_FACTOR * meanMs))
}

/** Not the last one, not more than the share, and only where a peer does better. */
function mayEject(record: Record, peers: readonly Record[], options: OutlierOptions, nowMs: number): boolean {
  const ejected = peers.filter((peer) => peer.ejectedUntil > nowMs).length
  const most = Math.max(1, Math.floor(peers.length * options.max_ejected))
  if (ejected >= most || peers.length - ejected <= 1) return false
  return peers.some((peer) => peer !== record && peer.ejectedUntil <= nowMs && peer.consecutive <= 1)
}

/** Time of this ejection: longer each time. Counts it. */
export function eject(record: Record, options: OutlierOptions, nowMs: number): void {
  const conductMs = nowMs - record.ejectedUntil
  if (record.ejectedUntil > 0) {
    record.ejections = Math.max(0, record.ejections - Math.floor(conductMs / options.base))
  }
  record.ejections++
  record.ejectedUntil = nowMs + Math.min(options.base * record.ejections, options.max)
  record.forgive()
}
