/** Calls from the process that runs the scenarios to its helpers (load, backends), which end when it does. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

interface Call {
  readonly id: number
  readonly name: string
  readonly argument: unknown
}

interface Answer {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

/** In the helper: what can be called. */
// biome-ignore lint/suspicious/noExplicitAny: each call has its own argument, as its caller declares it
export function serve(handlers: Readonly<Record<string, (argument: any) => unknown>>): void {
  process.on('message', async ({ id, name, argument }: Call) => {
    let answer: Answer
    try {
      answer = { id, result: await handlers[name]?.(argument) }
    } catch (error) {
      answer = { id, error: String(error) }
    }
    process.send?.(answer)
  })
  // The runner is gone, however it ended.
  process.on('disconnect', () => process.exit(0))
  // Ctrl-C reaches the whole group; the runner ends its helpers in its own order.
  process.on('SIGINT', () => {})
}

/** In the runner: one helper process. */
export class Helper {
  readonly #child: ChildProcess
  readonly #open = new Map<number, (answer: Answer) => void>()
  #calls = 0

  constructor(file: string) {
    this.#child = fork(fileURLToPath(new URL(file, import.meta.url)), { serialization: 'advanced' })
    this.#child.on('message', (answer: Answer) => {
      this.#open.get(answer.id)?.(answer)
      this.#open.delete(answer.id)
    })
    this.#child.on('exit', () => {
      for (const [id, settle] of this.#open) settle({ id, error: `${file} ended early` })
    })
  }

  async call<T>(name: string, argument: unknown = undefined): Promise<T> {
    const id = ++this.#calls
    const answer = await new Promise<Answer>((settle) => {
      this.#open.set(id, settle)
      this.#child.send({ id, name, argument } satisfies Call)
    })
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer.result as T
  }

  async stop(): Promise<void> {
    if (!this.#child.connected) return
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.disconnect()
    await gone
  }
}
