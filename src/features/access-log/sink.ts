/**
 * Where access log lines go: standard output, or a file that is rotated and can be opened again. Lines are gathered
 * and written in the background, a second later at most. Nothing ever waits for the destination: what it cannot take
 * within a bound is dropped and counted, and a failing disk is logged once and tried again every second.
 *
 *   opening ─▶ open ◀─▶ reopening      failed: no file; opened again with the next tick
 *      └──────────────────▶ failed     closed: retired and idle; opened again should a late line come
 */
import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import sonicBoom, { type SonicBoom } from 'sonic-boom'
import type { Clock, Timer } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import type { Counter, MetricSpec, Metrics } from '../../core/metrics.ts'
import { shouldRotate } from './policy/rotation.ts'
import { moveAside } from './rotate.ts'
import type { RotateConfig } from './schema.ts'

const dropped: MetricSpec = {
  name: 'gateway_access_log_dropped_total',
  help: 'Access log lines that were lost because their destination was slow, full or failing.',
  type: 'counter',
  labels: [],
}

const failures: MetricSpec = {
  name: 'gateway_access_log_errors_total',
  help: 'Failed attempts to open, write or rotate the access log.',
  type: 'counter',
  labels: [],
}

export const accessLogMetrics: readonly MetricSpec[] = [dropped, failures]

export interface SinkDeps {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

/** Enough for one write, below what sonic-boom would split. */
const CHUNK_BYTES = 8192
/** Lines that may wait for a slow destination: some ten thousand. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024
const TICK_MS = 1000
/** A rotation that failed is not tried again for this long. */
const ROTATION_PAUSE_MS = 60_000
/** A retired sink closes its file when no late line has come for this long. */
const IDLE_MS = 5000
/** How often a destination that takes nothing is tried in `flush`, 100 ms apart, before its lines are given up. */
const FLUSH_RETRIES = 5

type State = 'opening' | 'open' | 'failed' | 'closed'

export class AccessLogSink {
  /** How its file is rotated; false: not by us. May be changed at any time. */
  rotation: RotateConfig | false = false
  readonly #path: string | undefined
  readonly #clock: Clock
  readonly #log: Log
  readonly #dropped: Counter
  readonly #failures: Counter
  #state: State = 'opening'
  #out: SonicBoom
  /** Lines that are not handed over yet. ASCII: one byte a character. */
  #pending = ''
  /** Bytes handed over and not written yet. */
  #queuedBytes = 0
  #timer: Timer | undefined = undefined
  #lastLineAt = 0
  #isFailing = false
  #isRetired = false
  /** Retries left for a destination that is busy: endless unless `flush` waits for it. */
  #retriesLeft = Number.POSITIVE_INFINITY
  /** What rotation decides by; only regular files are rotated. */
  #isRegular = false
  #fileBytes = 0
  #fileSince = 0
  /** How often a file was opened. */
  #openings = 0
  #isRotating = false
  #nextRotationAt = 0
  /** It was renamed while it was being opened: what is opened now may be the renamed one. */
  #isReopenDue = false

  /** @param path the file; undefined: standard output */
  constructor(path: string | undefined, deps: SinkDeps) {
    this.#path = path
    this.#clock = deps.clock
    this.#log = deps.log
    this.#dropped = deps.metrics.counter(dropped, {})
    this.#failures = deps.metrics.counter(failures, {})
    this.#out = this.#open()
  }

  /** Takes a line: ASCII, with its line feed. */
  write(line: string): void {
    if (this.#pending.length + this.#queuedBytes + line.length > MAX_WAITING_BYTES) {
      this.#dropped.value++
      return
    }
    this.#pending += line
    this.#timer ??= this.#clock.after(TICK_MS, () => this.#tick())
    if (this.#isRetired) this.#lastLineAt = this.#clock.now()
    if (this.#pending.length >= CHUNK_BYTES) this.#handOver()
  }

  /** Opens the file again: something else has renamed it. */
  reopen(): void {
    if (this.#path === undefined) return
    this.#handOver()
    if (this.#state === 'open') this.#out.reopen()
    else if (this.#state === 'opening') this.#isReopenDue = true
  }

  /** Writes all that waits before it returns, as far as the destination takes it: for the moment before an exit. */
  flush(): void {
    this.#handOver()
    if (this.#state !== 'open') return
    this.#retriesLeft = FLUSH_RETRIES
    try {
      this.#out.flushSync()
      this.#fileBytes += this.#queuedBytes
      this.#queuedBytes = 0
    } catch (error) {
      this.#failed(error)
    }
    this.#retriesLeft = Number.POSITIVE_INFINITY
  }

  /**
   * No configuration names it any more. Requests that were in flight still end here, so the file is closed only when
   * lines have stopped coming.
   */
  retire(): void {
    this.#isRetired = true
    this.rotation = false
    this.#lastLineAt = this.#clock.now()
    this.#handOver()
    this.#timer ??= this.#clock.after(TICK_MS, () => this.#tick())
  }

  #open(): SonicBoom {
    this.#state = 'opening'
    const out = new sonicBoom.SonicBoom({
      dest: this.#path ?? 1,
      sync: false,
      minLength: 0,
      mkdir: true,
      mode: 0o640,
      retryEAGAIN: () => this.#retriesLeft-- > 0,
    })
    out.on('ready', () => this.#ready())
    out.on('error', (error: Error) => {
      if (this.#state === 'opening') this.#state = 'failed'
      if (this.#isRotating) this.#rotated(false)
      this.#failed(error)
    })
    out.on('write', (bytes: number) => this.#written(bytes))
    // Standard output is there from the start, so that an early exit loses nothing.
    if (this.#path === undefined) this.#state = 'open'
    return out
  }

  #ready(): void {
    if (this.#path === undefined) return
    if (this.#isRotating) this.#rotated(true)
    const isFirst = this.#state === 'opening'
    if (!isFirst) this.#fileBytes = 0
    this.#fileSince = this.#clock.wall()
    const opening = ++this.#openings
    const inspected = (found: Stats | undefined) => {
      // Another file has been opened meanwhile: this one's size says nothing about it.
      if (opening === this.#openings) this.#inspected(found, isFirst)
    }
    stat(this.#path).then(inspected, () => inspected(undefined))
  }

  /** Nothing is written to a file before this, so that what it held is known. What nobody can inspect is not rotated. */
  #inspected(found: Stats | undefined, isFirst: boolean): void {
    this.#isRegular = found?.isFile() === true
    if (found !== undefined) {
      this.#fileBytes = Math.max(this.#fileBytes, found.size)
      if (isFirst && found.size > 0) this.#fileSince = found.mtimeMs
    }
    if (!isFirst) return
    this.#state = 'open'
    // Before any line: none goes to the file that was moved away.
    if (this.#isReopenDue) this.#out.reopen()
    this.#isReopenDue = false
    this.#handOver()
  }

  #handOver(): void {
    if (this.#pending === '') return
    if (this.#state === 'closed') this.#out = this.#open()
    if (this.#state !== 'open') return
    const chunk = this.#pending
    this.#pending = ''
    this.#queuedBytes += chunk.length
    this.#out.write(chunk)
  }

  #written(bytes: number): void {
    this.#queuedBytes = Math.max(0, this.#queuedBytes - bytes)
    this.#fileBytes += bytes
    if (this.#isFailing) {
      this.#isFailing = false
      this.#log.info({ file: this.#name }, 'the access log is written again')
    }
    this.#rotateIfDue()
  }

  #tick(): void {
    this.#timer = undefined
    if (this.#state === 'failed') this.#out = this.#open()
    this.#rotateIfDue()
    if (this.#pending !== '') this.#handOver()
    // What failed stays with sonic-boom until somebody asks it to try again.
    else if (this.#isFailing && this.#state === 'open') this.#out.flush()
    if (this.#isRetired && this.#closeIfIdle()) return
    const isWaiting = this.#pending !== '' || this.#queuedBytes > 0 || this.#isRetired
    if (isWaiting) this.#timer ??= this.#clock.after(TICK_MS, () => this.#tick())
  }

  #closeIfIdle(): boolean {
    if (this.#state === 'opening' || this.#pending !== '' || this.#clock.now() - this.#lastLineAt < IDLE_MS)
      return false
    if (this.#state === 'open' && this.#isFailing) this.#out.destroy()
    else if (this.#state === 'open') this.#out.end()
    this.#state = 'closed'
    this.#queuedBytes = 0
    return true
  }

  #rotateIfDue(): void {
    const { rotation } = this
    if (rotation === false || !this.#isRegular || this.#isRotating || this.#state !== 'open') return
    const file = { sizeBytes: this.#fileBytes, sinceMs: this.#fileSince }
    if (!shouldRotate(file, rotation, this.#clock.wall()).rotate) return
    if (this.#clock.now() < this.#nextRotationAt) return
    this.#isRotating = true
    moveAside(this.#path as string, rotation.keep).then(
      () => {
        if (this.#state === 'open') this.#out.reopen()
      },
      (error: unknown) => {
        this.#rotated(false)
        this.#failed(error)
      },
    )
  }

  #rotated(isDone: boolean): void {
    this.#isRotating = false
    if (!isDone) this.#nextRotationAt = this.#clock.now() + ROTATION_PAUSE_MS
  }

  get #name(): string {
    return this.#path ?? 'standard output'
  }

  #failed(error: unknown): void {
    this.#failures.value++
    if (this.#isFailing) return
    this.#isFailing = true
    this.#log.error(
      { file: this.#name, error: error instanceof Error ? error.message : String(error) },
      'the access log cannot be written; lines wait, then are lost, until it can',
    )
  }
}
