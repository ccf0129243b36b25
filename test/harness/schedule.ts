/**
 * Parts of a random exchange whose every wait is a task that the test runs when it likes: an origin with a script,
 * stages, and body filters of several habits. Used by the randomised-schedule test of the pipeline.
 */
import { type BodyFilter, type BodySink, type BodySource, wholeBody } from '../../src/core/body.ts'
import { GatewayError } from '../../src/core/errors.ts'
import type { Cancel, Origin, Reader } from '../../src/core/origin.ts'
import type { Reply } from '../../src/core/reply.ts'
import type { Stage } from '../../src/core/stage.ts'

export const ORIGIN_STATUS = 299
export const REPLY_STATUS = 218

/** What waits to happen; a test runs any of it, in any order. */
export class Tasks {
  readonly #pending: (() => void)[] = []

  get size(): number {
    return this.#pending.length
  }

  add(task: () => void): void {
    this.#pending.push(task)
  }

  run(which: number): void {
    const [task] = this.#pending.splice(which % this.#pending.length, 1)
    task?.()
  }
}

export interface OriginStep {
  readonly kind: 'interim' | 'head' | 'write' | 'end' | 'fail'
  /** Whether it waits for its turn. */
  readonly isLater: boolean
}

/** Follows its script within the protocol; after the script it stays silent. */
export class ScriptedOrigin implements Origin {
  readonly written: string[] = []
  cancels = 0
  /** `end`, `fail`, `cancel` or `abort`. */
  over: string | undefined = undefined
  /** Cancelled although it had ended or failed, and not in the turn in which it was asked. */
  needlessCancels = 0
  asked = 0
  readonly #script: readonly OriginStep[]
  readonly #tasks: Tasks
  #next = 0
  #isPaused = false
  #isRunning = false

  constructor(script: readonly OriginStep[], tasks: Tasks) {
    this.#script = script
    this.#tasks = tasks
  }

  fetch(_x: unknown, _req: unknown, to: Reader): Cancel {
    this.asked++
    // Who gives up in the middle of fetch learns only from its return how to.
    let isFresh = true
    queueMicrotask(() => {
      isFresh = false
    })
    this.#go(to, false)
    return () => {
      this.cancels++
      if (!isFresh && (this.over === 'end' || this.over === 'fail')) this.needlessCancels++
      this.over ??= 'cancel'
    }
  }

  #go(to: Reader, isDue: boolean): void {
    if (this.#isRunning) return
    this.#isRunning = true
    let mayRun = isDue
    while (this.over === undefined) {
      const step = this.#script[this.#next]
      if (step === undefined || (this.#isPaused && step.kind === 'write')) break
      if (step.isLater && !mayRun) {
        this.#tasks.add(() => this.#go(to, true))
        break
      }
      mayRun = false
      this.#next++
      this.#do(step.kind, to)
    }
    this.#isRunning = false
  }

  #do(kind: OriginStep['kind'], to: Reader): void {
    if (kind === 'interim') to.interim(103, ['Link', '</a>'])
    else if (kind === 'head') to.head({ status: ORIGIN_STATUS, reason: '', headers: [] }, this.#source(to))
    else if (kind === 'write') {
      const text = `${this.written.length} `
      this.written.push(text)
      if (!to.write(Buffer.from(text))) this.#isPaused = true
    } else if (kind === 'end') {
      this.over = 'end'
      to.end()
    } else {
      this.over = 'fail'
      to.fail(new GatewayError('truncated'))
    }
  }

  #source(to: Reader): BodySource {
    return {
      pause: () => {
        this.#isPaused = true
      },
      resume: () => {
        if (!this.#isPaused) return
        this.#isPaused = false
        this.#tasks.add(() => this.#go(to, true))
      },
      abort: () => {
        this.over ??= 'abort'
      },
    }
  }
}

export const filterKinds = ['pass', 'collect', 'later', 'fails', 'throws'] as const
export type FilterKind = (typeof filterKinds)[number]

/** Passes its input on unchanged, in the manner of its kind, and notes how it was ended. */
export class TestFilter implements BodyFilter {
  over: 'end' | 'failed' | 'aborted' | undefined = undefined
  isPlaced = false
  #source: BodySource = wholeBody
  #next: BodySink | undefined = undefined
  readonly #kind: FilterKind
  readonly #tasks: Tasks
  readonly #held: Uint8Array[] = []
  #isEnding = false
  #isBlocked = false
  #owesResume = false

  constructor(kind: FilterKind, tasks: Tasks) {
    this.#kind = kind
    this.#tasks = tasks
  }

  between(source: BodySource, next: BodySink): void {
    this.#source = source
    this.#next = next
    this.isPlaced = true
  }

  write(chunk: Uint8Array): boolean {
    if (this.over !== undefined) return true
    if (this.#kind === 'throws') throw new Error('a filter threw')
    if (this.#kind === 'fails') {
      this.over = 'failed'
      const why = new GatewayError('internal')
      this.#source.abort(why)
      this.#next?.fail(why)
      return true
    }
    if (this.#kind === 'pass') return this.#next?.write(chunk) ?? true
    this.#held.push(chunk)
    if (this.#kind === 'collect') return true
    this.#tasks.add(() => this.#flush())
    this.#owesResume = this.#held.length > 1
    return !this.#owesResume
  }

  end(): void {
    if (this.over !== undefined) return
    this.#isEnding = true
    if (this.#kind === 'later') this.#tasks.add(() => this.#flush())
    else this.#flush()
  }

  fail(why: GatewayError): void {
    if (this.over !== undefined) return
    this.over = 'failed'
    this.#next?.fail(why)
  }

  pause(): void {
    this.#isBlocked = true
    if (this.#kind === 'pass') this.#source.pause()
  }

  resume(): void {
    this.#isBlocked = false
    if (this.#kind === 'later') this.#flush()
    else this.#source.resume()
  }

  abort(why: GatewayError): void {
    if (this.over === 'aborted') return
    this.over = 'aborted'
    this.#source.abort(why)
  }

  #flush(): void {
    while (this.#held.length > 0 && this.over === undefined && !(this.#isBlocked && this.#kind === 'later')) {
      if (this.#next?.write(this.#held.shift() as Uint8Array) === false) this.#isBlocked = true
    }
    if (this.over !== undefined || this.#held.length > 0) return
    if (this.#isEnding) {
      this.over = 'end'
      this.#next?.end()
    } else if (this.#owesResume) {
      this.#owesResume = false
      this.#source.resume()
    }
  }
}

export interface StagePlan {
  readonly admit: 'absent' | 'pass' | 'reply' | 'throw' | 'fault' | 'pass later' | 'reply later' | 'throw later'
  readonly deliver: 'absent' | 'edit' | 'throw' | FilterKind
  readonly finish: 'absent' | 'note' | 'throw'
}

/** A stage after its plan. `finished` gets its name at each end, `filters` each filter it made. */
export function testStage(
  name: string,
  plan: StagePlan,
  tasks: Tasks,
  finished: string[],
  filters: TestFilter[],
): Stage {
  const reply: Reply = { status: REPLY_STATUS, headers: ['X-Reply', '1'], body: Buffer.from('reply') }
  const later = (settle: () => Reply | undefined) =>
    new Promise<Reply | undefined>((resolve, reject) => {
      tasks.add(() => {
        try {
          resolve(settle())
        } catch (thrown) {
          reject(thrown)
        }
      })
    })
  const outcomes: Record<string, () => Reply | undefined> = {
    pass: () => undefined,
    reply: () => reply,
    throw: () => {
      throw new GatewayError('bad_header')
    },
    fault: () => {
      throw new Error('a stage threw')
    },
  }
  const [outcome = '', isLater] = plan.admit.split(' ')
  const verdict = outcomes[outcome] as () => Reply | undefined
  return {
    name,
    ...(plan.admit !== 'absent' && { admit: () => (isLater === undefined ? verdict() : later(verdict)) }),
    ...(plan.deliver !== 'absent' && {
      deliver: (_x, res) => {
        if (plan.deliver === 'throw') throw new Error('a stage threw')
        res.headers.push('X-Edited-By', name)
        if (plan.deliver === 'edit' || plan.deliver === 'absent') return undefined
        const filter = new TestFilter(plan.deliver, tasks)
        filters.push(filter)
        return filter
      },
    }),
    ...(plan.finish !== 'absent' && {
      finish: () => {
        finished.push(name)
        if (plan.finish === 'throw') throw new Error('a stage threw')
      },
    }),
  }
}
