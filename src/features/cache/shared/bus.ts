/**
 * Purges from and to other instances. Each is appended to a log in Redis and published in the same step; whoever hears
 * all messages is up to date, and whoever may have missed some reads the log from where it was. Only what the log cannot
 * tell any more (Redis has lost it, or it has moved on) makes this instance doubt, and mark stale, all that it has.
 *
 *   deaf ── channel is there ─▶ catching up ── end of the log reached ─▶ hearing ── channel lost, message missing ─▶ …
 */
import type { Clock, Timer } from '../../../core/clock.ts'
import type { Counter, Gauge, Metrics } from '../../../core/metrics.ts'
import type { SharedState } from '../../../core/shared-state.ts'
import { asSelector, type Selector } from '../policy/purge.ts'
import { type Position, type Purgeable, PurgeLog, type Standing } from '../policy/purge-log.ts'
import type { Announcer } from '../purges.ts'
import { busUp, purgeMessages } from './metrics.ts'
import { appendPurge, readPurges } from './scripts.ts'

/** What a purge of another instance is done with, and what is told of fetches. */
export interface BusListener {
  purge(selector: Selector, isSoft: boolean): void
  /** Purges may have been missed. */
  doubt(): void
  /** A fetch has ended somewhere: its answer is there, or there is none. */
  ended(name: string, isFilled: boolean): void
  /** Nobody will say any more how fetches end. */
  deaf(): void
}

export interface BusDeps {
  readonly shared: SharedState
  readonly clock: Clock
  readonly metrics: Metrics
  /** Unlike any other instance's. */
  readonly instance: string
}

/** Entries of the log: what an instance may have missed and still catch up with. */
const LOG_ENTRIES = 10_000
const PAGE_ENTRIES = 500
const RETRY_MS = 500
/** Where messages may go missing unnoticed, the log is asked this often. */
const CHECK_MS = 1000
/** Purges that wait for Redis; beyond, others are told to doubt all they have. */
const MAX_UNSENT = 1000

interface Unsent {
  readonly selector: Selector
  readonly isSoft: boolean
  isUnderWay: boolean
}

export class Bus implements Announcer {
  readonly #deps: BusDeps
  readonly #listener: BusListener
  readonly #known = new PurgeLog()
  readonly #stop: () => void
  readonly #up: Gauge
  readonly #counts: Readonly<Record<'sent' | 'received' | 'caught_up' | 'queued' | 'doubted', Counter>>
  #unsent: Unsent[] = []
  #isLive = false
  #isHearing = false
  #isReading = false
  /** A message told of something that the reading under way may not have seen. */
  #mustReadOn = false
  #hasHeard = false
  #seq = 0
  #epochs = 0
  #retry: Timer | undefined = undefined
  readonly #check: Timer | undefined
  #isClosed = false

  constructor(deps: BusDeps, listener: BusListener) {
    this.#deps = deps
    this.#listener = listener
    const { metrics, shared } = deps
    const count = (kind: string) => metrics.counter(purgeMessages, { kind })
    this.#counts = {
      sent: count('sent'),
      received: count('received'),
      caught_up: count('caught_up'),
      queued: count('queued'),
      doubted: count('doubted'),
    }
    this.#up = metrics.gauge(busUp, {})
    this.#stop = shared.subscribe(this.channel, {
      message: (payload) => this.#message(payload.toString()),
      lost: () => this.#lost(),
      regained: () => this.#regained(),
    })
    this.#check = shared.hasSilentLoss ? deps.clock.every(CHECK_MS, () => this.#readOn()) : undefined
  }

  get channel(): string {
    return `${this.#deps.shared.prefix}cache:bus`
  }

  /** Whether what the shared tier has can be judged now. */
  get isHearing(): boolean {
    return this.#isHearing && this.#deps.shared.isUp
  }

  /** What a fetch that begins now knows of purges. */
  get position(): Position {
    return { epoch: this.#known.epoch, seq: this.#seq }
  }

  /** Whether an object of the shared tier may still be used, by all that is known here. */
  standing(object: Purgeable, isMeant: (selector: Selector) => boolean): Standing {
    let standing = this.#known.standing(object)
    for (const { selector, isSoft } of this.#unsent) {
      if (standing === 'outdated' || !isMeant(selector)) continue
      standing = isSoft ? 'stale' : 'outdated'
    }
    return standing
  }

  async announce(selector: Selector, isSoft: boolean): Promise<'sent' | 'queued'> {
    const unsent: Unsent = { selector, isSoft, isUnderWay: false }
    this.#unsent.push(unsent)
    if (this.#unsent.length > MAX_UNSENT) {
      this.#unsent = [{ selector: { all: true }, isSoft: true, isUnderWay: false }]
    }
    if (await this.#send(unsent)) return 'sent'
    this.#counts.queued.value++
    this.#tryAgain()
    return 'queued'
  }

  close(): void {
    this.#isClosed = true
    this.#stop()
    this.#retry?.cancel()
    this.#check?.cancel()
    this.#up.value = 0
  }

  /** False when it has to wait. */
  async #send(unsent: Unsent): Promise<boolean> {
    const { shared, instance } = this.#deps
    unsent.isUnderWay = true
    const entry = JSON.stringify({ from: instance, soft: unsent.isSoft, ...unsent.selector })
    try {
      const answer = await shared.run(appendPurge, [this.#log], [this.#freshEpoch(), entry, LOG_ENTRIES, this.channel])
      const [epoch, seq] = answer as [Buffer, number]
      this.#unsent = this.#unsent.filter((other) => other !== unsent)
      this.#counts.sent.value++
      // What is known of another epoch comes when its messages do.
      if (epoch.toString() === this.#known.epoch) this.#known.note(seq, unsent.selector, unsent.isSoft)
      return true
    } catch {
      unsent.isUnderWay = false
      return false
    }
  }

  /** For a log that has to begin: unlike any before, also of this instance's. */
  #freshEpoch(): string {
    return `${this.#deps.instance}.${Math.floor(this.#deps.clock.wall()).toString(36)}.${this.#epochs++}`
  }

  get #log(): string {
    return `${this.#deps.shared.prefix}cache:log`
  }

  #message(text: string): void {
    const kind = text.slice(0, 2)
    if (kind === 'f ' || kind === 'r ') this.#listener.ended(text.slice(2), kind === 'f ')
    else if (kind === 'p ') this.#heard(text)
  }

  /** `p epoch number entry` */
  #heard(text: string): void {
    if (!this.#isLive) return
    const match = /^p (\S+) (\d+) /.exec(text)
    if (match === null) return
    const [head, epoch, number] = match
    const seq = Number(number)
    if (!this.#isHearing) {
      this.#mustReadOn = true
      return
    }
    if (epoch === this.#known.epoch ? seq !== this.#seq + 1 : seq > 1) {
      // Not the next one: either known already, or something is missing.
      if (epoch !== this.#known.epoch || seq > this.#seq) this.#catchUp()
      return
    }
    // A new log begins, or its first entry came, heard on a channel that was there all the time: nothing was missed.
    if (epoch !== this.#known.epoch) this.#known.begin(epoch as string)
    this.#take(seq, text.slice(head.length), this.#counts.received)
  }

  #take(seq: number, entry: string, count: Counter): void {
    this.#seq = seq
    const { selector, isSoft, from } = parsed(entry)
    if (selector === undefined) return
    this.#known.note(seq, selector, isSoft)
    if (from === this.#deps.instance) return
    count.value++
    this.#listener.purge(selector, isSoft)
  }

  #lost(): void {
    this.#isLive = false
    this.#isHearing = false
    this.#up.value = 0
    this.#listener.deaf()
  }

  #regained(): void {
    this.#isLive = true
    this.#catchUp()
  }

  #catchUp(): void {
    this.#isHearing = false
    this.#up.value = 0
    this.#readOn()
  }

  #readOn(): void {
    this.#mustReadOn = true
    if (this.#isLive && !this.#isReading) void this.#read()
  }

  async #read(): Promise<void> {
    this.#isReading = true
    try {
      while (this.#mustReadOn && this.#isLive) {
        this.#mustReadOn = false
        while (await this.#readPage());
      }
      if (this.#isLive) this.#caughtUp()
    } catch {
      this.#mustReadOn = true
      this.#tryAgain()
    }
    this.#isReading = false
  }

  #caughtUp(): void {
    this.#isHearing = true
    this.#hasHeard = true
    this.#up.value = 1
    this.#sendQueued()
  }

  /** True when there is more. */
  async #readPage(): Promise<boolean> {
    const { shared } = this.#deps
    const known = [this.#known.epoch === '' ? '-' : this.#known.epoch, this.#seq]
    const page = await shared.run(
      readPurges,
      [this.#log],
      [this.#freshEpoch(), ...known, PAGE_ENTRIES, LOG_ENTRIES, this.channel],
    )
    const [epochBytes, last, first, ...entries] = page as [Buffer, number, number, ...Buffer[]]
    const epoch = epochBytes.toString()
    const isSame = epoch === this.#known.epoch
    if (!isSame) this.#known.begin(epoch)
    if (!isSame || first > this.#seq + 1) {
      this.#known.skip(first - 1)
      this.#seq = first - 1
      // What came before the first connection can concern nothing that is here.
      if (this.#hasHeard) {
        this.#counts.doubted.value++
        this.#listener.doubt()
      }
    }
    for (const [i, entry] of entries.entries()) {
      // Heard meanwhile.
      if (first + i > this.#seq) this.#take(first + i, entry.toString(), this.#counts.caught_up)
    }
    return this.#seq < last
  }

  #tryAgain(): void {
    if (this.#retry !== undefined || this.#isClosed) return
    this.#retry = this.#deps.clock.after(RETRY_MS, () => {
      this.#retry = undefined
      if (this.#isClosed) return
      if (this.#mustReadOn && this.#isLive && !this.#isReading) void this.#read()
      this.#sendQueued()
      if (this.#unsent.length > 0 || (this.#mustReadOn && this.#isLive)) this.#tryAgain()
    })
  }

  #sendQueued(): void {
    for (const unsent of this.#unsent) if (!unsent.isUnderWay) void this.#send(unsent)
  }
}

interface Entry {
  readonly selector: Selector | undefined
  readonly isSoft: boolean
  readonly from: unknown
}

function parsed(text: string): Entry {
  try {
    const value = JSON.parse(text) as { from?: unknown; soft?: unknown }
    return { selector: asSelector(value), isSoft: value.soft === true, from: value.from }
  } catch {
    return { selector: undefined, isSoft: false, from: undefined }
  }
}
