/** A client that waits for the shared tier: it may leave meanwhile. */
import type { GatewayError } from '../../core/errors.ts'
import type { Cancel } from '../../core/origin.ts'

export class Asking {
  isOver = false
  #then: Cancel | undefined = undefined

  readonly cancel: Cancel = (why: GatewayError) => {
    this.isOver = true
    this.#then?.(why)
  }

  /** The answer is being obtained now. */
  found(cancel: Cancel): void {
    this.#then = cancel
  }
}
